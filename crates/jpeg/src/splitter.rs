//! Finds the JPEGs in a stream of bytes.

use crate::segments::marker::{EOI, SOI, SOS};

/// True if a sequence of JPEGs that ends with these bytes ends inside one: behind the last end marker another begins.
pub fn ends_inside(tail: &[u8]) -> bool {
    let behind = memchr::memmem::rfind(tail, &[0xff, EOI]).map_or(tail, |at| &tail[at + 2..]);
    memchr::memmem::find(behind, &[0xff, SOI, 0xff]).is_some()
}

/// The position of the next byte in a JPEG.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum At {
    /// Between JPEGs; `OutsideMark` after an FF.
    #[default]
    Outside,
    OutsideMark,
    /// Between segments.
    Segment,
    Mark,
    Length(u8),
    LengthLow(u8, u8),
    Body(u8, usize),
    Entropy,
    EntropyMark,
}

/// Finds the ends of JPEGs by parsing their markers, byte by byte as they arrive.
#[derive(Clone, Copy, Debug, Default)]
pub struct Splitter {
    at: At,
}

impl Splitter {
    /// Moves bytes of one JPEG to `jpeg`; returns the number of bytes taken, and true if the JPEG is complete now.
    pub fn push(&mut self, bytes: &[u8], jpeg: &mut Vec<u8>) -> (usize, bool) {
        let mut taken = 0;
        while taken < bytes.len() {
            let rest = &bytes[taken..];
            let run = self.run(rest);
            if run > 0 {
                if self.at != At::Outside {
                    jpeg.extend_from_slice(&rest[..run]);
                }
                taken += run;
                continue;
            }
            taken += 1;
            if self.step(rest[0], jpeg) {
                return (taken, true);
            }
        }
        (taken, false)
    }

    /// Number of following bytes that do not change the state.
    fn run(&mut self, bytes: &[u8]) -> usize {
        let before_mark = || memchr::memchr(0xff, bytes).unwrap_or(bytes.len());
        match &mut self.at {
            At::Outside | At::Entropy => before_mark(),
            At::Body(_, left) => {
                let run = bytes.len().min(*left);
                *left -= run;
                run
            }
            _ => 0,
        }
    }

    /// Processes one byte; returns true if it was the last of a JPEG.
    fn step(&mut self, byte: u8, jpeg: &mut Vec<u8>) -> bool {
        if let At::Body(mark, 0) = self.at {
            self.at = if mark == SOS { At::Entropy } else { At::Segment };
            if self.at == At::Entropy && byte != 0xff {
                jpeg.push(byte);
                return false;
            }
        }
        jpeg.push(byte);
        self.at = match (self.at, byte) {
            (At::Outside | At::OutsideMark, 0xff) => At::OutsideMark,
            (At::OutsideMark, SOI) => return self.begin(jpeg),
            (At::Outside | At::OutsideMark, _) => At::Outside,
            (At::Segment | At::Mark, 0xff) => At::Mark,
            (At::Entropy | At::EntropyMark, 0xff) => At::EntropyMark,
            (At::EntropyMark, 0 | 0xd0..=0xd7) => At::Entropy,
            (At::Mark | At::EntropyMark, SOI) => return self.begin(jpeg),
            (At::Mark | At::EntropyMark, EOI) => {
                self.at = At::Outside;
                return true;
            }
            (At::Mark, 0x01 | 0xd0..=0xd7) => At::Segment,
            (At::Mark | At::EntropyMark, mark) if mark != 0 => At::Length(mark),
            (At::Length(mark), high) => At::LengthLow(mark, high),
            (At::LengthLow(mark, high), low) => {
                At::Body(mark, usize::from(u16::from_be_bytes([high, low])).saturating_sub(2))
            }
            // There is no marker where one must be, so this is no JPEG (any more).
            _ => At::Outside,
        };
        if matches!(self.at, At::Outside | At::OutsideMark) {
            jpeg.clear();
        }
        false
    }

    /// Begins a JPEG, whatever came before.
    fn begin(&mut self, jpeg: &mut Vec<u8>) -> bool {
        jpeg.clear();
        jpeg.extend([0xff, SOI]);
        self.at = At::Segment;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits these bytes, fed in pieces, into JPEGs.
    fn split(bytes: &[u8], piece: usize) -> Vec<Vec<u8>> {
        let (mut splitter, mut jpeg, mut found) = (Splitter::default(), Vec::new(), Vec::new());
        for mut piece in bytes.chunks(piece) {
            while !piece.is_empty() {
                let (taken, whole) = splitter.push(piece, &mut jpeg);
                piece = &piece[taken..];
                if whole {
                    found.push(std::mem::take(&mut jpeg));
                }
            }
        }
        found
    }

    fn check(cases: &[(&[u8], &[&[u8]])]) {
        for (bytes, expected) in cases {
            for piece in [1, 2, 3, 1000] {
                assert_eq!(split(bytes, piece), *expected, "{bytes:02x?} in pieces of {piece}");
            }
        }
    }

    const SMALL: &[u8] = b"\xff\xd8\xff\xdb\x00\x04\xff\xd9\xff\xda\x00\x02\x01\xff\x00\x02\xff\xd0\x03\xff\xd9";

    #[test]
    fn a_jpeg_ends_at_its_own_end() {
        // The segment contains the bytes of an end marker; the entropy data contains a stuffed FF and a restart marker.
        check(&[(SMALL, &[SMALL]), (&[SMALL, SMALL].concat(), &[SMALL, SMALL])]);
    }

    #[test]
    fn junk_in_between_is_passed_over() {
        let junk = [b"\r\n--boundary\xff\xff", SMALL, b"\xff\x00", SMALL, b"\xff"].concat();
        check(&[(&junk, &[SMALL, SMALL])]);
    }

    #[test]
    fn a_torn_jpeg_gives_way_to_the_next() {
        for torn in [2, 3, 8, 12, 13, 15] {
            let bytes = [&SMALL[..torn], SMALL, SMALL].concat();
            let found = split(&bytes, 7);
            assert_eq!(found.last().map(Vec::as_slice), Some(SMALL), "torn at {torn}");
        }
    }

    #[test]
    fn several_scans_are_one_jpeg() {
        let progressive = b"\xff\xd8\xff\xda\x00\x02\x01\xff\xc4\x00\x03\x00\xff\xda\x00\x02\x02\xff\xff\xd9";
        check(&[(progressive, &[progressive])]);
    }

    #[test]
    fn empty_entropy_data_ends_at_once() {
        let nothing = b"\xff\xd8\xff\xda\x00\x02\xff\xd9";
        check(&[(nothing, &[nothing])]);
    }

    #[test]
    fn a_sequence_that_ends_inside_a_picture_is_noticed() {
        assert!(!ends_inside(SMALL) && !ends_inside(b"") && !ends_inside(b"\xff\xd9\0\0"));
        assert!(ends_inside(&[SMALL, &SMALL[..5]].concat()) && ends_inside(&SMALL[..5]));
    }
}
