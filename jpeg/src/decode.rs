//! Anybody's JPEG in, pixels in the window's own order out.

use turbojpeg::{Colorspace, DecompressHeader, Decompressor, Image, PixelFormat, Subsamp};

use crate::{JpegError, Subsampling};

/// No picture above this many pixels is decoded, whatever its header says.
pub const PIXELS_MAX: usize = 64_000_000;

/// Progressive pictures have about ten scans; a hostile one has hundreds, each as costly as a whole picture.
const SCANS_MAX: u32 = 40;

/// Each block of 8x8 pixels takes at least one bit of Huffman code.
const PIXELS_PER_BYTE_MAX: usize = 64 * 8;

/// What a JPEG says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    pub width: usize,
    pub height: usize,
    /// `None` for the rare kinds that we do not write ourselves (4:4:0, 4:1:1 …).
    pub subsampling: Option<Subsampling>,
}

/// A decoder and the memory it keeps from picture to picture.
#[derive(Debug)]
pub struct Decoder {
    codec: Decompressor,
}

impl Decoder {
    pub fn new() -> Result<Decoder, JpegError> {
        Ok(Decoder { codec: fresh_codec()? })
    }

    /// The size of the picture, so that the caller can make room; not whether the rest is sound.
    ///
    /// It refuses what is too large, and what is too short to hold as many pixels as it says, so that a lie of a few
    /// bytes does not cost hundreds of megabytes.
    pub fn header(&mut self, jpeg: &[u8]) -> Result<Header, JpegError> {
        let result = checked_header(&mut self.codec, jpeg);
        self.recovered(result).map(|found| plain(&found))
    }

    /// Decodes into `out`, one `0xFFRRGGBB` for each pixel and `stride_px` pixels from one row to the next.
    ///
    /// Damaged and truncated data is an error; `out` may hold a part of the picture by then.
    pub fn decode_xrgb(&mut self, jpeg: &[u8], out: &mut [u32], stride_px: usize) -> Result<Header, JpegError> {
        let result = decode_xrgb(&mut self.codec, jpeg, out, stride_px);
        self.recovered(result).map(|found| plain(&found))
    }

    /// libjpeg-turbo does not find its way back from each error: after a bad marker in the header the next picture's
    /// header fails too. So an error costs the codec its state, and the next picture is decoded by a fresh one.
    fn recovered<T>(&mut self, result: Result<T, JpegError>) -> Result<T, JpegError> {
        if matches!(result, Err(JpegError::Codec(_))) {
            self.codec = fresh_codec()?;
        }
        result
    }
}

fn fresh_codec() -> Result<Decompressor, JpegError> {
    let mut codec = Decompressor::new()?;
    codec.set_scan_limit(SCANS_MAX)?;
    Ok(codec)
}

/// The order of bytes that makes `0xFFRRGGBB` when read as one number.
const XRGB: PixelFormat = if cfg!(target_endian = "little") { PixelFormat::BGRX } else { PixelFormat::XRGB };

fn decode_xrgb(
    codec: &mut Decompressor,
    jpeg: &[u8],
    out: &mut [u32],
    stride_px: usize,
) -> Result<DecompressHeader, JpegError> {
    let found = checked_header(codec, jpeg)?;
    let (width, height) = (found.width, found.height);
    let needed = stride_px.checked_mul(height - 1).and_then(|above| above.checked_add(width));
    let pitch = stride_px.checked_mul(4).filter(|pitch| i32::try_from(*pitch).is_ok());
    let (true, Some(pitch)) = (stride_px >= width && needed.is_some_and(|needed| needed <= out.len()), pitch) else {
        return Err(JpegError::Buffer { width, height });
    };
    let inks = matches!(found.colorspace, Colorspace::CMYK | Colorspace::YCCK);
    let format = if inks { PixelFormat::CMYK } else { XRGB };
    let pixels = bytemuck::cast_slice_mut(out);
    codec.decompress(jpeg, Image { pixels, width, pitch, height, format })?;
    if inks {
        out.chunks_mut(stride_px).take(height).for_each(|row| row[..width].iter_mut().for_each(ink_to_light));
    }
    Ok(found)
}

fn checked_header(codec: &mut Decompressor, jpeg: &[u8]) -> Result<DecompressHeader, JpegError> {
    let found = codec.read_header(jpeg)?;
    let (width, height) = (found.width, found.height);
    if width == 0 || height == 0 {
        return Err(JpegError::Size { width, height });
    }
    let pixels = width.saturating_mul(height);
    if pixels > PIXELS_MAX {
        return Err(JpegError::TooLarge { width, height });
    }
    if !found.is_arithmetic && jpeg.len() < pixels / PIXELS_PER_BYTE_MAX {
        return Err(JpegError::TooShort { bytes: jpeg.len(), width, height });
    }
    Ok(found)
}

/// The codec leaves inks as they are: C, M, Y, K, inverted as Adobe has always stored them.
fn ink_to_light(pixel: &mut u32) {
    let [cyan, magenta, yellow, black] = pixel.to_ne_bytes().map(u32::from);
    let light = |ink: u32| (ink * black + 127) / 255;
    *pixel = 0xFF00_0000 | light(cyan) << 16 | light(magenta) << 8 | light(yellow);
}

fn plain(found: &DecompressHeader) -> Header {
    let subsampling = match found.subsamp {
        Subsamp::Sub2x2 => Some(Subsampling::S420),
        Subsamp::Sub2x1 => Some(Subsampling::S422),
        Subsamp::None => Some(Subsampling::S444),
        Subsamp::Gray => Some(Subsampling::Gray),
        _ => None,
    };
    Header { width: found.width, height: found.height, subsampling }
}
