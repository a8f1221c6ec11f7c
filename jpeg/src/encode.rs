//! Planes in, one plain baseline JPEG out.

use turbojpeg::{Compressor, Image, OutputBuf, PixelFormat, Subsamp, YuvPlanesImage, compressed_buf_len};

use crate::{JpegError, Plane, Planes, Subsampling};

/// What the format's 16-bit sizes leave after the codec's own limit (`JPEG_MAX_DIMENSION`).
const SIDE_MAX: usize = 65_500;

/// An encoder and the memory it keeps from picture to picture.
#[derive(Debug)]
pub struct Encoder {
    codec: Compressor,
    /// Room for the worst case, grown once. The JPEG is copied out of it (about 10 µs for 100 KB), because zeroing
    /// the worst case in the caller's buffer for each picture would cost ten times that.
    room: Vec<u8>,
}

impl Encoder {
    pub fn new() -> Result<Encoder, JpegError> {
        Ok(Encoder { codec: Compressor::new()?, room: Vec::new() })
    }

    /// Replaces what is in `out` by the picture as a JPEG; its memory is used again.
    pub fn encode(&mut self, planes: &Planes<'_>, quality: u8, out: &mut Vec<u8>) -> Result<(), JpegError> {
        out.clear();
        planes.check()?;
        if !(1..=100).contains(&quality) {
            return Err(JpegError::Quality(quality));
        }
        self.codec.set_quality(i32::from(quality))?;
        let bytes_max = compressed_buf_len(planes.width, planes.height, subsamp(planes.subsampling))?;
        if self.room.len() < bytes_max {
            self.room.resize(bytes_max, 0);
        }
        let bytes = match planes.subsampling {
            Subsampling::Gray => {
                self.codec.set_subsamp(Subsamp::Gray)?;
                self.codec.compress_to_slice(gray(planes), &mut self.room)?
            }
            _ => {
                let mut room = OutputBuf::borrowed(&mut self.room);
                self.codec.compress_yuv_planes(&coloured(planes), &mut room)?;
                room.len()
            }
        };
        out.extend_from_slice(&self.room[..bytes]);
        Ok(())
    }
}

impl Planes<'_> {
    /// That the planes hold what the sizes promise: the codec reads them unchecked.
    fn check(&self) -> Result<(), JpegError> {
        let (width, height) = (self.width, self.height);
        if !(1..=SIDE_MAX).contains(&width) || !(1..=SIDE_MAX).contains(&height) {
            return Err(JpegError::Size { width, height });
        }
        let (across, down) = self.subsampling.step();
        let chroma = (width.div_ceil(across), height.div_ceil(down));
        self.y.check("luma", (chroma.0 * across, chroma.1 * down))?;
        if self.subsampling != Subsampling::Gray {
            self.u.check("first chroma", chroma)?;
            self.v.check("second chroma", chroma)?;
        }
        Ok(())
    }
}

impl Plane<'_> {
    fn check(&self, name: &'static str, (columns, rows): (usize, usize)) -> Result<(), JpegError> {
        let needed = self.stride.checked_mul(rows - 1).and_then(|above| above.checked_add(columns));
        let fits = self.stride >= columns
            && i32::try_from(self.stride).is_ok()
            && needed.is_some_and(|needed| needed <= self.data.len());
        fits.then_some(()).ok_or(JpegError::Plane(name))
    }
}

fn coloured<'a>(planes: &Planes<'a>) -> YuvPlanesImage<&'a [u8]> {
    YuvPlanesImage {
        y_plane: planes.y.data,
        u_plane: planes.u.data,
        v_plane: planes.v.data,
        width: planes.width,
        height: planes.height,
        y_stride: planes.y.stride,
        u_stride: planes.u.stride,
        v_stride: planes.v.stride,
        subsamp: subsamp(planes.subsampling),
    }
}

/// The codec's planar entry wants three planes, so gray goes in as one-byte pixels.
fn gray<'a>(planes: &Planes<'a>) -> Image<&'a [u8]> {
    Image {
        pixels: planes.y.data,
        width: planes.width,
        pitch: planes.y.stride,
        height: planes.height,
        format: PixelFormat::GRAY,
    }
}

fn subsamp(subsampling: Subsampling) -> Subsamp {
    match subsampling {
        Subsampling::S420 => Subsamp::Sub2x2,
        Subsampling::S422 => Subsamp::Sub2x1,
        Subsampling::S444 => Subsamp::None,
        Subsampling::Gray => Subsamp::Gray,
    }
}
