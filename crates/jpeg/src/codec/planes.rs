//! Pictures as planes: checks that they are as large as their picture's size demands, and cuts them.

use std::ops::Range;

use crate::codec::error::JpegError;

/// Largest width and height: below the format's 16-bit limit because of the codec's own (`JPEG_MAX_DIMENSION`).
const SIDE_MAX: usize = 65_500;

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

/// Planes that are as large as their size demands. The codec reads them without further checks.
pub(crate) struct Checked<'a>(Planes<'a>);

impl<'a> Checked<'a> {
    pub fn get(&self) -> &Planes<'a> {
        &self.0
    }
}

impl<'a> Planes<'a> {
    pub(crate) fn check(&self) -> Result<Checked<'a>, JpegError> {
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
        Ok(Checked(*self))
    }

    /// Number of pixel rows in a row of blocks.
    pub(crate) fn row_height(&self) -> usize {
        8 * self.subsampling.step().1
    }

    /// The part of the planes covered by these rows of blocks.
    pub(crate) fn cut(&self, rows: &Range<usize>) -> Planes<'a> {
        let (first, end) = (rows.start * self.row_height(), (rows.end * self.row_height()).min(self.height));
        let down = self.subsampling.step().1;
        let part = |plane: Plane<'a>, down: usize| Plane {
            data: plane.data.get(first / down * plane.stride..).unwrap_or_default(),
            ..plane
        };
        let (y, u, v) = (part(self.y, 1), part(self.u, down), part(self.v, down));
        Planes { height: end - first, y, u, v, ..*self }
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
