//! A stage alone, at the frames' own pace: a loop at full speed would show times that are too good. The codec is crate
//! `jpeg` with nothing around it, on as many threads as the programs use.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use common::report::Summary;
use common::time::Latency;
use jpeg::{Decoder, Encoder, Plane, Planes, Subsampling};
use pool::Pool;
use testkit::media::decode_planes;

use crate::control::Control;
use crate::schedule::{Schedule, due};

const LEAD: Duration = Duration::from_millis(100);
/// vidprod's default quality.
const QUALITY: u8 = 80;

/// Frames as vidprod publishes them, used in a loop.
#[derive(Debug)]
pub struct FloorFrames {
    pub jpegs: Vec<Bytes>,
    /// Their pictures as planes; width and height are even.
    planes: Vec<u8>,
    width: usize,
    height: usize,
}

impl FloorFrames {
    /// Decodes the frames, which have the same size.
    pub fn new(jpegs: Vec<Bytes>) -> Result<FloorFrames> {
        let file = tempfile::NamedTempFile::new().context("a file for the frames")?;
        std::fs::write(&file, jpegs.concat()).context("writing the frames into a file")?;
        // JPEG's own planes, full-range BT.601; a picture of an odd size gets one more column or row.
        let output = ["-pix_fmt", "yuvj420p", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"];
        let planes = decode_planes(file.path(), &["-f", "mjpeg"], &output)?;
        let header = Decoder::new()?.header(&jpegs[0])?;
        let [width, height] = [header.width, header.height].map(|side| side.next_multiple_of(2));
        anyhow::ensure!(planes.len() == jpegs.len() * width * height * 3 / 2, "ffmpeg has not decoded every frame");
        Ok(FloorFrames { jpegs, planes, width, height })
    }

    pub fn bytes_a_frame(&self) -> usize {
        self.jpegs.iter().map(Bytes::len).sum::<usize>() / self.jpegs.len()
    }

    fn jpeg(&self, n: usize) -> &Bytes {
        &self.jpegs[n % self.jpegs.len()]
    }

    fn picture(&self, n: usize) -> Planes<'_> {
        let FloorFrames { width, height, .. } = *self;
        let (luma, chroma) = (width * height, width * height / 4);
        let first = n % self.jpegs.len() * (luma + 2 * chroma);
        let plane = |at: usize, stride: usize| Plane { data: &self.planes[first + at..], stride };
        let (y, u, v) = (plane(0, width), plane(luma, width / 2), plane(luma + chroma, width / 2));
        Planes { width, height, subsampling: Subsampling::S420, y, u, v }
    }
}

#[derive(Clone, Debug)]
pub struct AloneResult {
    pub time: Summary,
    /// Processor time per frame in µs, of all threads, so that the codec's worker threads are included.
    pub cpu_us: f64,
}

/// The work that vidprod does on a picture.
pub fn encode(frames: &FloorFrames, schedule: Schedule, control: Control<'_>) -> Result<AloneResult> {
    let (mut encoder, mut jpeg) = (Encoder::on(Pool::new(None))?, Vec::new());
    measure(schedule, control, |n| encoder.encode(&frames.picture(n), QUALITY, &mut jpeg).context("encoding a frame"))
}

/// The work that vidcons does on a frame.
pub fn decode(frames: &FloorFrames, schedule: Schedule, control: Control<'_>) -> Result<AloneResult> {
    let (mut decoder, mut pixels) = (Decoder::on(Pool::new(None))?, Vec::new());
    measure(schedule, control, |n| {
        let header = decoder.header(frames.jpeg(n))?;
        pixels.resize(header.width * header.height, 0);
        decoder.decode_xrgb(frames.jpeg(n), &mut pixels, header.width).context("decoding a frame")?;
        Ok(())
    })
}

/// Calls `work` for each frame when it is due, and measures it.
fn measure(schedule: Schedule, control: Control<'_>, mut work: impl FnMut(usize) -> Result<()>) -> Result<AloneResult> {
    let clock = control.clock;
    let start = clock.now().plus(LEAD);
    let (mut time, mut cpu) = (Latency::default(), Duration::ZERO);
    for n in 0..schedule.total() {
        clock.sleep_until(due(start, schedule.fps, n));
        control.check()?;
        let (cpu_before, before) = (cli::machine::cpu_time(), clock.now());
        work(n as usize)?;
        let took = clock.now().since(before);
        if n >= schedule.warmup {
            time.record(took);
            cpu += cli::machine::cpu_time().saturating_sub(cpu_before);
        }
    }
    Ok(AloneResult { time: Summary::from(&time), cpu_us: cpu.as_secs_f64() * 1e6 / schedule.measured.max(1) as f64 })
}

#[cfg(test)]
mod tests {
    use cli::shutdown::Shutdown;
    use common::time::ManualClock;

    use super::*;

    #[test]
    fn the_warm_up_is_done_and_not_counted() {
        let clock = ManualClock::default();
        let schedule = Schedule { fps: 10.0, warmup: 10, measured: 20 };
        let mut done = Vec::new();
        let control = Control { clock: &clock, shutdown: &Shutdown::default() };
        let alone = measure(schedule, control, |n| {
            done.push(n);
            clock.advance(Duration::from_millis(if n < 10 { 50 } else { 5 }));
            Ok(())
        });
        let alone = alone.unwrap();
        assert_eq!(done, (0..30).collect::<Vec<_>>());
        assert_eq!((alone.time.count, alone.time.max), (20, 5003));
    }

    #[test]
    fn a_picture_comes_through_the_codec() {
        let (width, height) = (32, 16);
        let grey = vec![100_u8; width * height * 3 / 2];
        let planes = Planes {
            width,
            height,
            subsampling: Subsampling::S420,
            y: Plane { data: &grey, stride: width },
            u: Plane { data: &[128; 128], stride: width / 2 },
            v: Plane { data: &[128; 128], stride: width / 2 },
        };
        let mut jpeg = Vec::new();
        Encoder::new().unwrap().encode(&planes, QUALITY, &mut jpeg).unwrap();
        let frames = FloorFrames::new(vec![jpeg.clone().into(), jpeg.into()]).unwrap();
        assert_eq!((frames.width, frames.height, frames.planes.len()), (width, height, 2 * grey.len()));
        for level in &frames.planes[..width * height] {
            assert!(level.abs_diff(100) <= 2, "{level}");
        }
        assert_eq!(frames.picture(3).u.data.len(), 2 * width * height / 4);
    }
}
