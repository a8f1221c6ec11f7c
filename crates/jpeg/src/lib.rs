//! Encodes planes to a plain JPEG, and decodes JPEGs to pixels. Independent of video and Kafka.
//!
//! ```text
//! Planes (borrowed YUV) ─▶ Encoder ─▶ Vec<u8>, a JPEG that anything reads
//! &[u8], any JPEG ─▶ Decoder ─▶ &mut [u32], the window's own pixels
//! ```
//!
//! The codec is libjpeg-turbo, which reads planes as they are and writes pixels in the window's order, so nothing is
//! converted twice. Encoder and decoder reuse their memory from picture to picture and use all threads of a
//! [`Pool`](pool::Pool): a picture is cut between its rows of blocks, if restart markers make that possible.

mod decode;
mod encode;
mod layout;
mod planes;
#[cfg(test)]
mod stripe_tests;
#[cfg(test)]
mod tests;
mod turbo;

pub use decode::{Decoder, Header, PIXELS_MAX};
pub use encode::Encoder;

use thiserror::Error;

/// The resolution of chroma relative to luma.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Subsampling {
    #[default]
    S420,
    S422,
    S444,
    /// No chroma.
    Gray,
}

impl Subsampling {
    /// Number of columns and rows of luma for each sample of chroma.
    pub fn step(self) -> (usize, usize) {
        match self {
            Subsampling::S420 => (2, 2),
            Subsampling::S422 => (2, 1),
            Subsampling::S444 | Subsampling::Gray => (1, 1),
        }
    }
}

/// Rows of samples, `stride` bytes apart.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    pub data: &'a [u8],
    pub stride: usize,
}

/// A picture as full-range BT.601 planes, which is the YCbCr of JFIF; `u` and `v` are unused in a grey picture.
///
/// If chroma has fewer samples than luma, the luma plane of an odd-sized picture has one more column or row (a copy of
/// the last), so that each chroma sample is whole.
#[derive(Clone, Copy, Debug)]
pub struct Planes<'a> {
    pub width: usize,
    pub height: usize,
    pub subsampling: Subsampling,
    pub y: Plane<'a>,
    pub u: Plane<'a>,
    pub v: Plane<'a>,
}

#[derive(Error, Debug)]
pub enum JpegError {
    #[error("a JPEG cannot be {width}x{height}")]
    Size { width: usize, height: usize },
    #[error("quality {0} is not between 1 and 100")]
    Quality(u8),
    #[error("the {0} plane is too small for its picture")]
    Plane(&'static str),
    #[error("a picture of {width}x{height} is over the limit of {} megapixels", PIXELS_MAX / 1_000_000)]
    TooLarge { width: usize, height: usize },
    #[error("{bytes} bytes cannot hold a picture of {width}x{height}")]
    TooShort { bytes: usize, width: usize, height: usize },
    #[error("the buffer is too small for a picture of {width}x{height}")]
    Buffer { width: usize, height: usize },
    #[error("{0}")]
    Codec(String),
    #[error("a part of the picture cannot be cut from it or joined to it")]
    Stripe,
}
