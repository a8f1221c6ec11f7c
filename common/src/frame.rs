//! A frame: one JPEG, whose it is, and when things happened to it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::stamps::Stamps;

/// One run of one producer. Ordered: the one that began later is greater. JPEGs of others are of session 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Session {
    pub began_ms: u64,
    pub salt: u32,
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.began_ms, self.salt)
    }
}

impl FromStr for Session {
    type Err = ();

    fn from_str(text: &str) -> Result<Session, ()> {
        let (began, salt) = text.split_once('-').ok_or(())?;
        Ok(Session { began_ms: began.parse().map_err(|_| ())?, salt: u32::from_str_radix(salt, 16).map_err(|_| ())? })
    }
}

/// The monotonic clock that a frame's stamps were read from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// Names one run of one machine's clock: two processes with the same boot id share it.
    pub boot: Arc<str>,
    /// What to add to that clock to get its machine's wall clock.
    pub wall_offset_us: i64,
}

/// Everything about a frame but its picture.
#[derive(Clone, PartialEq, Debug)]
pub struct Meta {
    pub source: Arc<str>,
    pub session: Session,
    /// 0, 1, 2 … of *captured* frames, so that a gap is visible.
    pub frame: u64,
    /// The label that a counting test card drew.
    pub number: Option<u64>,
    /// Where the frame stands in its source.
    pub pts: Duration,
    pub stamps: Stamps,
    pub origin: Origin,
    pub width: u32,
    pub height: u32,
    /// How many of the session's frames the producer had given up before this one.
    pub dropped: u64,
}

impl Meta {
    /// What `--print` calls the frame.
    pub fn label(&self) -> u64 {
        self.number.unwrap_or(self.frame)
    }
}

/// Where a frame came from.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    /// One of ours.
    Own,
    /// A plain JPEG without our headers: all that is known of its time is the record's timestamp, in ms.
    Foreign,
    /// The picture that an end record carries once more.
    Repeat,
}

/// One whole JPEG frame.
#[derive(Clone, PartialEq, Debug)]
pub struct Frame {
    pub meta: Meta,
    pub jpeg: Bytes,
    pub kind: Kind,
}

/// A session's final counts, as its producer made them up.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct End {
    pub captured: u64,
    pub acknowledged: u64,
    pub superseded: u64,
    pub late: u64,
    pub refused: u64,
}

impl End {
    /// Frames that were captured and never published, or given up after that.
    pub fn dropped(&self) -> u64 {
        self.superseded.saturating_add(self.late).saturating_add(self.refused)
    }
}
