//! Decides if a camera's JPEG can be published as it is, and completes it.
//!
//! A JPEG of a camera's or a file's stream may lack its Huffman tables, and may have bytes behind its end. Both are
//! mended without decoding the picture. What only a decoder can mend is an [`Obstacle`].

use thiserror::Error;

use crate::huffman::HUFFMAN_TABLES;
use crate::segments::{PIXELS_MAX, Segment, marker, markers, number, segment, segments};

/// A JPEG that can be published without decoding it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Passable {
    pub width: usize,
    pub height: usize,
    /// Where Huffman tables are put in, if any is missing.
    tables_at: Option<usize>,
    /// Offset of the first byte behind the end marker.
    end: usize,
}

/// The reason why a picture has to be decoded and encoded again.
#[derive(Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Obstacle {
    #[error("a JPEG is damaged")]
    Damaged,
    #[error("its JPEGs are of a kind that few programs can decode")]
    Coding,
    #[error("its colours are stored at a resolution other than 4:2:0, 4:2:2 or 4:4:4")]
    Subsampling,
    #[error("its pictures are larger than {} megapixels, or than a frame may be", PIXELS_MAX / 1_000_000)]
    TooLarge,
    #[error("its pictures must be turned (EXIF orientation {0})")]
    Orientation(u8),
    #[error("its pixels are not square")]
    Aspect,
    #[error("its colours have the limited range of video")]
    Range,
    #[error("each picture is two fields (interlaced)")]
    Fields,
}

impl Passable {
    /// Parses the headers, and looks for the end of the picture's data. The data themselves are not decoded.
    pub fn check(jpeg: &[u8]) -> Result<Passable, Obstacle> {
        let (mut frame, mut scan, mut first_table) = (None, None, None);
        let mut tables = Tables::default();
        for segment in segments(jpeg) {
            match segment.marker {
                marker::APP0 => check_app0(segment.body)?,
                marker::APP1 => check_app1(segment.body)?,
                marker::COM if segment.body.starts_with(b"CS=ITU601") => return Err(Obstacle::Range),
                marker::DHT => tables.define(segment.body),
                marker::SOS => scan = Some(segment),
                _ if segment.is_frame() && frame.is_some() => return Err(Obstacle::Damaged),
                _ if segment.is_frame() => frame = Some(Frame::of(&segment)?),
                _ => {}
            }
            if !matches!(segment.marker, marker::APP0..=marker::APP15 | marker::COM) {
                first_table.get_or_insert(segment.at);
            }
        }
        let (Some(Frame { width, height }), Some(scan)) = (frame, scan) else { return Err(Obstacle::Damaged) };
        let end = end_of_data(jpeg, scan.end()).ok_or(Obstacle::Damaged)?;
        // Tables of the JPEG's own that follow take the place of these.
        let tables_at = if tables.has_all(&scan) { None } else { first_table };
        if tables_at.is_some() && !tables.or(Tables::STANDARD).has_all(&scan) {
            return Err(Obstacle::Damaged);
        }
        Ok(Passable { width, height, tables_at, end })
    }

    /// The JPEG, from its beginning to its end marker, with all Huffman tables.
    pub fn complete(&self, jpeg: &[u8]) -> Vec<u8> {
        let (head, tail) = jpeg[..self.end].split_at(self.tables_at.unwrap_or(0));
        let tables = if self.tables_at.is_some() { &HUFFMAN_TABLES[..] } else { &[] };
        [head, tables, tail].concat()
    }
}

/// The properties of a frame header that is passable.
struct Frame {
    width: usize,
    height: usize,
}

impl Frame {
    fn of(segment: &Segment<'_>) -> Result<Frame, Obstacle> {
        // Baseline, extended and progressive, with Huffman codes.
        if !matches!(segment.marker, 0xC0..=0xC2) {
            return Err(Obstacle::Coding);
        }
        let [bits, _, _, _, _, count, components @ ..] = segment.body else { return Err(Obstacle::Damaged) };
        let (height, width) = (number(segment.body, 1), number(segment.body, 3));
        let (Some(height @ 1..), Some(width @ 1..)) = (height, width) else { return Err(Obstacle::Damaged) };
        if *bits != 8 || !matches!(count, 1 | 3) {
            return Err(Obstacle::Coding);
        }
        if components.len() != usize::from(*count) * 3 {
            return Err(Obstacle::Damaged);
        }
        if width * height > PIXELS_MAX {
            return Err(Obstacle::TooLarge);
        }
        let mut factors = components.chunks_exact(3).map(|component| (component[1] >> 4, component[1] & 15));
        if factors.clone().any(|(x, y)| !(1..=4).contains(&x) || !(1..=4).contains(&y)) {
            return Err(Obstacle::Damaged);
        }
        let luma = factors.next().ok_or(Obstacle::Damaged)?;
        let known =
            |chroma: (u8, u8)| [(2, 2), (2, 1), (1, 1)].iter().any(|(x, y)| (chroma.0 * x, chroma.1 * y) == luma);
        let chroma: Vec<(u8, u8)> = factors.collect();
        let same = chroma.windows(2).all(|pair| pair[0] == pair[1]);
        if same && chroma.into_iter().all(known) { Ok(Frame { width, height }) } else { Err(Obstacle::Subsampling) }
    }
}

