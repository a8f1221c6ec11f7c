//! Turns planes of any matrix and range into full-range BT.601, in fixed point, row by row.
//!
//! ```text
//! y' = gain·(y − black) + bu·(u − 128) + bv·(v − 128)
//! u' = uu·(u − 128) + uv·(v − 128) + 128       (v' alike)
//! ```
//! A grey picture stays grey under every matrix, so chroma does not depend on luma, and where the matrix is
//! BT.601 already only gains are left.

use ffmpeg_next::color::{Range, Space};
use ffmpeg_next::format::Pixel;

use super::planes::SourcePlanes;
use crate::picture::Picture;

/// Conversion from one matrix and range to full-range BT.601.
#[derive(Clone, Debug, PartialEq)]
pub struct Colour {
    full: bool,
    /// True if at most the range has to change.
    same_matrix: bool,
    /// Weights of u and v in luma, u and v, with 14 fractional bits.
    luma: [i16; 2],
    u: [i16; 2],
    v: [i16; 2],
    /// The share of luma that comes from chroma, for one row of pixels, with 6 fractional bits.
    from_chroma: Vec<i16>,
}

impl Colour {
    /// Makes the conversion for pictures of this matrix and range. Unspecified ones are taken as FFmpeg takes them:
    /// BT.601, limited range; full range for grey.
    pub fn new(space: Space, range: Range, format: Pixel) -> Colour {
        let full = match range {
            Range::JPEG => true,
            Range::MPEG => false,
            Range::Unspecified => is_full_by_name(format),
        };
        Self::from_matrix(&ycc_to_rgb(space), full)
    }

    /// A conversion that only copies, as the picture is full-range BT.601 already.
    pub fn none() -> Colour {
        Self::from_matrix(&ycc_to_rgb(Space::BT470BG), true)
    }

    /// True if luma can be converted without chroma.
    pub fn keeps_luma(&self) -> bool {
        self.same_matrix
    }

    fn from_matrix(to_rgb: &[[f64; 2]; 3], full: bool) -> Colour {
        let chroma_gain = if full { 1.0 } else { 255.0 / 224.0 };
        let luma = [0, 1].map(|c| KR * to_rgb[0][c] + KG * to_rgb[1][c] + KB * to_rgb[2][c]);
        let chroma = |rgb: usize, k: f64| [0, 1].map(|c| (to_rgb[rgb][c] - luma[c]) / (2.0 * (1.0 - k)));
        let fixed = |row: [f64; 2]| row.map(|x| (x * chroma_gain * 16384.0).round() as i16);
        let (luma, u, v) = (fixed(luma), fixed(chroma(2, KB)), fixed(chroma(0, KR)));
        let unit = fixed([1.0, 0.0])[0];
        // The matrix is the same if its coefficients differ by no more than rounding, so nothing is computed in vain.
        let near = |row: [i16; 2], to: [i16; 2]| row.iter().zip(to).all(|(a, b)| (a - b).abs() <= 2);
        let same_matrix = near(luma, [0, 0]) && near(u, [unit, 0]) && near(v, [0, unit]);
        Colour { full, same_matrix, luma, u, v, from_chroma: Vec::new() }
    }

    /// Converts the planes of `from` into the picture; both have the same size and subsampling.
    pub fn lay(&mut self, from: &SourcePlanes, into: &mut Picture) {
        let (width, height) = (into.width, into.height);
        let (luma_stride, luma_rows) = into.luma_size();
        let (chroma_stride, chroma_rows) = into.chroma_size();
        let [y, u, v] = into.planes_mut();
        if chroma_rows == 0 {
            for row in 0..height {
                self.luma_row(from.row(0, row, width), &mut y[row * luma_stride..][..width]);
            }
            return;
        }
        let rows_each = luma_rows / chroma_rows;
        for chroma_row in 0..chroma_rows {
            let at = chroma_row * chroma_stride;
            let from_u = from.row(1, chroma_row, chroma_stride);
            let from_v = from.row(2, chroma_row, chroma_stride);
            self.chroma_rows(from_u, from_v, &mut u[at..][..chroma_stride], &mut v[at..][..chroma_stride]);
            if !self.same_matrix {
                self.prepare(from_u, from_v, width, luma_stride / chroma_stride);
            }
            for row in chroma_row * rows_each..(chroma_row * rows_each + rows_each).min(height) {
                let line = &mut y[row * luma_stride..][..luma_stride];
                self.luma_row(from.row(0, row, width), &mut line[..width]);
                let last = line[width - 1];
                line[width..].fill(last);
            }
        }
        if luma_rows > height {
            y.copy_within((height - 1) * luma_stride..height * luma_stride, height * luma_stride);
        }
    }

    /// Converts some samples of one plane without the other planes, which is possible if this [keeps
    /// luma](Colour::keeps_luma).
    pub fn samples(&self, plane: usize, from: &[u8], to: &mut [u8]) {
        debug_assert!(self.same_matrix);
        match (self.full, plane) {
            (true, _) => to.copy_from_slice(from),
            (false, 0) => stretch_luma(from, to),
            (false, _) => stretch_chroma(from, to),
        }
    }

