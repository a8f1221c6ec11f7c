//! How a frame's picture is coded, and what follows from that.

/// The coding of a frame's payload.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Codec {
    #[default]
    Jpeg,
}

const JPEG_BEGIN: [u8; 3] = [0xff, 0xd8, 0xff];
const JPEG_END: [u8; 2] = [0xff, 0xd9];

impl Codec {
    const ALL: [Codec; 1] = [Codec::Jpeg];
    /// Number of bytes by which a payload is recognised.
    pub const HEAD_BYTES: usize = 3;

    /// The value of the header `type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Codec::Jpeg => "image/jpeg",
        }
    }

    pub fn of_media_type(name: &str) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.media_type() == name)
    }

    /// The codec of a plain picture, whose record has no headers of ours.
    pub fn of_plain(value: &[u8]) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.begins(value))
    }

    /// True if every frame is a key frame.
    pub fn is_intra(self) -> bool {
        match self {
            Codec::Jpeg => true,
        }
    }

    /// True if a payload can begin with these bytes, of which there are at least [`HEAD_BYTES`](Self::HEAD_BYTES).
    pub fn begins(self, bytes: &[u8]) -> bool {
        match self {
            Codec::Jpeg => bytes.starts_with(&JPEG_BEGIN),
        }
    }

    /// True if the bytes are one payload, from its beginning to its end, as far as its first and last bytes show.
    pub fn is_whole(self, bytes: &[u8]) -> bool {
        match self {
            Codec::Jpeg => bytes.starts_with(&JPEG_BEGIN) && bytes.ends_with(&JPEG_END),
        }
    }

    /// Width and height, if the payload contains them.
    pub fn size(self, payload: &[u8]) -> Option<(u32, u32)> {
        match self {
            Codec::Jpeg => jpeg_size(payload),
        }
    }
}

/// Width and height from the frame header of a JPEG of any coding.
fn jpeg_size(jpeg: &[u8]) -> Option<(u32, u32)> {
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
}
