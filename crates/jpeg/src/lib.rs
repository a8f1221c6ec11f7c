//! JPEGs: their bytes and, with the feature `codec`, their pixels. Independent of video and Kafka.
//!
//! ```text
//! a stream of bytes ─▶ Splitter ─▶ JPEG ─▶ Passable ─▶ a JPEG that anything reads, or the Obstacle to that
//! Planes (borrowed YUV) ─▶ Encoder ─▶ Vec<u8>, a JPEG that anything reads
//! &[u8], any JPEG ─▶ Decoder ─▶ &mut [u32], the window's own pixels
//! ```

#[cfg(feature = "codec")]
mod codec;
mod huffman;
mod passthrough;
mod segments;
mod splitter;

#[cfg(feature = "codec")]
pub use self::codec::{Decoder, Encoder, Header, JpegError, Plane, Planes, Subsampling};
pub use self::passthrough::{Obstacle, Passable};
pub use self::segments::{PIXELS_MAX, begins, is_whole, size};
pub use self::splitter::{Splitter, ends_inside};
