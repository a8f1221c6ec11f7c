//! Writes frames to a producer's standard input when they are due, and records the times.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ChildStdin;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use common::time::Micros;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use testkit::media::decode_planes;

use super::bar::BarPlace;
use crate::control::Control;
use crate::schedule::due;
use crate::size::PictureSize;

/// The largest pipe allowed without being root, so that a frame of 720p hardly waits for its reader.
const PIPE_BYTES: usize = 1 << 20;
/// Time from the stream's header to the first frame, during which the producer connects.
const LEAD: Duration = Duration::from_secs(1);
/// Time without reading after which a producer counts as hung.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// Number of pictures: four seconds at 30 fps, 166 MB at 720p.
const DISTINCT_MAX: usize = 120;
const FRAME: &[u8] = b"FRAME\n";

/// The pictures that all lines are fed: the beginning of a clip, kept in memory, in a loop.
#[derive(Debug)]
pub struct PlanarClip {
    size: PictureSize,
    place: BarPlace,
    /// The pictures one after the other.
    pictures: Vec<u8>,
}

impl PlanarClip {
    /// Decodes a file, scaled to the size.
    pub fn read(file: &Path, size: &PictureSize, place: BarPlace) -> Result<PlanarClip> {
        let (count, scale) = (DISTINCT_MAX.to_string(), format!("scale={}", size.pixels()));
        let pictures = decode_planes(file, &[], &["-frames:v", &count, "-vf", &scale, "-pix_fmt", "yuv420p"])?;
        ensure!(pictures.len() >= place.picture_bytes(), "{} has no pictures", file.display());
        Ok(PlanarClip { size: size.clone(), place, pictures })
    }

    /// Feeds `frames` frames, and closes the pipe.
    pub fn feed(&self, mut pipe: ChildStdin, frames: usize, fps: f64, control: Control<'_>) -> Result<FeedTimes> {
        let clock = control.clock;
        // If it fails, the pipe is smaller, which is slower for all lines alike.
        let _ = rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_BYTES);
        rustix::io::ioctl_fionbio(&pipe, true).context("making the pipe give up on a reader that hangs")?;
        write_all(&mut pipe, self.header(fps).as_bytes())?;
        let start = clock.now().plus(LEAD);
        let mut fed = FeedTimes::default();
        let mut frame = Vec::new();
        for index in 0..frames {
            // The frame is made before it is due.
            self.frame(index, &mut frame);
            let due = due(start, fps, index as u64);
            clock.sleep_until(due);
            control.check()?;
            let began = clock.now();
            write_all(&mut pipe, &frame).with_context(|| format!("feeding frame {index}"))?;
            fed.began.push(began);
            fed.late_max = fed.late_max.max(began.since(due));
        }
        Ok(fed)
    }

    fn header(&self, fps: f64) -> String {
        let PictureSize { width, height, .. } = &self.size;
        format!("YUV4MPEG2 W{width} H{height} F{}:1000 Ip A1:1 C420jpeg\n", (fps * 1000.0).round())
    }

    /// Replaces the content of `out` by a frame in y4m, with its index drawn in.
    fn frame(&self, index: usize, out: &mut Vec<u8>) {
        let bytes = self.place.picture_bytes();
        let picture = index % (self.pictures.len() / bytes);
        out.clear();
        out.extend_from_slice(FRAME);
        out.extend_from_slice(&self.pictures[picture * bytes..][..bytes]);
        self.place.draw(index, &mut out[FRAME.len()..]);
    }
}

/// Time at which the write of each frame began, and the largest delay after a frame's due time.
#[derive(Clone, Default, Debug)]
pub struct FeedTimes {
    pub began: Vec<Micros>,
    pub late_max: Duration,
}

fn write_all(pipe: &mut ChildStdin, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match pipe.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let ready = poll(&mut [PollFd::new(pipe, PollFlags::OUT)], Some(&PATIENCE));
                ensure!(ready.context("waiting for the producer")? > 0, "the producer reads no more");
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => bail!("the producer closed its standard input"),
            Err(error) => return Err(error).context("writing to the producer"),
        }
    }
    Ok(())
}
