//! Reads y4m (raw planes with a line before each picture) so that a picture leaves when its last byte is in.
//!
//! ```text
//! YUV4MPEG2 W1280 H720 F30:1 C420jpeg XCOLORRANGE=FULL⏎  FRAME⏎ planes  FRAME⏎ planes …
//! ```

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ffmpeg_next::color::Range;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Rational, frame};

use super::colour::Colour;
use super::convert::Converter;
use super::cut::There;
use super::error::SourceError;
use super::intake::Intake;
use super::pose::{Pose, sample_aspect};
use super::timeline::Timeline;
use super::{About, Kind, Shot, SourceOptions};
use crate::picture::Picture;

pub const MAGIC: &[u8] = b"YUV4MPEG2";
const LINE_BYTES_MAX: usize = 4096;

#[derive(Debug)]
pub struct Y4mFeed<R> {
    intake: Intake<R>,
    name: String,
    header: Header,
    frame: Frame,
    converter: Converter,
    timeline: Timeline,
    count: i64,
    stop: Arc<AtomicBool>,
}

struct Frame(frame::Video);

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({}x{})", self.0.width(), self.0.height())
    }
}

#[derive(Clone, PartialEq, Debug)]
struct Header {
    width: u32,
    height: u32,
    fps: Option<f64>,
    pixel: Pixel,
    colour: String,
    range: Range,
    sample_aspect: (u32, u32),
}

impl<R: Read> Y4mFeed<R> {
    pub fn open(
        mut intake: Intake<R>,
        name: &str,
        options: &SourceOptions,
        stop: Arc<AtomicBool>,
    ) -> Result<(About, Y4mFeed<R>), SourceError> {
        let line = intake.line(LINE_BYTES_MAX).map_err(|error| SourceError::reading(name, &error))?;
        let header = Header::parse(&line.unwrap_or_default(), name)?;
        let converter = Converter::quick(options.box_size, options.subsampling);
        let about = about(&header, &converter);
        let frame = Frame(header.frame());
        let (timeline, name) = (Timeline::default(), name.to_owned());
        Ok((about, Y4mFeed { intake, name, header, frame, converter, timeline, count: 0, stop }))
    }

    pub fn next(&mut self, mut picture: Picture) -> Result<Option<Shot>, SourceError> {
        let reading = |error| SourceError::reading(&self.name, &error);
        if self.intake.some().map_err(reading)?.is_empty() || self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let due = self.intake.came();
        let frame_us = self.header.fps.map_or(40_000.0, |fps| 1e6 / fps);
        if !self.frame_line()? || !self.read_picture(&mut picture)? {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let end_us = (self.count as f64 * frame_us) as i64;
            return Err(There { frames: Some(self.count as u64), end_us, ..There::default() }.cut(&self.name));
        }
        let pts = self.timeline.place(Some((self.count as f64 * frame_us) as i64), frame_us as i64);
        self.count += 1;
        Ok(Some(Shot { picture, pts, number: None, due: Some(due), captured: None }))
    }

    /// Reads up to the next picture; `false` where the stream ends first. Another header may stand in between.
    fn frame_line(&mut self) -> Result<bool, SourceError> {
        loop {
            let line = self.intake.line(LINE_BYTES_MAX).map_err(|error| self.nonsense(error.to_string()))?;
            match line.as_deref() {
                None => return Ok(false),
                Some(b"FRAME") => return Ok(true),
                Some(line) if line.starts_with(b"FRAME ") => return Ok(true),
                Some(line) if line.starts_with(MAGIC) => {
                    self.header = Header::parse(line, &self.name)?;
                    self.frame = Frame(self.header.frame());
                }
                Some(line) => {
                    let text = String::from_utf8_lossy(&line[..line.len().min(20)]).into_owned();
                    return Err(self.nonsense(format!("a picture begins with {text:?}, not with FRAME")));
                }
            }
        }
    }

    /// `false` where the stream ends first.
    fn read_picture(&mut self, picture: &mut Picture) -> Result<bool, SourceError> {
        let pose = Pose { sample_aspect: self.header.sample_aspect, ..Pose::PLAIN };
        let decoding = |error| SourceError::decoding(&self.name, error);
        let reading = |error: io::Error| SourceError::reading(&self.name, &error);
        if let Some(colour) = self.converter.by_samples(&self.frame.0, pose, picture).map_err(decoding)? {
            return read_samples(&mut self.intake, colour, picture).map_err(reading);
        }
        let sample_bytes = if self.header.pixel.descriptor().is_some_and(is_deep) { 2 } else { 1 };
        if !read_planes(&mut self.intake, &mut self.frame.0, sample_bytes).map_err(reading)? {
            return Ok(false);
        }
        self.converter.convert(&self.frame.0, pose, picture).map_err(decoding)?;
        Ok(true)
    }

    fn nonsense(&self, what: String) -> SourceError {
        SourceError::Header { name: self.name.clone(), what }
    }
}

/// How long a file of these `bytes` should be, so that its last picture is whole.
pub fn promised_bytes(head: &[u8], bytes: u64) -> Option<u64> {
    let line = head.split(|byte| *byte == b'\n').next().filter(|line| line.len() < head.len())?;
    let header = Header::parse(line, "").ok()?;
    let frame = header.frame();
    let sample_bytes = if header.pixel.descriptor().is_some_and(is_deep) { 2 } else { 1 };
    let plane =
        |plane: usize| u64::from(frame.plane_width(plane)) * u64::from(frame.plane_height(plane)) * sample_bytes;
    let picture = "FRAME\n".len() as u64 + (0..frame.planes()).map(plane).sum::<u64>();
    let begin = line.len() as u64 + 1;
    Some(begin + bytes.saturating_sub(begin).next_multiple_of(picture))
}