    fn chroma_rows(&self, from_u: &[u8], from_v: &[u8], u: &mut [u8], v: &mut [u8]) {
        match (self.same_matrix, self.full) {
            (true, _) => {
                self.samples(1, from_u, u);
                self.samples(2, from_v, v);
            }
            (false, _) => {
                mix(from_u, from_v, self.u, u);
                mix(from_u, from_v, self.v, v);
            }
        }
    }

    /// Computes the values that chroma adds to the luma of the rows that share it; `columns_each` is 1 or 2.
    fn prepare(&mut self, u: &[u8], v: &[u8], width: usize, columns_each: usize) {
        self.from_chroma.resize(width.next_multiple_of(2), 0);
        let of = self.luma;
        if columns_each == 1 {
            for ((to, u), v) in self.from_chroma.iter_mut().zip(u).zip(v) {
                *to = weighted(*u, *v, of) >> 1;
            }
        } else {
            for ((to, u), v) in self.from_chroma.chunks_exact_mut(2).zip(u).zip(v) {
                to.fill(weighted(*u, *v, of) >> 1);
            }
        }
    }

    fn luma_row(&self, from: &[u8], to: &mut [u8]) {
        match (self.same_matrix || self.from_chroma.is_empty(), self.full) {
            (true, true) => to.copy_from_slice(from),
            (true, false) => stretch_luma(from, to),
            (false, true) => add_to_luma(from, &self.from_chroma, 0, 0, to),
            (false, false) => add_to_luma(from, &self.from_chroma, 16, LUMA_GAIN, to),
        }
    }
}

const KR: f64 = 0.299;
const KG: f64 = 0.587;
const KB: f64 = 0.114;
/// 36/219 with 9 fractional bits: the relative amount by which limited luma is stretched.
const LUMA_GAIN: i16 = 84;

// All loops below stay within 16 bits, so that the compiler vectorises them to eight pixels at a time (or more), even
// on processors without a 32-bit vector multiplication. For 720p this takes a third of the time that a lookup table
// would.

/// From limited to full range: adds 36/219 of the level. The error is at most 0.04 before rounding.
fn stretch_luma(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        let level = from.saturating_sub(16).min(219);
        *to = level + ((u16::from(level) * 168 + 548) >> 10) as u8;
    }
}

/// From limited to full range about 128: adds 31/224 of the level, and half a level that keeps the middle in its place.
fn stretch_chroma(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        let level = from.saturating_sub(16).min(224);
        *to = level + ((u16::from(level) * 283 + 2047) >> 11) as u8;
    }
}

fn mix(u: &[u8], v: &[u8], of: [i16; 2], to: &mut [u8]) {
    for ((to, u), v) in to.iter_mut().zip(u).zip(v) {
        *to = (((weighted(*u, *v, of) + 64) >> 7) + 128).clamp(0, 255) as u8;
    }
}

fn add_to_luma(from: &[u8], add: &[i16], black: i16, gain: i16, to: &mut [u8]) {
    for ((to, from), add) in to.iter_mut().zip(from).zip(add) {
        let level = i16::from(*from) - black;
        let stretched = (level << 6) + ((level * gain) >> 3);
        *to = ((stretched + *add + 32) >> 6).clamp(0, 255) as u8;
    }
}

/// Weighted sum of u and v, with 7 fractional bits. The 14 bits of a weight are multiplied in two halves: the upper 16
/// bits of the product would be one instruction, but the compiler makes 32-bit multiplications of it.
#[inline(always)]
fn weighted(u: u8, v: u8, of: [i16; 2]) -> i16 {
    let times = |x: u8, weight: i16| {
        let x = i16::from(x) - 128;
        x * (weight >> 7) + ((x * (weight & 127)) >> 7)
    };
    times(u, of[0]) + times(v, of[1])
}

/// The amounts that u and v (each −½ to ½) add to R, G and B.
fn ycc_to_rgb(space: Space) -> [[f64; 2]; 3] {
    let (kr, kb) = match space {
        Space::BT709 => (0.2126, 0.0722),
        Space::FCC => (0.30, 0.11),
        Space::SMPTE240M => (0.212, 0.087),
        Space::BT2020NCL | Space::BT2020CL => (0.2627, 0.0593),
        Space::YCGCO => return [[-1.0, 1.0], [1.0, 0.0], [-1.0, -1.0]],
        _ => (KR, KB),
    };
    let kg = 1.0 - kr - kb;
    let (from_v, from_u) = (2.0 * (1.0 - kr), 2.0 * (1.0 - kb));
    [[0.0, from_v], [-from_u * kb / kg, -from_v * kr / kg], [from_u, 0.0]]
}

fn is_full_by_name(format: Pixel) -> bool {
    use Pixel::*;
    matches!(format, YUVJ420P | YUVJ422P | YUVJ444P | YUVJ440P | YUVJ411P)
        || format.descriptor().is_some_and(|it| it.nb_components() <= 2)
}

#[cfg(test)]
#[path = "colour_tests.rs"]
mod tests;
