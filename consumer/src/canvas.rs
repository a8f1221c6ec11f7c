//! A decoded picture in memory.

/// A picture in the pixel format of windows: one number for each pixel, with red, green and blue in the lower 24 bits.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Canvas {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// The pixels, row by row without gaps.
    pub pixels: Vec<u32>,
}

impl Canvas {
    /// Changes the size and reuses the memory; the content is then undefined.
    pub fn reshape(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.pixels.resize(width * height, 0);
    }

    /// Width and height.
    #[cfg(feature = "window")]
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }
}

impl std::fmt::Debug for Canvas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Canvas({}x{})", self.width, self.height)
    }
}
