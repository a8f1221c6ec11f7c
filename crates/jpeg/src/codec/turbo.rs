//! A checked interface to libjpeg-turbo's compressor and decompressor.
//!
//! The `turbojpeg` crate builds and binds the library; its own safe interface lacks restart markers and cropping, which
//! stripes need.
#![allow(unsafe_code, reason = "libjpeg-turbo is C")]

use std::ffi::{CStr, c_int};
use std::ops::Range;
use std::ptr;

use turbojpeg::raw;

use crate::codec::error::JpegError;
use crate::codec::planes::{Checked, Subsampling};

/// The byte order that gives `0xFFRRGGBB` when read as one number.
const XRGB: c_int = if cfg!(target_endian = "little") { raw::TJPF_TJPF_BGRX } else { raw::TJPF_TJPF_XRGB };

/// Progressive pictures have about ten scans. A malicious one can have hundreds, each as costly as a whole picture.
const SCANS_MAX: c_int = 40;

#[derive(Debug)]
struct Handle(raw::tjhandle);

// SAFETY: an engine has no ties to the thread that made it, and is not shared: all its functions take `&mut`.
unsafe impl Send for Handle {}

impl Handle {
    fn new(kind: raw::TJINIT) -> Result<Handle, JpegError> {
        // SAFETY: no pointer goes in; a null that comes back is never used.
        let handle = unsafe { raw::tj3Init(kind as c_int) };
        if handle.is_null() { Err(JpegError::Codec("out of memory".to_owned())) } else { Ok(Handle(handle)) }
    }

    fn set(&mut self, what: raw::TJPARAM, value: c_int) -> Result<(), JpegError> {
        // SAFETY: the handle lives until it is dropped.
        let result = unsafe { raw::tj3Set(self.0, what as c_int, value) };
        self.check(result)
    }

    fn get(&mut self, what: raw::TJPARAM) -> c_int {
        // SAFETY: as above.
        unsafe { raw::tj3Get(self.0, what as c_int) }
    }

    fn check(&mut self, result: c_int) -> Result<(), JpegError> {
        if result == 0 {
            return Ok(());
        }
        // SAFETY: the text is the handle's own and ends in a zero; it is copied before the handle is used again.
        let words = unsafe { CStr::from_ptr(raw::tj3GetErrorStr(self.0)) };
        Err(JpegError::Codec(words.to_string_lossy().into_owned()))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: nobody uses it afterwards.
        unsafe { raw::tj3Destroy(self.0) };
    }
}

#[derive(Debug)]
pub struct Compressor(Handle);

impl Compressor {
    pub fn new() -> Result<Compressor, JpegError> {
        let mut handle = Handle::new(raw::TJINIT_TJINIT_COMPRESS)?;
        handle.set(raw::TJPARAM_TJPARAM_NOREALLOC, 1)?;
        // A marker after each row of blocks, so that a decoder can cut the picture between any two rows.
        handle.set(raw::TJPARAM_TJPARAM_RESTARTROWS, 1)?;
        Ok(Compressor(handle))
    }

    /// Puts a marker after this many blocks instead, or none if zero.
    #[cfg(test)]
    pub fn restart_after(&mut self, blocks: u16) -> Result<(), JpegError> {
        self.0.set(raw::TJPARAM_TJPARAM_RESTARTROWS, 0)?;
        self.0.set(raw::TJPARAM_TJPARAM_RESTARTBLOCKS, c_int::from(blocks))
    }

    /// Writes the JPEG into `room`, which grows to the worst case once, and returns its length.
    pub fn compress(&mut self, planes: &Checked<'_>, quality: u8, room: &mut Vec<u8>) -> Result<usize, JpegError> {
        let planes = planes.get();
        let (width, height, subsamp) = (planes.width as c_int, planes.height as c_int, subsamp(planes.subsampling));
        // SAFETY: numbers in, a number out.
        let worst = unsafe { raw::tj3JPEGBufSize(width, height, subsamp) } as usize;
        if room.len() < worst {
            room.resize(worst, 0);
        }
        self.0.set(raw::TJPARAM_TJPARAM_QUALITY, c_int::from(quality))?;
        self.0.set(raw::TJPARAM_TJPARAM_SUBSAMP, subsamp)?;
        let gray = planes.subsampling == Subsampling::Gray;
        let chroma = |data: &[u8]| if gray { ptr::null() } else { data.as_ptr() };
        let data = [planes.y.data.as_ptr(), chroma(planes.u.data), chroma(planes.v.data)];
        let strides = [planes.y.stride, planes.u.stride, planes.v.stride].map(|stride| stride as c_int);
        let (mut into, mut length) = (room.as_mut_ptr(), room.len() as raw::size_t);
        // SAFETY: `Checked` vouches for rows and columns of the planes. With NOREALLOC the library writes no more than
        // `length` bytes, and leaves the pointer as it is.
        let result = unsafe {
            raw::tj3CompressFromYUVPlanes8(
                self.0.0,
                data.as_ptr(),
                width,
                strides.as_ptr(),
                height,
                &mut into,
                &mut length,
            )
        };
        self.0.check(result)?;
        Ok(length as usize)
    }
}

