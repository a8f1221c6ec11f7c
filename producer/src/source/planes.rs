//! Borrowed planes with a distance between rows, and turning them.

use std::num::NonZeroI32;

/// Up to three 8-bit planes; the rows of each are `strides` bytes apart.
#[derive(Clone, Copy, Debug)]
pub struct SourcePlanes<'a> {
    pub data: [&'a [u8]; 3],
    pub strides: [usize; 3],
}

impl<'a> SourcePlanes<'a> {
    pub fn row(&self, plane: usize, row: usize, width: usize) -> &'a [u8] {
        &self.data[plane][row * self.strides[plane]..][..width]
    }
}

/// One of the eight orientations of a picture: columns and rows swapped or not, then mirrored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Turn {
    pub swap: bool,
    pub mirror_x: bool,
    pub mirror_y: bool,
}

impl Turn {
    pub const NONE: Turn = Turn { swap: false, mirror_x: false, mirror_y: false };

    /// Makes the turn from the nine native-endian numbers of a display matrix (x' = a·x + c·y, y' = b·x + d·y).
    pub fn from_display_matrix(matrix: &[u8]) -> Turn {
        let number = |i: usize| {
            let bytes = matrix.get(i * 4..i * 4 + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, i32::from_ne_bytes)
        };
        let [a, b, c, d] = [number(0), number(1), number(3), number(4)];
        let negative = |n: i32| NonZeroI32::new(n).is_some_and(|n| n.get() < 0);
        if a.unsigned_abs() >= b.unsigned_abs() {
            Turn { swap: false, mirror_x: negative(a), mirror_y: negative(d) }
        } else {
            Turn { swap: true, mirror_x: negative(c), mirror_y: negative(b) }
        }
    }

    /// The size after turning.
    pub fn size<T>(self, (width, height): (T, T)) -> (T, T) {
        if self.swap { (height, width) } else { (width, height) }
    }

    /// Writes one plane turned; `size` is its size before turning, and `into` has no gaps between rows.
    pub fn plane(self, from: &[u8], stride: usize, size: (usize, usize), into: &mut [u8]) {
        let (width, height) = size;
        let (out_width, out_height) = self.size(size);
        if self.swap {
            self.plane_swapped(from, stride, size, into);
            return;
        }
        for row in 0..out_height {
            let from_row = if self.mirror_y { height - 1 - row } else { row };
            let from = &from[from_row * stride..][..width];
            let to = &mut into[row * out_width..][..out_width];
            to.copy_from_slice(from);
            if self.mirror_x {
                to.reverse();
            }
        }
    }

    /// Works in tiles, so that the cache lines of a column are used up before they are evicted.
    fn plane_swapped(self, from: &[u8], stride: usize, (width, height): (usize, usize), into: &mut [u8]) {
        for top in (0..height).step_by(TILE) {
            let rows = TILE.min(height - top);
            let to_left = if self.mirror_x { height - top - rows } else { top };
            for left in (0..width).step_by(TILE) {
                let columns = TILE.min(width - left);
                let mut tile = [[0; TILE]; TILE];
                for y in 0..rows {
                    let line = &from[(top + y) * stride + left..][..columns];
                    let x_in_tile = if self.mirror_x { rows - 1 - y } else { y };
                    for (column, value) in tile.iter_mut().zip(line) {
                        column[x_in_tile] = *value;
                    }
                }
                for (x, column) in tile.iter().take(columns).enumerate() {
                    let row = if self.mirror_y { width - 1 - (left + x) } else { left + x };
                    into[row * height + to_left..][..rows].copy_from_slice(&column[..rows]);
                }
            }
        }
    }
}

const TILE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix([a, b, c, d]: [i32; 4]) -> Vec<u8> {
        [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30].iter().flat_map(|n| n.to_ne_bytes()).collect()
    }

    /// Checks a 3x2 picture `abc/def` after turning; its rows are joined by `/`.
    fn check(cases: &[([i32; 4], &str)]) {
        for (numbers, expected) in cases {
            let turn = Turn::from_display_matrix(&matrix(*numbers));
            let mut out = [0u8; 6];
            turn.plane(b"abc?def?", 4, (3, 2), &mut out);
            let rows: Vec<_> = out.chunks(turn.size((3, 2)).0).map(|row| String::from_utf8_lossy(row)).collect();
            assert_eq!(rows.join("/"), *expected, "matrix {numbers:?}");
        }
    }

    #[test]
    fn every_display_matrix_turns_the_picture_correctly() {
        check(&[
            ([1, 0, 0, 1], "abc/def"),
            ([0, 1, -1, 0], "da/eb/fc"),
            ([-1, 0, 0, -1], "fed/cba"),
            ([0, -1, 1, 0], "cf/be/ad"),
            ([-1, 0, 0, 1], "cba/fed"),
            ([1, 0, 0, -1], "def/abc"),
            ([0, 1, 1, 0], "ad/be/cf"),
        ]);
    }

    #[test]
    fn a_short_matrix_turns_nothing() {
        assert_eq!(Turn::from_display_matrix(&[1, 2]), Turn::NONE);
    }
}
