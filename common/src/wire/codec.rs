//! The codec of a frame: its media type, its valid payloads, and their size.

/// The coding of a frame's payload.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Codec {
    #[default]
    Jpeg,
}

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
            Codec::Jpeg => jpeg::begins(bytes),
        }
    }

    /// True if the bytes are one payload, from its beginning to its end, as far as its first and last bytes show.
    pub fn is_whole(self, bytes: &[u8]) -> bool {
        match self {
            Codec::Jpeg => jpeg::is_whole(bytes),
        }
    }

    /// Width and height, if the payload contains them.
    pub fn size(self, payload: &[u8]) -> Option<(u32, u32)> {
        match self {
            Codec::Jpeg => jpeg::size(payload),
        }
    }
}
