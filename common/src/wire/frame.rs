//! A frame: a JPEG with its source and timestamps.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::time::Stamps;

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

/// All data of a frame except its picture.
#[derive(Clone, PartialEq, Debug)]
pub struct Meta {
    pub source: Arc<str>,
    pub session: Session,
    /// Number of the *captured* frame: 0, 1, 2 …, so that a gap is visible.
    pub frame: u64,
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

/// The origin of a frame.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    /// Published by our producer.
    Own,
    /// A plain JPEG without our headers. Its only time is the record's timestamp, in ms.
    Foreign,
    /// The picture that an end record contains once more.
    Repeat,
}

/// A whole JPEG frame.
#[derive(Clone, PartialEq, Debug)]
pub struct Frame {
    pub meta: Meta,
    pub jpeg: Bytes,
    pub kind: Kind,
}

impl Frame {
    /// Width and height from the JPEG itself. If another program republished the picture, its size may differ from its
    /// headers.
    pub fn size(&self) -> (u32, u32) {
        jpeg_size(&self.jpeg).unwrap_or((self.meta.width, self.meta.height))
    }
}

/// Width and height from the frame header of a JPEG of any coding.
pub fn jpeg_size(jpeg: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u16::from_be_bytes([*jpeg.get(at)?, *jpeg.get(at + 1)?]));
    let mut at = 2;
    while jpeg.starts_with(&[0xff, 0xd8]) && *jpeg.get(at)? == 0xff {
        match *jpeg.get(at + 1)? {
            // C4, C8 and CC are in the range of the frame headers but are other segments.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((number(at + 7)?.into(), number(at + 5)?.into()));
            }
            // Any number of FF bytes may precede a marker.
            0xff => at += 1,
            // The picture's data begins, without a frame header before it.
            0xda => return None,
            _ => at += 2 + usize::from(number(at + 2)?.max(2)),
        }
    }
    None
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
    fn a_jpeg_says_its_own_size() {
        let check = |jpeg: &[u8], expected| assert_eq!(jpeg_size(jpeg), expected, "{jpeg:02x?}");
        let frame_header = [0xff, 0xc0, 0, 11, 8, 0x02, 0xd0, 0x05, 0x00, 1, 1, 0x11, 0];
        let after = |segments: &[u8]| [&[0xff, 0xd8], segments, &frame_header].concat();
        check(&after(&[]), Some((1280, 720)));
        check(&after(&[0xff, 0xe0, 0, 4, 1, 2]), Some((1280, 720)));
        check(&after(&[0xff, 0xc4, 0, 3, 9, 0xff, 0xff]), Some((1280, 720)));
        check(&after(&[0xff, 0xda, 0, 2]), None);
        check(&after(&[0xff, 0xe0, 0xff, 0xff]), None);
        check(&after(&[])[..9], None);
        check(&after(&[])[1..], None);
        check(b"", None);
    }

    #[test]
    fn the_jpeg_s_own_size_goes_before_its_header_s() {
        let check = |jpeg: &'static [u8], expected| {
            let meta = crate::wire::record::tests::meta(0);
            let frame = Frame { meta, jpeg: Bytes::from_static(jpeg), kind: Kind::Own };
            assert_eq!(frame.size(), expected);
        };
        check(&[0xff, 0xd8, 0xff, 0xc2, 0, 11, 8, 0, 3, 0, 4, 1, 1, 0x11, 0], (4, 3));
        check(&[0xff, 0xd8, 0xff], (64, 36));
    }
}