/// The Huffman tables that are defined: a bit for each, four for DC and four for AC.
#[derive(Clone, Copy, Default)]
struct Tables(u8);

impl Tables {
    const STANDARD: Tables = Tables(0b0011_0011);

    fn or(self, other: Tables) -> Tables {
        Tables(self.0 | other.0)
    }

    fn define(&mut self, mut body: &[u8]) {
        while let Some((&which, rest)) = body.split_first() {
            self.0 |= 1 << ((which >> 4 & 1) * 4 + (which & 3));
            let Some(counts) = rest.get(..16) else { return };
            let values: usize = counts.iter().map(|&count| usize::from(count)).sum();
            body = rest.get(16 + values..).unwrap_or_default();
        }
    }

    /// True if all tables of a scan are defined. A progressive scan uses only one of the two that its header names.
    fn has_all(&self, scan: &Segment<'_>) -> bool {
        let (_, rest) = scan.body.split_at(scan.body.len().min(1));
        let count = usize::from(scan.body.first().copied().unwrap_or(0));
        let has = |table: u8| self.0 >> table & 1 == 1;
        let mut used = rest.chunks_exact(2).take(count).map(|component| component[1]);
        used.all(|which| has(which >> 4 & 3) && has(4 + (which & 3)))
            || self.0 != 0 && rest.get(2 * count..).is_some_and(|scan| scan != [0, 63, 0])
    }
}

/// JFIF's shape of a pixel, and the mark of video that comes as two fields.
fn check_app0(body: &[u8]) -> Result<(), Obstacle> {
    if body.starts_with(b"AVI1") && body.get(4).is_some_and(|&field| field > 0) {
        return Err(Obstacle::Fields);
    }
    if body.starts_with(b"JFIF\0")
        && let (Some(x @ 1..), Some(y @ 1..)) = (number(body, 8), number(body, 10))
        && x != y
    {
        return Err(Obstacle::Aspect);
    }
    Ok(())
}

/// EXIF's orientation, and the mark of two fields in QuickTime's files.
fn check_app1(body: &[u8]) -> Result<(), Obstacle> {
    if body.get(4..8) == Some(b"mjpg") {
        return Err(Obstacle::Fields);
    }
    match body.strip_prefix(b"Exif\0\0").and_then(orientation) {
        Some(turned @ 2..=8) => Err(Obstacle::Orientation(turned)),
        _ => Ok(()),
    }
}

/// The orientation in the first directory of TIFF data.
fn orientation(tiff: &[u8]) -> Option<u8> {
    const ORIENTATION: usize = 0x0112;
    let little = match tiff.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let short = |at: usize| number(tiff, at).map(|n| if little { (n as u16).swap_bytes().into() } else { n });
    let [low, high] = if little { [4, 6] } else { [6, 4] };
    let directory = short(high)? << 16 | short(low)?;
    let entries = short(directory)?;
    let entry = (0..entries).map(|n| directory + 2 + 12 * n).find(|&at| short(at) == Some(ORIENTATION))?;
    u8::try_from(short(entry + 8)?).ok()
}

