//! The pictures of a file, with their presentation times.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use ffmpeg_next::Dictionary;
use ffmpeg_next::format::context::StreamIo;
use tracing::debug;

use super::convert::Converter;
use super::cut;
use super::decoder::DecoderThreading;
use super::error::{ExistingPart, SourceError};
use super::input::SourceTiming;
use super::opened::{Source, SourceInfo, SourceSetup};
use super::options::Loops;
use super::timestamps::TimestampMap;
use super::video_reader::VideoReader;
use super::{ffi, unreadable};
use crate::picture::{Picture, SourcePicture};

pub struct FileFeed {
    path: PathBuf,
    video: VideoReader,
    converter: Converter,
    timestamps: TimestampMap,
    part: Part,
    setup: SourceSetup,
    passes: u32,
    /// Number of frames sent in this pass.
    sent: u64,
    /// If the file ends too early: the part that existed in the first pass.
    cut: Option<ExistingPart>,
    /// True if the video's frame has not been used yet.
    waiting: bool,
    /// Position of the video, counted from the file's first frame.
    at_us: i64,
}

/// The part of the file that is played; `zero_us` is the stream's time of its first frame.
#[derive(Clone, Copy, Debug)]
struct Part {
    zero_us: i64,
    start_us: i64,
    end_us: Option<i64>,
}

impl FileFeed {
    pub fn open(path: &Path, setup: &SourceSetup) -> Result<Source, SourceError> {
        let options = &setup.options;
        let mut video = open_video(path, setup)?;
        if !video.advance()? {
            return Err(SourceError::NoPicture(path.display().to_string()));
        }
        let start_us = options.start.map_or(0, as_us);
        let end_us = options.duration.map(|duration| start_us.saturating_add(as_us(duration)));
        let part = Part { zero_us: video.raw_us().unwrap_or(0), start_us, end_us };
        let converter = Converter::new(options.box_size, options.subsampling);
        let about = about(&video, &converter, part, options.loops);
        let mut feed = FileFeed {
            path: path.to_owned(),
            video,
            converter,
            timestamps: TimestampMap::default(),
            part,
            setup: setup.clone(),
            passes: 1,
            sent: 0,
            cut: None,
            waiting: true,
            at_us: 0,
        };
        if start_us > 0 {
            feed.rewind()?;
        }
        Ok(Source::new(about, move |picture| feed.next(picture)))
    }

    fn next(&mut self, mut picture: Picture) -> Result<Option<SourcePicture>, SourceError> {
        loop {
            if self.setup.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let more = std::mem::take(&mut self.waiting) || self.advance()?;
            if !more || self.part.end_us.is_some_and(|end| self.at_us >= end) {
                if !more && self.passes == 1 {
                    self.cut = self.find_cut();
                }
                if !self.begin_again()? {
                    return self.cut.map_or(Ok(None), |there| Err(SourceError::cut(&self.name(), there)));
                }
            } else if self.at_us >= self.part.start_us {
                let pts = self.timestamps.place(self.video.raw_us(), self.video.frame_us());
                self.video.take_into(&mut picture, &mut self.converter)?;
                self.sent += 1;
                return Ok(Some(SourcePicture { picture, pts, number: None, due: None, captured: None }));
            }
        }
    }

    fn advance(&mut self) -> Result<bool, SourceError> {
        let next_us = self.at_us + self.video.frame_us();
        let more = self.video.advance()?;
        self.at_us = self.video.raw_us().map_or(next_us, |raw| raw - self.part.zero_us);
        Ok(more)
    }

    /// At the file's end: the existing part, if there should be more.
    fn find_cut(&self) -> Option<ExistingPart> {
        let whole = self.part.start_us == 0 && self.part.end_us.is_none();
        let there = self.video.there(whole.then_some(self.sent), self.at_us);
        ((cut::is_short(&self.path) || self.video.ends_in_a_picture()) && !there.is_all()).then_some(there)
    }

    /// Prepares another pass; returns false if there is none.
    fn begin_again(&mut self) -> Result<bool, SourceError> {
        if self.sent == 0 {
            let start = Duration::from_micros(self.part.start_us as u64);
            return Err(SourceError::BehindEnd { name: self.name(), start });
        }
        let more = match self.setup.options.loops {
            Loops::Once => false,
            Loops::Times(times) => self.passes < times,
            Loops::Forever => true,
        };
        if more {
            if let (1, Some(there)) = (self.passes, self.cut) {
                let name = self.name();
                tracing::warn!(event = "input_cut", input = name, "{}", SourceError::cut(&name, there));
            }
            (self.passes, self.sent) = (self.passes.saturating_add(1), 0);
            self.timestamps.restart();
            self.rewind()?;
        }
        Ok(more)
    }

    /// Moves to a frame at or before the start: by seeking, or if that fails by opening the file again.
    fn rewind(&mut self) -> Result<(), SourceError> {
        let target_us = self.part.zero_us.saturating_add(self.part.start_us);
        let sought = self.video.seek(target_us).is_ok() && self.advance()? && self.at_us <= self.part.start_us;
        if !sought {
            debug!("{}: seeking did not lead there: opening anew", self.path.display());
            self.video = open_video(&self.path, &self.setup)?;
            if !self.video.advance()? {
                return Err(SourceError::NoPicture(self.name()));
            }
            self.at_us = 0;
        }
        self.waiting = true;
        Ok(())
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

fn open_video(path: &Path, setup: &SourceSetup) -> Result<VideoReader, SourceError> {
    unreadable::check_file(path)?;
    let name = path.display().to_string();
    let unreadable = |error| unreadable::why_unreadable(path, error);
    let mut input = match path.to_str() {
        // With "file:" in front, a name with a colon is not taken for a protocol.
        Some(path) => ffi::open(&format!("file:{path}"), None, Dictionary::new(), Box::new(|| false)),
        None => {
            let file = std::fs::File::open(path).map_err(|error| SourceError::reading(&name, error))?;
            StreamIo::from_read_seek(file).and_then(|io| ffi::open_stream(io, None, Dictionary::new()))
        }
    }
    .map_err(unreadable)?;
    if input.format().name() == "tty" {
        return Err(SourceError::Text(name));
    }
    ffi::find_stream_info(&mut input).map_err(unreadable)?;
    let reader = VideoReader::new(input, VecDeque::new(), DecoderThreading::Throughput, &name, setup);
    reader.map_err(|error| match error {
        SourceError::NoVideo(name) if unreadable::is_text(&unreadable::beginning(path)) => SourceError::Text(name),
        error => error,
    })
}

fn about(video: &VideoReader, converter: &Converter, part: Part, loops: Loops) -> SourceInfo {
    let (length_us, frames) = video.extent();
    let one_us = match (length_us, part.end_us) {
        (Some(length), end) => Some((end.unwrap_or(length).min(length) - part.start_us).max(0)),
        (None, end) => end.map(|end| end - part.start_us),
    };
    let whole = part.start_us == 0 && part.end_us.is_none();
    let times = match loops {
        Loops::Once => Some(1),
        Loops::Times(times) => Some(u64::from(times.max(1))),
        Loops::Forever => None,
    };
    SourceInfo {
        frames: times.zip(frames.filter(|_| whole)).map(|(times, frames)| times.saturating_mul(frames)),
        duration: times.zip(one_us).map(|(times, us)| Duration::from_micros(times.saturating_mul(us as u64))),
        ..video.info(SourceTiming::File, converter)
    }
}

fn as_us(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
