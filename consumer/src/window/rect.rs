//! A window's pixels, and the place of a picture among them.

/// Pixels borrowed from a window, without gaps between the rows.
#[derive(Debug)]
pub struct View<'a> {
    pub pixels: &'a mut [u32],
    pub width: usize,
    pub height: usize,
}

impl View<'_> {
    pub fn row(&mut self, y: usize) -> &mut [u32] {
        &mut self.pixels[y * self.width..][..self.width]
    }
}

/// A rectangular part of a picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rect {
    /// First column.
    pub x: usize,
    /// First row.
    pub y: usize,
    /// Number of columns.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
}

impl Rect {
    /// True if some pixel is in both.
    pub fn overlaps(self, other: Rect) -> bool {
        let apart = |a: usize, a_length: usize, b: usize, b_length: usize| a + a_length <= b || b + b_length <= a;
        !apart(self.x, self.width, other.x, other.width) && !apart(self.y, self.height, other.y, other.height)
    }

    /// The place of a picture in a window: centred, as large as fits, with its aspect ratio kept.
    pub fn fitted(picture: (usize, usize), window: (usize, usize)) -> Rect {
        let (width, height) = if picture.0 * window.1 > window.0 * picture.1 {
            (window.0, (picture.1 * window.0 + picture.0 / 2) / picture.0)
        } else {
            ((picture.0 * window.1 + picture.1 / 2) / picture.1.max(1), window.1)
        };
        let (width, height) = (width.clamp(1, window.0.max(1)), height.clamp(1, window.1.max(1)));
        Rect { x: (window.0 - width.min(window.0)) / 2, y: (window.1 - height.min(window.1)) / 2, width, height }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_keeps_its_shape_in_any_window() {
        let cases = [
            ((1280, 720), (1280, 720), (0, 0, 1280, 720)),
            ((1280, 720), (640, 360), (0, 0, 640, 360)),
            ((1280, 720), (800, 600), (0, 75, 800, 450)),
            ((1280, 720), (300, 600), (0, 215, 300, 169)),
            ((720, 1280), (1280, 720), (437, 0, 405, 720)),
            ((4000, 1), (100, 100), (0, 49, 100, 1)),
            ((1, 4000), (100, 100), (49, 0, 1, 100)),
            ((320, 180), (1, 1), (0, 0, 1, 1)),
        ];
        for (picture, window, (x, y, width, height)) in cases {
            assert_eq!(Rect::fitted(picture, window), Rect { x, y, width, height }, "{picture:?} in {window:?}");
        }
    }
}
