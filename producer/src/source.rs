//! Sources of pictures: a file, standard input, a URL, a camera, the test card.
//!
//! ```text
//! file          video reader ──▶ timestamps ──▶ convert ──▶ SourcePicture      (video reader: FFmpeg's demuxer and decoder)
//! URL, camera   video reader ───────────────▶ convert ──▶ SourcePicture
//! -             y4m | JPEGs | video reader ─▶ convert ──▶ SourcePicture      (depends on the first bytes)
//! test          test card ──────────────────────────────▶ SourcePicture
//! ```

mod camera;
mod colour;
mod convert;
mod cut;
mod decoder;
mod deinterlace;
mod error;
mod existing;
mod ffi;
mod file;
mod geometry;
mod info;
mod input;
mod mjpeg;
mod options;
mod passthrough;
mod pipe;
mod planes;
mod stream;
mod testcard;
#[cfg(test)]
mod testing;
mod timed_reader;
mod timestamps;
mod tone;
mod unreadable;
mod video_reader;
mod y4m;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};

use common::time::Clock;

use crate::picture::{Picture, SourcePicture};

pub use self::camera::list_cameras;
pub use self::error::SourceError;
pub use self::info::{SourceInfo, SourceTiming};
pub use self::input::Input;
pub use self::options::{CameraOptions, Deinterlace, Loops, Passthrough, SourceOptions};
pub use self::passthrough::NotPassed;
use self::testcard::TestCard;

/// An open input, from which pictures are taken one by one.
#[derive(Debug)]
pub struct Source {
    info: SourceInfo,
    feed: Feed,
}

#[derive(Debug)]
enum Feed {
    File(Box<file::FileFeed>),
    Pipe(pipe::PipeFeed),
    Stream(Box<stream::StreamFeed>),
    TestCard(Box<TestCard>),
}

impl Source {
    /// Opens the input and waits for its first frame; returns [`SourceError::Stopped`] if `stop` is set first.
    pub fn open(options: &SourceOptions, clock: Arc<dyn Clock>, stop: Arc<AtomicBool>) -> Result<Source, SourceError> {
        set_up_ffmpeg();
        let opened = open_feed(options, clock, stop.clone());
        if opened.is_err() && stop.load(Ordering::Relaxed) {
            return Err(SourceError::Stopped);
        }
        let (mut info, feed) = opened?;
        explain_passthrough(options, &mut info)?;
        Ok(Source { info, feed })
    }

    /// The properties that are known of it.
    pub fn info(&self) -> &SourceInfo {
        &self.info
    }

    /// Returns the next picture, in `reuse`'s memory; `None` at the end, and soon after `stop` is set.
    pub fn next(&mut self, reuse: Picture) -> Result<Option<SourcePicture>, SourceError> {
        match &mut self.feed {
            Feed::File(feed) => feed.next(reuse),
            Feed::Pipe(feed) => feed.next(reuse),
            Feed::Stream(feed) => feed.next(reuse),
            Feed::TestCard(card) => Ok(card.next(reuse)),
        }
    }
}

fn open_feed(
    options: &SourceOptions,
    clock: Arc<dyn Clock>,
    stop: Arc<AtomicBool>,
) -> Result<(SourceInfo, Feed), SourceError> {
    Ok(match &options.input {
        Input::File(path) => {
            let (about, feed) = file::FileFeed::open(path, options, clock, stop)?;
            (about, Feed::File(Box::new(feed)))
        }
        Input::Stdin => {
            let (about, feed) = pipe::open(options, clock, stop)?;
            (about, Feed::Pipe(feed))
        }
        Input::Url(url) => {
            let (about, feed) = stream::open_url(url, options, clock, stop)?;
            (about, Feed::Stream(Box::new(feed)))
        }
        Input::Camera(device) => {
            let (about, feed) = camera::open(device, options, clock, stop)?;
            (about, Feed::Stream(Box::new(feed)))
        }
        Input::TestCard { start, step } => {
            let (about, card) = TestCard::open(*start, *step, options, clock, stop);
            (about, Feed::TestCard(Box::new(card)))
        }
    })
}

/// Adds a line on JPEGs that cannot be passed through. It is an error if the user wants them to be.
fn explain_passthrough(options: &SourceOptions, info: &mut SourceInfo) -> Result<(), SourceError> {
    match (options.passthrough, info.passthrough) {
        (Passthrough::Always, Err(why)) => Err(SourceError::NotPassed { name: options.input.name(), why }),
        (Passthrough::Auto, Err(why)) if why != NotPassed::NoJpegs => {
            info.notes.push(format!("its JPEGs are decoded and encoded again: {why}"));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Initialises FFmpeg once in a process. Its log is switched off, because our own messages say what is wrong.
fn set_up_ffmpeg() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // The call cannot fail; the signature of its wrapper is older than that.
        let _ = ffmpeg_next::init();
        ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Quiet);
    });
}
