//! The reasons why a picture cannot be encoded or decoded.

use thiserror::Error;

use crate::segments::PIXELS_MAX;

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
