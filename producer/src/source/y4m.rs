//! Reads y4m (raw planes with a line before each picture), so that a picture is sent when its last byte has arrived.
//!
//! ```text
//! YUV4MPEG2 W1280 H720 F30:1 C420jpeg XCOLORRANGE=FULL⏎  FRAME⏎ planes  FRAME⏎ planes …
//! ```

mod header;

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ffmpeg_next::frame;

use super::colour::Colour;
use super::convert::Converter;
use super::deinterlace::Deinterlacer;
use super::error::{ExistingPart, SourceError};
use super::input::SourceTiming;
use super::opened::{Source, SourceInfo, SourceSetup};
use super::options::Deinterlace;
use super::timed_reader::{TimedReader, read_full};
use super::timestamps::TimestampMap;
use crate::picture::{Picture, SourcePicture};

use header::Y4mHeader;
pub use header::{FRAME_LINE, layout};

pub const MAGIC: &[u8] = b"YUV4MPEG2";
const LINE_BYTES_MAX: usize = 4096;

pub struct Y4mFeed<R> {
    intake: TimedReader<R>,
    name: String,
    header: Y4mHeader,
    frame: frame::Video,
    converter: Converter,
    deinterlacer: Option<Deinterlacer>,
    timestamps: TimestampMap,
    count: i64,
    stop: Arc<AtomicBool>,
}

impl<R: Read + Send + 'static> Y4mFeed<R> {
    pub fn open(mut intake: TimedReader<R>, name: &str, setup: &SourceSetup) -> Result<Source, SourceError> {
        let (options, stop) = (&setup.options, setup.stop.clone());
        let line = intake.line(LINE_BYTES_MAX).map_err(|error| SourceError::reading(name, error))?;
        let header = Y4mHeader::parse(&line.unwrap_or_default(), name)?;
        let converter = Converter::quick(options.box_size, options.subsampling);
        let frame = header.frame();
        let what = format!("y4m {}", header.colour);
        let sizes = converter.sizes(&frame, header.geometry());
        let about = SourceInfo { fps: header.fps, ..SourceInfo::new(SourceTiming::Pipe, what, sizes) };
        let (timestamps, name) = (TimestampMap::default(), name.to_owned());
        let deinterlacer = (options.deinterlace == Deinterlace::Auto).then(Deinterlacer::default);
        let mut feed = Y4mFeed { intake, name, header, frame, converter, deinterlacer, timestamps, count: 0, stop };
        Ok(Source::new(about, move |picture| feed.next(picture)))
    }

    fn next(&mut self, mut picture: Picture) -> Result<Option<SourcePicture>, SourceError> {
        let reading = |error| SourceError::reading(&self.name, error);
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
            return Err(SourceError::cut(&self.name, ExistingPart::frames(self.count as u64, end_us)));
        }
        let pts = self.timestamps.place(Some((self.count as f64 * frame_us) as i64), frame_us as i64);
        self.count += 1;
        Ok(Some(SourcePicture { picture, pts, number: None, due: Some(due), captured: None }))
    }

    /// Reads up to the next picture; returns false if the stream ends first. Another header may come in between.
    fn frame_line(&mut self) -> Result<bool, SourceError> {
        loop {
            let line = self.intake.line(LINE_BYTES_MAX).map_err(|error| self.nonsense(error.to_string()))?;
            match line.as_deref() {
                None => return Ok(false),
                Some(b"FRAME") => return Ok(true),
                Some(line) if line.starts_with(b"FRAME ") => return Ok(true),
                Some(line) if line.starts_with(MAGIC) => {
                    self.header = Y4mHeader::parse(line, &self.name)?;
                    self.frame = self.header.frame();
                }
                Some(line) => {
                    let text = String::from_utf8_lossy(&line[..line.len().min(20)]).into_owned();
                    return Err(self.nonsense(format!("a picture begins with {text:?}, not with FRAME")));
                }
            }
        }
    }

    /// Returns false if the stream ends first.
    fn read_picture(&mut self, picture: &mut Picture) -> Result<bool, SourceError> {
        let geometry = self.header.geometry();
        let decoding = |error| SourceError::reading(&self.name, error);
        let reading = |error: io::Error| SourceError::reading(&self.name, error);
        let interlaced = self.deinterlacer.as_mut().zip(self.header.interlaced);
        if interlaced.is_none()
            && let Some(colour) = self.converter.by_samples(&self.frame, geometry, picture).map_err(decoding)?
        {
            return read_samples(&mut self.intake, colour, picture).map_err(reading);
        }
        if !read_planes(&mut self.intake, &mut self.frame, self.header.sample_bytes()).map_err(reading)? {
            return Ok(false);
        }
        if let Some((deinterlacer, order)) = interlaced {
            deinterlacer.apply(&mut self.frame, order);
        }
        self.converter.convert(&self.frame, geometry, picture).map_err(decoding)?;
        if self.header.interlaced.is_some() {
            // The deinterlacer still holds the planes of this frame, so the next gets a new one.
            self.frame = self.header.frame();
        }
        Ok(true)
    }

    fn nonsense(&self, what: String) -> SourceError {
        SourceError::Header { name: self.name.clone(), what }
    }
}

/// Converts samples while the sender is still writing; returns false if the stream ends first.
fn read_samples<R: Read>(intake: &mut TimedReader<R>, colour: &Colour, picture: &mut Picture) -> io::Result<bool> {
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

fn read_planes<R: Read>(
    intake: &mut TimedReader<R>,
    frame: &mut frame::Video,
    sample_bytes: usize,
) -> io::Result<bool> {
    for plane in 0..frame.planes() {
        let (columns, rows) = (frame.plane_width(plane) as usize, frame.plane_height(plane) as usize);
        let (row_bytes, stride) = (columns * sample_bytes, frame.stride(plane));
        let rows_at_once = if stride == row_bytes { rows } else { 1 };
        for rows in frame.data_mut(plane)[..stride * rows].chunks_mut(stride * rows_at_once) {
            let bytes = row_bytes * rows_at_once;
            if read_full(intake, &mut rows[..bytes])? < bytes {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
#[path = "y4m_tests.rs"]
mod tests;