/// Takes the samples while their sender is still writing; `false` where the stream ends first.
fn read_samples<R: Read>(intake: &mut Intake<R>, colour: &Colour, picture: &mut Picture) -> io::Result<bool> {
    for (plane, mut to) in picture.planes_mut().into_iter().enumerate() {
        while !to.is_empty() {
            let there = intake.some()?;
            if there.is_empty() {
                return Ok(false);
            }
            let count = there.len().min(to.len());
            let (now, later) = to.split_at_mut(count);
            colour.samples(plane, &there[..count], now);
            intake.consume(count);
            to = later;
        }
    }
    Ok(true)
}

fn read_planes<R: Read>(intake: &mut Intake<R>, frame: &mut frame::Video, sample_bytes: usize) -> io::Result<bool> {
    for plane in 0..frame.planes() {
        let (columns, rows) = (frame.plane_width(plane) as usize, frame.plane_height(plane) as usize);
        let (row_bytes, stride) = (columns * sample_bytes, frame.stride(plane));
        let rows_at_once = if stride == row_bytes { rows } else { 1 };
        for rows in frame.data_mut(plane)[..stride * rows].chunks_mut(stride * rows_at_once) {
            let bytes = row_bytes * rows_at_once;
            if intake.read_full(&mut rows[..bytes])? < bytes {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn is_deep(descriptor: ffmpeg_next::format::pixel::Descriptor) -> bool {
    descriptor.name().ends_with("le")
}

fn about(header: &Header, converter: &Converter) -> About {
    let pose = Pose { sample_aspect: header.sample_aspect, ..Pose::PLAIN };
    let size = (header.width as usize, header.height as usize);
    let (width, height) = pose.display_size(size);
    let (out_width, out_height) = converter.out_size(size, &pose);
    About {
        kind: Kind::Pipe,
        width,
        height,
        out_width,
        out_height,
        fps: header.fps,
        frames: None,
        duration: None::<Duration>,
        what: format!("y4m {}", header.colour),
        notes: Vec::new(),
    }
}

impl Header {
    fn parse(line: &[u8], name: &str) -> Result<Header, SourceError> {
        let nonsense = |what: String| SourceError::Header { name: name.to_owned(), what };
        let line = std::str::from_utf8(line).map_err(|_| nonsense("it is not text".into()))?;
        let mut header = Header {
            width: 0,
            height: 0,
            fps: None,
            pixel: Pixel::YUV420P,
            colour: "420".to_owned(),
            range: Range::Unspecified,
            sample_aspect: (1, 1),
        };
        let (mut width, mut height) = (0, 0);
        for word in line.split_ascii_whitespace().skip(1) {
            let (tag, value) = word.split_at_checked(1).ok_or_else(|| nonsense(format!("the word {word:?}")))?;
            let number = || value.parse::<i64>().map_err(|_| nonsense(format!("{word:?} is no number")));
            match tag {
                "W" => width = number()?,
                "H" => height = number()?,
                "F" => header.fps = ratio(value).map(|(num, den)| f64::from(num) / f64::from(den)),
                "A" => header.sample_aspect = ratio(value).and_then(to_aspect).unwrap_or((1, 1)),
                "C" => {
                    header.pixel = pixel(value).ok_or_else(|| nonsense(format!("unknown pixels {word:?}")))?;
                    header.colour = value.to_owned();
                }
                "X" if value == "COLORRANGE=FULL" => header.range = Range::JPEG,
                "X" if value == "COLORRANGE=LIMITED" => header.range = Range::MPEG,
                _ => {}
            }
        }
        SourceError::check_size(name, width, height)?;
        (header.width, header.height) = (width as u32, height as u32);
        Ok(header)
    }

    fn frame(&self) -> frame::Video {
        let mut frame = frame::Video::new(self.pixel, self.width, self.height);
        frame.set_color_range(self.range);
        frame
    }
}

fn ratio(text: &str) -> Option<(i32, i32)> {
    let (num, den) = text.split_once(':')?;
    let (num, den) = (num.parse::<i32>().ok()?, den.parse::<i32>().ok()?);
    (num > 0 && den > 0).then_some((num, den))
}

fn to_aspect((num, den): (i32, i32)) -> Option<(u32, u32)> {
    sample_aspect(Rational::new(num, den))
}

fn pixel(name: &str) -> Option<Pixel> {
    use Pixel::*;
    Some(match name {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => YUV420P,
        "411" => YUV411P,
        "422" => YUV422P,
        "444" => YUV444P,
        "444alpha" => YUVA444P,
        "mono" => GRAY8,
        "mono9" => GRAY9LE,
        "mono10" => GRAY10LE,
        "mono12" => GRAY12LE,
        "mono16" => GRAY16LE,
        "420p9" => YUV420P9LE,
        "420p10" => YUV420P10LE,
        "420p12" => YUV420P12LE,
        "420p14" => YUV420P14LE,
        "420p16" => YUV420P16LE,
        "422p9" => YUV422P9LE,
        "422p10" => YUV422P10LE,
        "422p12" => YUV422P12LE,
        "422p14" => YUV422P14LE,
        "422p16" => YUV422P16LE,
        "444p9" => YUV444P9LE,
        "444p10" => YUV444P10LE,
        "444p12" => YUV444P12LE,
        "444p14" => YUV444P14LE,
        "444p16" => YUV444P16LE,
        _ => return Option::None,
    })
}

#[cfg(test)]
#[path = "y4m_tests.rs"]
mod tests;