/// Properties given by a JPEG's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    pub width: usize,
    pub height: usize,
    /// `None` for rare kinds that we never write (4:4:0, 4:1:1 …).
    pub subsampling: Option<Subsampling>,
}

/// The properties that libjpeg-turbo reads from a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    pub header: Header,
    pub inks: bool,
    pub arithmetic: bool,
}

#[derive(Debug)]
pub struct Decompressor {
    handle: Handle,
    /// True if a cropping region is set from the last picture.
    cropped: bool,
}

impl Decompressor {
    pub fn new() -> Result<Decompressor, JpegError> {
        let mut handle = Handle::new(raw::TJINIT_TJINIT_DECOMPRESS)?;
        handle.set(raw::TJPARAM_TJPARAM_SCANLIMIT, SCANS_MAX)?;
        Ok(Decompressor { handle, cropped: false })
    }

    pub fn header(&mut self, jpeg: &[u8]) -> Result<Found, JpegError> {
        // SAFETY: the slice is read up to its length.
        let result = unsafe { raw::tj3DecompressHeader(self.handle.0, jpeg.as_ptr(), jpeg.len() as raw::size_t) };
        self.handle.check(result)?;
        let size = |value: c_int| usize::try_from(value).unwrap_or(0);
        let colours = self.handle.get(raw::TJPARAM_TJPARAM_COLORSPACE);
        let header = Header {
            width: size(self.handle.get(raw::TJPARAM_TJPARAM_JPEGWIDTH)),
            height: size(self.handle.get(raw::TJPARAM_TJPARAM_JPEGHEIGHT)),
            subsampling: match self.handle.get(raw::TJPARAM_TJPARAM_SUBSAMP) {
                raw::TJSAMP_TJSAMP_420 => Some(Subsampling::S420),
                raw::TJSAMP_TJSAMP_422 => Some(Subsampling::S422),
                raw::TJSAMP_TJSAMP_444 => Some(Subsampling::S444),
                raw::TJSAMP_TJSAMP_GRAY => Some(Subsampling::Gray),
                _ => None,
            },
        };
        Ok(Found {
            header,
            inks: [raw::TJCS_TJCS_CMYK, raw::TJCS_TJCS_YCCK].contains(&(colours as raw::TJCS)),
            arithmetic: self.handle.get(raw::TJPARAM_TJPARAM_ARITHMETIC) != 0,
        })
    }

    /// Decodes those `rows` of the picture that `choose` returns, the first of them into the first row of `out`.
    ///
    /// `choose` gets the header, which is read first, because the rows to decode depend on it.
    pub fn decompress(
        &mut self,
        jpeg: &[u8],
        choose: impl FnOnce(&Found) -> Result<Range<usize>, JpegError>,
        out: &mut [u32],
        stride_px: usize,
    ) -> Result<Found, JpegError> {
        let found = self.header(jpeg)?;
        let rows = choose(&found)?;
        let Header { width, height, .. } = found.header;
        let needed = stride_px.checked_mul(rows.len().saturating_sub(1)).and_then(|above| above.checked_add(width));
        let pitch = stride_px.checked_mul(4).and_then(|pitch| c_int::try_from(pitch).ok());
        let fits = stride_px >= width && needed.is_some_and(|needed| needed <= out.len());
        let (true, Some(pitch), true) = (fits, pitch, !rows.is_empty() && rows.end <= height) else {
            return Err(JpegError::Buffer { width, height });
        };
        self.crop(rows, height)?;
        let format = if found.inks { raw::TJPF_TJPF_CMYK } else { XRGB };
        // SAFETY: it reads `jpeg` up to its length. It writes `rows` rows of `width` pixels, `pitch` bytes apart, which
        // `out` was just found to hold: the size is that of this JPEG's header, read above by the same parser.
        let result = unsafe {
            raw::tj3Decompress8(
                self.handle.0,
                jpeg.as_ptr(),
                jpeg.len() as raw::size_t,
                out.as_mut_ptr().cast(),
                pitch,
                format,
            )
        };
        self.handle.check(result).map(|()| found)
    }

    fn crop(&mut self, rows: Range<usize>, height: usize) -> Result<(), JpegError> {
        let whole = rows == (0..height);
        if whole && !self.cropped {
            return Ok(());
        }
        self.cropped = true;
        let (y, h) = if whole { (0, 0) } else { (rows.start as c_int, rows.len() as c_int) };
        // SAFETY: numbers in; all zeros mean the whole picture.
        let result = unsafe { raw::tj3SetCroppingRegion(self.handle.0, raw::tjregion { x: 0, y, w: 0, h }) };
        self.handle.check(result)?;
        self.cropped = !whole;
        Ok(())
    }
}

fn subsamp(subsampling: Subsampling) -> c_int {
    match subsampling {
        Subsampling::S420 => raw::TJSAMP_TJSAMP_420,
        Subsampling::S422 => raw::TJSAMP_TJSAMP_422,
        Subsampling::S444 => raw::TJSAMP_TJSAMP_444,
        Subsampling::Gray => raw::TJSAMP_TJSAMP_GRAY,
    }
}
