//! Reads a sequence of JPEGs, so that each is sent when its last byte has arrived.
//!
//! A JPEG's own bytes show its end; a parser that waits for the next one's beginning would be a frame late.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::time::Micros;
use ffmpeg_next::{Dictionary, Error, Packet, codec, decoder, frame, threading};
use jpeg::Splitter;
use tracing::debug;

use super::convert::Converter;
use super::error::{ExistingPart, PIXELS_MAX, SourceError};
use super::geometry::PictureGeometry;
use super::input::SourceTiming;
use super::opened::{Source, SourceInfo, SourceSetup};
use super::options::Passthrough;
use super::passthrough::JpegPass;
use super::timed_reader::TimedReader;
use super::timestamps::TimestampMap;
use crate::picture::{PassedJpeg, Picture, SourcePicture};

/// Largest JPEG; more bytes are not taken for one.
const JPEG_BYTES_MAX: usize = 256 << 20;

pub struct MjpegFeed<R> {
    intake: TimedReader<R>,
    name: String,
    splitter: Splitter,
    jpeg: Vec<u8>,
    due: Micros,
    first_due: Option<Micros>,
    decoder: decoder::Video,
    frame: frame::Video,
    pass: JpegPass,
    /// The next picture, if it is passed through; otherwise it is in `frame`.
    passed: Option<PassedJpeg>,
    waiting: bool,
    sent: u64,
    broken: u64,
    converter: Converter,
    timestamps: TimestampMap,
    stop: Arc<AtomicBool>,
}

impl<R: Read + Send + 'static> MjpegFeed<R> {
    pub fn open(intake: TimedReader<R>, name: &str, setup: &SourceSetup) -> Result<Source, SourceError> {
        let options = &setup.options;
        let mut feed = MjpegFeed {
            intake,
            name: name.to_owned(),
            splitter: Splitter::default(),
            jpeg: Vec::new(),
            due: Micros::default(),
            first_due: None,
            decoder: jpeg_decoder().map_err(|error| SourceError::reading(name, error))?,
            frame: frame::Video::empty(),
            pass: JpegPass::new(options.box_size, options.passthrough != Passthrough::Never),
            passed: None,
            waiting: false,
            sent: 0,
            broken: 0,
            converter: Converter::quick(options.box_size, options.subsampling),
            timestamps: TimestampMap::default(),
            stop: setup.stop.clone(),
        };
        if !feed.advance()? {
            return Err(SourceError::NoPicture(name.to_owned()));
        }
        feed.waiting = true;
        Ok(Source::new(feed.about(), move |picture| feed.next(picture)))
    }

    fn next(&mut self, mut picture: Picture) -> Result<Option<SourcePicture>, SourceError> {
        let more = std::mem::take(&mut self.waiting) || self.advance()?;
        if !more || self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match self.passed.take() {
            Some(passed) => picture.pass_through(passed),
            None => {
                let converted = self.converter.convert(&self.frame, self.geometry(), &mut picture);
                converted.map_err(|error| SourceError::reading(&self.name, error))?;
            }
        }
        let since_first = self.due.since(*self.first_due.get_or_insert(self.due));
        let pts = self.timestamps.place(Some(since_first.as_micros() as i64), 1);
        self.sent += 1;
        Ok(Some(SourcePicture { picture, pts, number: None, due: Some(self.due), captured: None }))
    }

    /// Takes the next JPEG that can be passed through or decoded; returns false at the end.
    fn advance(&mut self) -> Result<bool, SourceError> {
        while self.next_jpeg()? {
            self.passed = self.pass.pass(&self.jpeg);
            if self.passed.is_some() {
                return Ok(true);
            }
            match self.decode() {
                Ok(()) => {
                    if self.pass.is_undecided() {
                        self.passed = self.pass.decide(&self.jpeg, &self.frame, self.geometry());
                    }
                    return Ok(true);
                }
                Err(error) => {
                    self.broken += 1;
                    debug!("{}: skipped broken JPEG {}: {error}", self.name, self.broken);
                }
            }
        }
        Ok(false)
    }

    fn next_jpeg(&mut self) -> Result<bool, SourceError> {
        self.jpeg.clear();
        loop {
            let chunk = self.intake.some().map_err(|error| SourceError::reading(&self.name, error))?;
            if chunk.is_empty() {
                if self.jpeg.is_empty() || self.sent == 0 || self.stop.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                let end_us = self.first_due.map_or(0, |first| self.due.since(first).as_micros() as i64);
                return Err(SourceError::cut(&self.name, ExistingPart::frames(self.sent, end_us)));
            }
            let (taken, whole) = self.splitter.push(chunk, &mut self.jpeg);
            self.intake.consume(taken);
            if self.jpeg.len() <= taken {
                self.due = self.intake.came();
            }
            if whole {
                return Ok(true);
            }
            if self.jpeg.len() > JPEG_BYTES_MAX {
                self.jpeg.clear();
                self.splitter = Splitter::default();
            }
        }
    }

    fn decode(&mut self) -> Result<(), Error> {
        self.decoder.send_packet(&Packet::copy(&self.jpeg))?;
        self.decoder.receive_frame(&mut self.frame)
    }

    fn geometry(&self) -> PictureGeometry {
        PictureGeometry::of(&self.frame, PictureGeometry::PLAIN)
    }

    fn about(&self) -> SourceInfo {
        let what = format!("mjpeg {}", self.frame.format().descriptor().map_or("", |descriptor| descriptor.name()));
        let sizes = self.converter.sizes(&self.frame, self.geometry());
        SourceInfo { passthrough: self.pass.outcome(), ..SourceInfo::new(SourceTiming::Pipe, what, sizes) }
    }
}

fn jpeg_decoder() -> Result<decoder::Video, Error> {
    let codec = decoder::find(codec::Id::MJPEG).ok_or(Error::DecoderNotFound)?;
    let mut context = codec::Context::new_with_codec(codec);
    context.set_threading(threading::Config { kind: threading::Type::None, count: 1, ..Default::default() });
    let limit = PIXELS_MAX.to_string();
    context.decoder().open_as_with(codec, Dictionary::from_iter([("max_pixels", limit.as_str())]))?.video()
}

#[cfg(test)]
#[path = "mjpeg_tests.rs"]
mod tests;
