//! Encodes planes to a plain JPEG, and decodes JPEGs to pixels, with libjpeg-turbo.
//!
//! It reads planes as they are and writes pixels in the window's order, so nothing is converted twice. Encoder and
//! decoder reuse their memory from picture to picture and use all threads of a [`Pool`](pool::Pool): a picture is cut
//! between its rows of blocks, if restart markers make that possible.

mod decode;
mod encode;
mod error;
mod layout;
mod planes;
#[cfg(test)]
mod stripe_tests;
#[cfg(test)]
mod tests;
mod turbo;

pub use self::decode::Decoder;
pub use self::encode::Encoder;
pub use self::error::JpegError;
pub use self::planes::{Plane, Planes, Subsampling};
pub use self::turbo::Header;
