//! The segments of a JPEG that precede its picture's data.

/// Pictures with more pixels are neither decoded nor passed through, whatever their header says.
pub const PIXELS_MAX: usize = 64_000_000;

/// Markers that have a meaning here.
pub mod marker {
    pub const SOI: u8 = 0xD8;
    pub const EOI: u8 = 0xD9;
    pub const SOS: u8 = 0xDA;
    pub const DHT: u8 = 0xC4;
    pub const APP0: u8 = 0xE0;
    pub const APP1: u8 = 0xE1;
    pub const APP15: u8 = 0xEF;
    pub const COM: u8 = 0xFE;
}

/// A marker with its data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment<'a> {
    pub marker: u8,
    /// Offset of the marker's last `0xFF`.
    pub at: usize,
    pub body: &'a [u8],
}

impl Segment<'_> {
    /// Offset of the first byte behind the segment.
    pub fn end(&self) -> usize {
        self.at + 4 + self.body.len()
    }

    /// True for the header of a frame, of whatever coding.
    pub fn is_frame(&self) -> bool {
        // C4, C8 and CC are in this range but are other segments.
        matches!(self.marker, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF)
    }
}

/// The segments up to the header of the first scan, which is the last one. It ends earlier if the bytes are damaged.
pub fn segments(jpeg: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let mut at = if begins(jpeg) { Some(2) } else { None };
    std::iter::from_fn(move || {
        let segment = segment(jpeg, at?)?;
        at = (segment.marker != marker::SOS).then(|| segment.end());
        Some(segment)
    })
}

/// The segment that begins here.
pub fn segment(jpeg: &[u8], mut at: usize) -> Option<Segment<'_>> {
    // Any number of FF bytes may precede a marker.
    while *jpeg.get(at)? == 0xFF && *jpeg.get(at + 1)? == 0xFF {
        at += 1;
    }
    match *jpeg.get(at..at + 2)? {
        // Markers without a length, and stuffing.
        [0xFF, 0x00 | 0x01 | 0xD0..=0xD9] => None,
        [0xFF, marker] => {
            let length = number(jpeg, at + 2)?;
            Some(Segment { marker, at, body: jpeg.get(at + 4..at + 2 + length)? })
        }
        _ => None,
    }
}

/// True if the bytes begin like a JPEG.
pub fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFF, marker::SOI, 0xFF])
}

/// True if the bytes begin and end like a JPEG.
pub fn is_whole(bytes: &[u8]) -> bool {
    begins(bytes) && bytes.ends_with(&[0xFF, marker::EOI])
}

/// Width and height from the frame header of a JPEG of any coding.
pub fn size(jpeg: &[u8]) -> Option<(u32, u32)> {
    let frame = segments(jpeg).find(Segment::is_frame)?;
    Some((number(frame.body, 3)? as u32, number(frame.body, 1)? as u32))
}

pub fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + 2)?;
    Some(usize::from(bytes[0]) << 8 | usize::from(bytes[1]))
}

/// The markers in a scan's data, each with the offset of its `0xFF`; a stuffed `0xFF00` is not a marker.
pub fn markers(data: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    memchr::memchr_iter(0xFF, data).filter_map(|at| {
        let marker = *data.get(at + 1)?;
        (marker != 0 && marker != 0xFF).then_some((at, marker))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_read_from_the_jpeg() {
        let check = |jpeg: &[u8], expected| assert_eq!(size(jpeg), expected, "{jpeg:02x?}");
        let frame_header = [0xff, 0xc0, 0, 11, 8, 0x02, 0xd0, 0x05, 0x00, 1, 1, 0x11, 0];
        let after = |segments: &[u8]| [&[0xff, 0xd8], segments, &frame_header].concat();
        check(&after(&[]), Some((1280, 720)));
        check(&after(&[0xff]), Some((1280, 720)));
        check(&after(&[0xff, 0xe0, 0, 4, 1, 2]), Some((1280, 720)));
        check(&after(&[0xff, 0xc4, 0, 3, 9, 0xff, 0xff]), Some((1280, 720)));
        check(&after(&[0xff, 0xda, 0, 2]), None);
        check(&after(&[0xff, 0xe0, 0xff, 0xff]), None);
        check(&after(&[])[..9], None);
        check(&after(&[])[1..], None);
        check(b"", None);
    }
}
