//! Errors of an input, each in one line that names the input and the cure.

use std::fmt::{self, Display};
use std::time::Duration;

use common::words::count;

use super::passthrough::NotPassed;

/// Largest picture. A header that gives more pixels is taken for broken.
pub const PIXELS_MAX: usize = 64 << 20;

/// Why a source cannot be opened or read.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what it means")]
pub enum SourceError {
    #[error("there is no file {0}: check the path")]
    Missing(String),
    #[error("{0} is a directory: name a video file in it")]
    Directory(String),
    #[error("{0} is empty: nothing to send")]
    Empty(String),
    #[error("no permission to read {0}: change its permissions or run as its owner")]
    Permission(String),
    #[error("{0} is text, not video: name a file that FFmpeg can decode")]
    Text(String),
    #[error("{0} is no video that FFmpeg can read: check it with `ffprobe`")]
    NotVideo(String),
    #[error("{0} is cut off, its index (moov) is missing: copy or record it again")]
    Truncated(String),
    #[error("{name} is cut off: {there} are there: copy or record it again")]
    Cut { name: String, there: ExistingPart },
    #[error("{0} is an mp4 with its index at the end, which a pipe cannot go back to: name the file itself")]
    IndexLast(String),
    #[error("stopped before the first picture")]
    Stopped,
    #[error("{0} holds no video stream: name an input with pictures")]
    NoVideo(String),
    #[error("the FFmpeg of this machine has no decoder for {codec} in {name}: install one or convert the file")]
    NoDecoder { name: String, codec: String },
    #[error("{0} holds no picture that can be decoded: check it with `ffprobe`")]
    NoPicture(String),
    #[error("--start {start:?} lies behind the end of {name}: start earlier")]
    BehindEnd { name: String, start: Duration },
    #[error("{name} says its pictures are {width}x{height}: from 1x1 to 64 megapixels can be sent")]
    Size { name: String, width: i64, height: i64 },
    #[error(
        "{name} has a y4m header that makes no sense ({what}): send it again, for example by `ffmpeg -f yuv4mpegpipe`"
    )]
    Header { name: String, what: String },
    #[error("cannot open {url}: {why}: check the address and that it is being served")]
    Unreachable { url: String, why: String },
    #[error("{name} has sent nothing for {seconds} s: check the sender")]
    Stalled { name: String, seconds: u64 },
    #[error("cannot open camera {device}: {why}: `--list-cameras` names those that are there")]
    Camera { device: String, why: String },
    #[error("{name} cannot be passed through: {why}: without --passthrough always its pictures are encoded")]
    NotPassed { name: String, why: NotPassed },
    #[error("reading {name}: {why}")]
    Read { name: String, why: String },
}

impl SourceError {
    pub(super) fn reading(name: &str, why: impl Display) -> SourceError {
        SourceError::Read { name: name.to_owned(), why: why.to_string() }
    }

    /// The error for an input that is cut off after `there`.
    pub(super) fn cut(name: &str, there: ExistingPart) -> SourceError {
        SourceError::Cut { name: name.to_owned(), there }
    }

    /// Refuses sizes that only a broken header can give.
    pub(super) fn check_size(name: &str, width: i64, height: i64) -> Result<(), SourceError> {
        let pixels = width.checked_mul(height);
        if width > 0 && height > 0 && pixels.is_some_and(|pixels| pixels <= PIXELS_MAX as i64) {
            return Ok(());
        }
        Err(SourceError::Size { name: name.to_owned(), width, height })
    }
}

/// The part of an input that exists, if it ends before its container says, and its full extent as far as the container
/// gives it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExistingPart {
    /// Number of frames; `None` if the input was not played from its beginning.
    pub frames: Option<u64>,
    pub of_frames: Option<u64>,
    /// End of the last frame, and its duration.
    pub end_us: i64,
    pub frame_us: i64,
    pub of_us: Option<i64>,
}

impl ExistingPart {
    /// This many frames, of an input that gives no extent.
    pub fn frames(frames: u64, end_us: i64) -> ExistingPart {
        ExistingPart { frames: Some(frames), end_us, ..ExistingPart::default() }
    }

    /// True if no picture is missing, whatever else is. A container's duration may be a frame more than the pictures'.
    pub fn is_all(&self) -> bool {
        match (self.frames, self.of_frames, self.of_us) {
            (Some(frames), Some(of), _) => frames >= of,
            (_, _, Some(of_us)) => self.end_us + self.frame_us + self.frame_us / 2 >= of_us,
            _ => false,
        }
    }
}

impl Display for ExistingPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |us: i64| us.max(0) as f64 / 1e6;
        let of =
            self.of_us.filter(|us| *us > self.end_us).map_or(String::new(), |us| format!(" of {:.1}", seconds(us)));
        let time = format!("{:.1}{of} s", seconds(self.end_us));
        match (self.frames, self.of_frames) {
            (Some(frames), Some(of)) => write!(f, "{frames} of {} ({time})", count(of, "frame")),
            (Some(frames), None) => write!(f, "{} ({time})", count(frames, "frame")),
            (None, _) => write!(f, "{time}"),
        }
    }
}
