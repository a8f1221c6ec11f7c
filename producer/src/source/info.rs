//! The properties of a source, as far as they are known before its first picture.

use std::time::Duration;

use super::passthrough::NotPassed;

/// Timing of a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceTiming {
    /// Paced by its timestamps.
    File,
    /// Read as it comes; the sender waits if we are slow.
    Pipe,
    /// Read as it comes; frames are dropped in favour of newer ones if we are slow.
    Live,
}

/// Properties of a source, known once its first frame has arrived.
#[derive(Clone, Debug)]
pub struct SourceInfo {
    /// Whether it waits for us.
    pub timing: SourceTiming,
    /// Size at which the picture is meant to be seen: upright, with square pixels.
    pub width: usize,
    /// Its height.
    pub height: usize,
    /// Size at which it is sent.
    pub out_width: usize,
    /// The height at which it is sent.
    pub out_height: usize,
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