/// The first offset behind the end marker. Between two scans there may be other segments.
fn end_of_data(jpeg: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let (offset, found) = markers(jpeg.get(at..)?).find(|(_, found)| !matches!(found, 0xD0..=0xD7))?;
        if found == marker::EOI {
            return Some(at + offset + 2);
        }
        at = segment(jpeg, at + offset)?.end();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A JPEG of 16x8 pixels, with empty data, and with `extra` before its tables.
    fn jpeg(factors: [u8; 3], tables: bool, extra: &[u8], tail: &[u8]) -> Vec<u8> {
        let [y, u, v] = factors;
        let frame = [0xff, 0xc0, 0, 17, 8, 0, 8, 0, 16, 3, 1, y, 0, 2, u, 1, 3, v, 1];
        let scan = [0xff, 0xda, 0, 12, 3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0];
        let tables = if tables { &HUFFMAN_TABLES[..] } else { &[] };
        let data = [1, 0xff, 0, 2, 0xff, 0xd0, 3, 0xff, 0xd9];
        [&[0xff, 0xd8], extra, &frame, tables, &scan, &data, tail].concat()
    }

    fn app(marker: u8, body: &[u8]) -> Vec<u8> {
        [&[0xff, marker, 0, body.len() as u8 + 2], body].concat()
    }

    fn exif(orientation: u8) -> Vec<u8> {
        let entry = [1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0];
        app(0xe1, &[&b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01"[..], &entry, &[0; 4]].concat())
    }

    fn written(jpeg: &[u8]) -> Result<Vec<u8>, Obstacle> {
        Passable::check(jpeg).map(|passable| passable.complete(jpeg))
    }

    #[test]
    fn a_whole_jpeg_is_left_as_it_is() {
        for factors in [[0x22, 0x11, 0x11], [0x21, 0x11, 0x11], [0x11; 3], [0x22, 0x12, 0x12], [0x22; 3]] {
            let jpeg = jpeg(factors, true, &app(0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0"), &[]);
            assert_eq!(written(&jpeg).as_ref(), Ok(&jpeg));
            let passable = Passable::check(&jpeg).unwrap();
            assert_eq!((passable.width, passable.height), (16, 8));
        }
    }

    #[test]
    fn missing_tables_are_put_in_and_trailing_bytes_are_cut_off() {
        let extra = app(0xe0, b"AVI1\0\0");
        let bare = jpeg([0x21, 0x11, 0x11], false, &extra, b"\0\0\xff\xd8\xff");
        let expected = [&[0xff, 0xd8], &extra[..], &HUFFMAN_TABLES, &bare[2 + extra.len()..bare.len() - 5]].concat();
        assert_eq!(written(&bare), Ok(expected.clone()));
        assert_eq!(written(&expected), Ok(expected));
    }

    #[test]
    fn what_only_a_decoder_can_mend_is_an_obstacle() {
        let plain = [0x22, 0x11, 0x11];
        let with = |extra: &[u8]| written(&jpeg(plain, true, extra, &[])).err();
        assert_eq!(with(&exif(6)), Some(Obstacle::Orientation(6)));
        assert_eq!(with(&exif(1)), None);
        assert_eq!(with(&exif(0)), None);
        assert_eq!(with(&app(0xe1, b"Exif\0\0II*\0\xff\xff\xff\xff")), None);
        assert_eq!(with(&app(0xe0, b"JFIF\0\x01\x02\0\0\x04\0\x03\0\0")), Some(Obstacle::Aspect));
        assert_eq!(with(&app(0xe0, b"AVI1\x01\0")), Some(Obstacle::Fields));
        assert_eq!(with(&app(0xfe, b"CS=ITU601")), Some(Obstacle::Range));
        assert_eq!(written(&jpeg([0x12, 0x11, 0x11], true, &[], &[])).err(), Some(Obstacle::Subsampling));
        assert_eq!(written(&jpeg([0x22, 0x11, 0x21], true, &[], &[])).err(), Some(Obstacle::Subsampling));
        let changed = |at: usize, byte: u8| {
            let mut jpeg = jpeg(plain, true, &[], &[]);
            jpeg[at] = byte;
            written(&jpeg).err()
        };
        assert_eq!(changed(3, 0xc9), Some(Obstacle::Coding));
        assert_eq!(changed(6, 12), Some(Obstacle::Coding));
        assert_eq!(changed(8, 0), Some(Obstacle::Damaged));
    }

    #[test]
    fn a_torn_jpeg_is_damaged_wherever_it_is_torn() {
        let whole = jpeg([0x22, 0x11, 0x11], true, &exif(1), &[]);
        for length in 0..whole.len() {
            assert_eq!(Passable::check(&whole[..length]), Err(Obstacle::Damaged), "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_are_nothing_panics_and_what_passes_is_whole(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            tables: bool,
            tail in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let mut bytes = jpeg([0x22, 0x11, 0x11], tables, &exif(1), &tail);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Ok(out) = written(&bytes) {
                prop_assert!(crate::is_whole(&out));
                prop_assert!(out.len() <= bytes.len() + HUFFMAN_TABLES.len());
                prop_assert_eq!(written(&out), Ok(out.clone()), "what was completed stays as it is");
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [&[0xff, 0xd8, 0xff], &bytes[..]].concat();
            let _ = written(&bytes);
        }
    }
}
