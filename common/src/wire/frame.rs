//! A frame: a coded picture with its source and timestamps.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::time::Stamps;
use crate::wire::Codec;

/// One run of one producer. Sessions are ordered by their beginning. JPEGs of other clients belong to session 0.
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

/// The monotonic clock of a frame's timestamps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// Identifies one run of one machine's clock: two processes with the same boot id share it.
    pub boot: Arc<str>,
    /// Offset to add to that clock to get its machine's wall clock.
    pub wall_offset_us: i64,
}

/// All data of a frame except its payload.
#[derive(Clone, PartialEq, Debug)]
pub struct Meta {
    pub source: Arc<str>,
    pub session: Session,
    /// Number of the *captured* frame: 0, 1, 2 …, so that a gap is visible.
    pub frame: u64,
    pub codec: Codec,
    /// True if the frame can be decoded without the frames before it.
    pub key_frame: bool,
    /// Number drawn into a counting test card.
    pub number: Option<u64>,
    /// Position of the frame in its source.
    pub pts: Duration,
    pub stamps: Stamps,
    pub origin: Origin,
    /// Width in the producer's header; 0 without one. See [`Frame::size`] for the picture's own size.
    pub width: u32,
    pub height: u32,
    /// Number of the session's frames that the producer had dropped before this one.
    pub dropped: u64,
    /// Number of the session's frames before this one that were skipped on purpose, for example by a detector.
    pub skipped: u64,
}

impl Meta {
    /// The number that `--print` prints.
    pub fn label(&self) -> u64 {
        self.number.unwrap_or(self.frame)
    }
}

/// The way in which a frame reached the topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    /// Published by our producer.
    Own,
    /// A plain JPEG without our headers. Its only time is the record's timestamp, in ms.
    Foreign,
    /// The picture that an end record contains once more.
    Repeat,
}

/// A whole frame.
#[derive(Clone, PartialEq, Debug)]
pub struct Frame {
    pub meta: Meta,
    /// The coded picture.
    pub payload: Bytes,
    pub kind: FrameKind,
}

impl Frame {
    /// Width and height from the payload itself. If another program republished the picture, its size may differ from
    /// its headers.
    pub fn size(&self) -> (u32, u32) {
        self.meta.codec.size(&self.payload).unwrap_or((self.meta.width, self.meta.height))
    }
}

/// A session's final counts, as its producer counted them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct End {
    pub captured: u64,
    pub acknowledged: u64,
    pub superseded: u64,
    pub late: u64,
    pub refused: u64,
}

impl End {
    /// Number of frames that were captured and never published, or dropped later.
    pub fn dropped(&self) -> u64 {
        self.superseded.saturating_add(self.late).saturating_add(self.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_s_own_size_goes_before_its_header_s() {
        let check = |payload: &'static [u8], expected| {
            let meta = crate::wire::record::tests::meta(0);
            let frame = Frame { meta, payload: Bytes::from_static(payload), kind: FrameKind::Own };
            assert_eq!(frame.size(), expected);
        };
        check(&[0xff, 0xd8, 0xff, 0xc2, 0, 11, 8, 0, 3, 0, 4, 1, 1, 0x11, 0], (4, 3));
        check(&[0xff, 0xd8, 0xff], (64, 36));
    }
}
