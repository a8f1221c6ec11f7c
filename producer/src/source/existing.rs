//! The part of an input that exists, if it ends before its container says.

use std::fmt;

use common::words::count;

/// The existing part of an input, and its full extent as far as its container gives it.
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
    /// True if no picture is missing, whatever else is. A container's duration may be a frame more than the pictures'.
    pub fn is_all(&self) -> bool {
        match (self.frames, self.of_frames, self.of_us) {
            (Some(frames), Some(of), _) => frames >= of,
            (_, _, Some(of_us)) => self.end_us + self.frame_us + self.frame_us / 2 >= of_us,
            _ => false,
        }
    }
}

impl fmt::Display for ExistingPart {
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
