//! An open input: what is known of it, and its pictures.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use common::time::Clock;

use super::error::SourceError;
use super::input::SourceTiming;
use super::options::SourceOptions;
use super::passthrough::NotPassed;
use crate::picture::{Picture, SourcePicture};

/// An open input, from which pictures are taken one by one.
pub struct Source {
    pub(super) info: SourceInfo,
    feed: Feed,
}

type Feed = Box<dyn FnMut(Picture) -> Result<Option<SourcePicture>, SourceError> + Send>;

/// The settings of a source, and what it shares with the rest of its lane.
#[derive(Clone)]
pub struct SourceSetup {
    pub options: SourceOptions,
    pub clock: Arc<dyn Clock>,
    /// Set to end the source.
    pub stop: Arc<AtomicBool>,
}

impl Source {
    /// A source whose next picture `feed` returns, in the memory of the given one; `None` at the end, and soon after it
    /// is stopped.
    pub(super) fn new(
        info: SourceInfo,
        feed: impl FnMut(Picture) -> Result<Option<SourcePicture>, SourceError> + Send + 'static,
    ) -> Source {
        Source { info, feed: Box::new(feed) }
    }

    /// The properties that are known of it.
    pub fn info(&self) -> &SourceInfo {
        &self.info
    }

    /// Returns the next picture, in `reuse`'s memory; `None` at the end, and soon after `stop` is set.
    pub fn next(&mut self, reuse: Picture) -> Result<Option<SourcePicture>, SourceError> {
        (self.feed)(reuse)
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("info", &self.info).finish_non_exhaustive()
    }
}

/// Size at which a picture is meant to be seen, and size at which it is sent.
pub(super) type Sizes = ((usize, usize), (usize, usize));

/// Properties of a source, known once its first frame has arrived.
#[derive(Clone, Debug)]
pub struct SourceInfo {
    /// The pace at which its pictures come.
    pub timing: SourceTiming,
    /// Size at which the picture is meant to be seen: upright, with square pixels.
    pub size: (usize, usize),
    /// Size at which it is sent.
    pub out_size: (usize, usize),
    /// Frame rate, if the source gives it.
    pub fps: Option<f64>,
    /// Number of all frames to be played, if the container gives it.
    pub frames: Option<u64>,
    /// Duration of all frames to be played, if the container gives it.
    pub duration: Option<Duration>,
    /// For example "h264 yuv420p bt709".
    pub what: String,
    /// `Ok` if its JPEGs are published as they are.
    pub passthrough: Result<(), NotPassed>,
    /// Lines to print at the start.
    pub notes: Vec<String>,
}

impl SourceInfo {
    /// A source that gives nothing but its pictures, none of which is passed through.
    pub(super) fn new(timing: SourceTiming, what: String, (size, out_size): Sizes) -> SourceInfo {
        SourceInfo {
            timing,
            size,
            out_size,
            fps: None,
            frames: None,
            duration: None,
            what,
            passthrough: Err(NotPassed::NoJpegs),
            notes: Vec::new(),
        }
    }
}
