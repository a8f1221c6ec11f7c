//! Scales a picture to a window: bilinear, and to shrink each pixel is a weighted mean of all pixels that it covers.

use fast_image_resize::images::{CroppedImageMut, Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use pool::{Pool, THREADS_MAX};

use super::rect::{Rect, View};
use crate::canvas::Canvas;

/// A smaller part would be done before another thread is awake.
const PART_PIXELS_MIN: usize = if cfg!(test) { 4 } else { 100_000 };

/// Scales with all threads of a pool.
#[derive(Debug)]
pub struct Scaler {
    pool: Pool,
    /// One for each thread, because each keeps buffers.
    resizers: Vec<Resizer>,
}

/// Some rows of the window.
struct Part<'a> {
    rows: &'a mut [u32],
    /// The rows of the picture that are scaled into them.
    top: f64,
    height: f64,
    resizer: &'a mut Resizer,
}

impl Scaler {
    pub fn on(pool: Pool) -> Scaler {
        let resizers = (0..pool.threads()).map(|_| Resizer::new()).collect();
        Scaler { pool, resizers }
    }

    /// Draws the picture into the window with its aspect ratio kept, and black around it.
    pub fn draw(&mut self, picture: &Canvas, window: &mut View<'_>) {
        let place = Rect::fitted(picture.size(), (window.width, window.height));
        clear_around(window, place);
        if picture.size() == (place.width, place.height) {
            return copy(picture, window, place);
        }
        let count = self.pool.pieces(place.width * place.height, PART_PIXELS_MIN, place.height);
        let width = window.width;
        let to_picture = picture.height as f64 / place.height as f64;
        let mut rest = &mut window.pixels[place.y * width..][..place.height * width];
        let mut parts: [Option<Part<'_>>; THREADS_MAX] = [const { None }; THREADS_MAX];
        for ((part, resizer), rows) in parts.iter_mut().zip(&mut self.resizers).zip(pool::cut(place.height, count)) {
            let (own, below) = rest.split_at_mut(rows.len() * width);
            rest = below;
            let (top, height) = (rows.start as f64 * to_picture, rows.len() as f64 * to_picture);
            *part = Some(Part { rows: own, top, height, resizer });
        }
        self.pool.each(&mut parts[..count], |part| {
            if let Some(part) = part {
                part.draw(picture, width, place);
            }
        });
    }
}

impl Part<'_> {
    fn draw(&mut self, picture: &Canvas, width: usize, place: Rect) {
        const FITS: &str = "the parts are cut from the picture and the window";
        let (source, rows) = (bytemuck::cast_slice(&picture.pixels), bytemuck::cast_slice_mut(&mut *self.rows));
        let height = (rows.len() / 4 / width) as u32;
        let source = ImageRef::new(picture.width as u32, picture.height as u32, source, PixelType::U8x4).expect(FITS);
        let mut rows = Image::from_slice_u8(width as u32, height, rows, PixelType::U8x4).expect(FITS);
        let mut rows = CroppedImageMut::new(&mut rows, place.x as u32, 0, place.width as u32, height).expect(FITS);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .use_alpha(false)
            .crop(0.0, self.top, picture.width as f64, self.height.min(picture.height as f64 - self.top));
        self.resizer.resize(&source, &mut rows, &options).expect(FITS);
    }
}

fn copy(picture: &Canvas, window: &mut View<'_>, place: Rect) {
    for (y, row) in picture.pixels.chunks_exact(picture.width).enumerate() {
        window.row(place.y + y)[place.x..][..place.width].copy_from_slice(row);
    }
}

fn clear_around(window: &mut View<'_>, place: Rect) {
    for y in 0..window.height {
        let row = window.row(y);
        if y < place.y || y >= place.y + place.height {
            row.fill(0);
        } else {
            row[..place.x].fill(0);
            row[place.x + place.width..].fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    fn canvas(width: usize, height: usize, pixel: impl Fn(usize, usize) -> u32) -> Canvas {
        let pixels = (0..width * height).map(|i| pixel(i % width, i / width)).collect();
        Canvas { width, height, pixels }
    }

    fn scaled(picture: &Canvas, width: usize, height: usize) -> Canvas {
        scaled_by(1, picture, width, height)
    }

    fn scaled_by(threads: usize, picture: &Canvas, width: usize, height: usize) -> Canvas {
        let mut window = canvas(width, height, |_, _| 0x12_3456);
        let mut view = View { pixels: &mut window.pixels, width, height };
        Scaler::on(Pool::new(NonZeroUsize::new(threads))).draw(picture, &mut view);
        window
    }

    #[test]
    fn it_is_the_same_picture_on_any_number_of_threads() {
        let picture = canvas(61, 37, |x, y| (x * 311 + y * 17_231) as u32 * 77);
        for (width, height) in [(122, 74), (100, 80), (30, 18), (200, 20), (3, 200), (1, 1)] {
            let alone = scaled(&picture, width, height);
            for threads in 2..6 {
                assert_eq!(scaled_by(threads, &picture, width, height), alone, "{threads} threads, {width}x{height}");
            }
        }
    }

    #[test]
    fn one_colour_stays_that_colour_at_any_size() {
        for colour in [0xFF_FFFF, 0x00_FF00, 0x01_0203, 0xFE_0080] {
            let picture = canvas(64, 36, |_, _| 0xFF00_0000 | colour);
            for (width, height) in [(64, 36), (128, 72), (32, 18), (1280, 720), (16, 9), (192, 108)] {
                let window = scaled(&picture, width, height);
                assert!(window.pixels.iter().all(|pixel| pixel & 0xFF_FFFF == colour), "{colour:06x} {width}");
            }
        }
    }

    #[test]
    fn a_fine_pattern_shrinks_to_its_mean() {
        let picture = canvas(40, 40, |x, y| [0, 200][(x + y) % 2] * 0x01_0101);
        let window = scaled(&picture, 20, 20);
        let inner = |i: usize| (1..19).contains(&(i % 20)) && (1..19).contains(&(i / 20));
        for (i, pixel) in window.pixels.iter().enumerate().filter(|(i, _)| inner(*i)) {
            assert_eq!(*pixel, 100 * 0x01_0101, "pixel {i}");
        }
    }

    #[test]
    fn doubling_mixes_neighbours() {
        let picture = canvas(2, 1, |x, _| [0, 200][x]);
        let window = scaled(&picture, 4, 2);
        assert_eq!(window.pixels, [0, 50, 150, 200, 0, 50, 150, 200]);
    }

    #[test]
    fn the_same_size_is_the_same_picture() {
        let picture = canvas(33, 21, |x, y| (x * 31 + y * 17) as u32);
        assert_eq!(scaled(&picture, 33, 21), picture);
    }

    #[test]
    fn the_rest_of_the_window_is_black() {
        let picture = canvas(20, 10, |_, _| 0xFF_FFFF);
        let window = scaled(&picture, 30, 40);
        for (i, pixel) in window.pixels.iter().enumerate() {
            let inside = (12..27).contains(&(i / 30));
            assert_eq!(*pixel, if inside { 0xFF_FFFF } else { 0 }, "row {}", i / 30);
        }
    }
}
