//! A picture in the form that the encoder takes: full-range BT.601 planes, one after the other.

use std::time::Duration;

use bytes::Bytes;
use common::time::Micros;
use jpeg::Subsampling;

/// Full-range BT.601 planes Y, U, V in one buffer without gaps between rows or planes.
///
/// Where chroma is coarser than luma, the luma plane of an odd-sized picture has one more column or row
/// (a copy of the last), as the encoder wants whole chroma samples: see [`Picture::luma_size`].
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// How coarse the planes U and V are.
    pub subsampling: Subsampling,
    /// The samples of all planes.
    pub data: Vec<u8>,
    /// The picture as a JPEG, if it is passed through; then there are no planes.
    pub(crate) jpeg: Option<Bytes>,
}

/// A JPEG that is published as it is.
#[derive(Debug)]
pub(crate) struct PassedJpeg {
    pub width: usize,
    pub height: usize,
    pub jpeg: Bytes,
}

impl Picture {
    /// A picture of this shape, all samples zero.
    pub fn new(width: usize, height: usize, subsampling: Subsampling) -> Picture {
        let mut picture = Picture::default();
        picture.reshape(width, height, subsampling);
        picture
    }

    /// Changes this buffer's shape and reuses its memory.
    pub fn reshape(&mut self, width: usize, height: usize, subsampling: Subsampling) {
        self.jpeg = None;
        (self.width, self.height, self.subsampling) = (width, height, subsampling);
        let (luma, chroma) = (self.luma_size(), self.chroma_size());
        self.data.resize(luma.0 * luma.1 + 2 * chroma.0 * chroma.1, 0);
    }

    /// Makes this a picture that is published as it is.
    pub(crate) fn pass_through(&mut self, passed: PassedJpeg) {
        (self.width, self.height, self.jpeg) = (passed.width, passed.height, Some(passed.jpeg));
    }

    /// Columns and rows of the luma plane.
    pub fn luma_size(&self) -> (usize, usize) {
        match self.subsampling {
            Subsampling::S420 => (self.width.next_multiple_of(2), self.height.next_multiple_of(2)),
            Subsampling::S422 => (self.width.next_multiple_of(2), self.height),
            Subsampling::S444 | Subsampling::Gray => (self.width, self.height),
        }
    }

    /// Columns and rows of each chroma plane.
    pub fn chroma_size(&self) -> (usize, usize) {
        match self.subsampling {
            Subsampling::S420 => (self.width.div_ceil(2), self.height.div_ceil(2)),
            Subsampling::S422 => (self.width.div_ceil(2), self.height),
            Subsampling::S444 => (self.width, self.height),
            Subsampling::Gray => (0, 0),
        }
    }

    /// The planes Y, U, V; U and V are empty in a gray picture.
    pub fn planes(&self) -> [&[u8]; 3] {
        let (luma, chroma) = (self.luma_size(), self.chroma_size());
        let (y, uv) = self.data.split_at(luma.0 * luma.1);
        let (u, v) = uv.split_at(chroma.0 * chroma.1);
        [y, u, v]
    }

    /// The same, to be written to.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let (luma, chroma) = (self.luma_size(), self.chroma_size());
        let (y, uv) = self.data.split_at_mut(luma.0 * luma.1);
        let (u, v) = uv.split_at_mut(chroma.0 * chroma.1);
        [y, u, v]
    }
}

/// A picture with the times that its source knows.
#[derive(Debug)]
pub struct SourcePicture {
    /// The picture itself.
    pub picture: Picture,
    /// Time since the first frame; it always increases, across loops too.
    pub pts: Duration,
    /// Number drawn into a counting test card.
    pub number: Option<u64>,
    /// Time at which the frame could be taken; for a file the pacer sets it.
    pub due: Option<Micros>,
    /// Timestamp drawn into the test card.
    pub captured: Option<Micros>,
}

/// A captured picture, with its number in the session and its times.
#[derive(Debug)]
pub struct CapturedPicture {
    /// The picture itself.
    pub picture: Picture,
    /// Number of the frame in its session, from 0.
    pub frame: u64,
    /// Number drawn into a counting test card.
    pub number: Option<u64>,
    /// Time since the first frame of the source.
    pub pts: Duration,
    /// Time at which it was to be captured.
    pub due: Micros,
    /// Time at which it was captured.
    pub captured: Micros,
}
