//! Scales pictures: to shrink, a pixel is the mean of the pixels that it covers; to enlarge, it is a mix of its
//! neighbours.
//!
//! Both are a weighted sum of a few rows, then of a few columns, so one pair of loops does both:
//!
//! ```text
//! rows of the picture ── weights of the row ──▶ one row, as wide as the picture ── weights of each column ──▶ pixels
//! ```

use pool::{Pool, THREADS_MAX};

use super::{Canvas, Rect, View};

/// Sum of the weights of a pixel's taps. It leaves room for two channels in one number.
const ONE: usize = 256;
const RED_BLUE: u32 = 0x00FF_00FF;
const GREEN: u32 = 0x0000_FF00;

/// A smaller part would be done before another thread is awake.
const PART_PIXELS_MIN: usize = if cfg!(test) { 4 } else { 100_000 };

/// Scales with all threads of a pool. The weights for a pair of sizes are kept until a size changes.
#[derive(Debug)]
pub struct Scaler {
    pool: Pool,
    weights: Weights,
    /// For each thread, the sums of one row: red and blue together, and green.
    sums: Vec<Vec<(u32, u32)>>,
}

#[derive(Debug, Default)]
struct Weights {
    from: (usize, usize),
    to: (usize, usize),
    columns: Axis,
    rows: Axis,
}

/// Some rows of the window; `first` is the row of the scaled picture at which they begin.
struct Part<'a> {
    first: usize,
    /// As wide as the window; the picture begins at column `left`.
    rows: &'a mut [u32],
    sums: &'a mut Vec<(u32, u32)>,
}

impl Scaler {
    pub fn on(pool: Pool) -> Scaler {
        let sums = vec![Vec::new(); pool.threads()];
        Scaler { pool, weights: Weights::default(), sums }
    }

    /// Draws the picture into the window with its aspect ratio kept, and black around it.
    pub fn draw(&mut self, picture: &Canvas, window: &mut View<'_>) {
        let place = Rect::fitted(picture.size(), (window.width, window.height));
        clear_around(window, place);
        if picture.size() == (place.width, place.height) {
            return copy(picture, window, place);
        }
        self.weights.prepare(picture.size(), (place.width, place.height));
        let weights = &self.weights;
        let count = self.pool.pieces(place.width * place.height, PART_PIXELS_MIN, place.height);
        let width = window.width;
        let mut rest = &mut window.pixels[place.y * width..][..place.height * width];
        let mut parts: [Option<Part<'_>>; THREADS_MAX] = [const { None }; THREADS_MAX];
        for ((part, sums), of_part) in parts.iter_mut().zip(&mut self.sums).zip(pool::cut(place.height, count)) {
            let (rows, below) = rest.split_at_mut(of_part.len() * width);
            rest = below;
            *part = Some(Part { first: of_part.start, rows, sums });
        }
        self.pool.each(&mut parts[..count], |part| {
            if let Some(Part { first, rows, sums }) = part {
                for (y, row) in rows.chunks_exact_mut(width).enumerate() {
                    weights.sum_rows(picture, *first + y, sums);
                    weights.sum_columns(sums, &mut row[place.x..][..place.width]);
                }
            }
        });
    }
}

impl Weights {
    fn prepare(&mut self, from: (usize, usize), to: (usize, usize)) {
        if (self.from, self.to) == (from, to) {
            return;
        }
        (self.from, self.to) = (from, to);
        self.columns = Axis::new(from.0, to.0);
        self.rows = Axis::new(from.1, to.1);
    }

    fn sum_rows(&self, picture: &Canvas, y: usize, sums: &mut Vec<(u32, u32)>) {
        let (first, weights) = self.rows.taps(y);
        sums.clear();
        // One more, because the last pixel's second tap is outside; its weight is zero.
        sums.resize(picture.width + 1, (0, 0));
        let sums = &mut sums[..picture.width];
        for (tap, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0) {
            let row = &picture.pixels[(first + tap) * picture.width..][..picture.width];
            for (sum, pixel) in sums.iter_mut().zip(row) {
                sum.0 += (pixel & RED_BLUE) * weight;
                sum.1 += ((pixel & GREEN) >> 8) * weight;
            }
        }
        for sum in sums {
            *sum = (sum.0 >> 8 & RED_BLUE, sum.1 >> 8);
        }
    }

    fn sum_columns(&self, sums: &[(u32, u32)], row: &mut [u32]) {
        if self.to.0 < self.from.0 { self.mean_columns(sums, row) } else { self.mix_columns(sums, row) }
    }

    fn mean_columns(&self, sums: &[(u32, u32)], row: &mut [u32]) {
        for (x, pixel) in row.iter_mut().enumerate() {
            let (first, weights) = self.columns.taps(x);
            let (mut red_blue, mut green) = (0, 0);
            for (sum, weight) in sums[first..].iter().zip(weights) {
                red_blue += sum.0 * weight;
                green += sum.1 * weight;
            }
            *pixel = red_blue >> 8 & RED_BLUE | green & GREEN;
        }
    }

    /// For two taps per pixel: without the inner loop this takes a third of the time.
    fn mix_columns(&self, sums: &[(u32, u32)], row: &mut [u32]) {
        let pairs = self.columns.weights.chunks_exact(2);
        for ((pixel, (first, _)), pair) in row.iter_mut().zip(&self.columns.starts).zip(pairs) {
            let (left, right) = (sums[*first], sums[first + 1]);
            let (red_blue, green) = (left.0 * pair[0] + right.0 * pair[1], left.1 * pair[0] + right.1 * pair[1]);
            *pixel = red_blue >> 8 & RED_BLUE | green & GREEN;
        }
    }
}

/// The source pixels and weights of each pixel of the new size.
#[derive(Debug, Default)]
struct Axis {
    /// For each new pixel: its first source pixel, and the offset of its weights.
    starts: Vec<(usize, usize)>,
    weights: Vec<u32>,
}

impl Axis {
    fn new(from: usize, to: usize) -> Axis {
        let mut axis = Axis::default();
        for at in 0..to {
            let first = if to < from { axis.push_mean(at, from, to) } else { axis.push_mix(at, from, to) };
            debug_assert!(first < from);
        }
        axis.starts.push((from, axis.weights.len()));
        axis
    }

    /// To shrink: the weight of a source pixel is the share that the new pixel covers.
    fn push_mean(&mut self, at: usize, from: usize, to: usize) -> usize {
        let (first, last) = (at * from / to, ((at + 1) * from).div_ceil(to));
        self.starts.push((first, self.weights.len()));
        // The share of the new pixel before a source pixel. Differences of these shares always have the right sum,
        // whatever the rounding.
        let before = |old: usize| ((old * to).saturating_sub(at * from) * ONE / from).min(ONE);
        self.weights.extend((first..last).map(|old| (before(old + 1) - before(old)) as u32));
        first
    }

    /// To enlarge: takes the two source pixels whose centres are on either side.
    fn push_mix(&mut self, at: usize, from: usize, to: usize) -> usize {
        let middle = ((2 * at + 1) * from * ONE / (2 * to)).saturating_sub(ONE / 2).min((from - 1) * ONE);
        let (first, share) = (middle / ONE, (middle % ONE) as u32);
        self.starts.push((first, self.weights.len()));
        self.weights.extend([ONE as u32 - share, share]);
        first
    }

    fn taps(&self, at: usize) -> (usize, &[u32]) {
        let (first, begin) = self.starts[at];
        (first, &self.weights[begin..self.starts[at + 1].1])
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
    fn weights_add_up_for_every_pair_of_sizes() {
        for from in 1..70 {
            for to in 1..150 {
                let axis = Axis::new(from, to);
                for at in 0..to {
                    let (first, weights) = axis.taps(at);
                    assert_eq!(weights.iter().sum::<u32>(), ONE as u32, "{from} to {to} at {at}");
                    let last = weights.iter().rposition(|weight| *weight > 0).unwrap();
                    assert!(first + last < from, "{from} to {to} at {at}");
                }
            }
        }
    }

    #[test]
    fn halving_takes_the_mean_of_four() {
        let picture = canvas(4, 2, |x, y| [[0, 100, 8, 8], [100, 200, 8, 16]][y][x] * 0x01_0101);
        assert_eq!(scaled(&picture, 2, 1).pixels, [100 * 0x01_0101, 10 * 0x01_0101]);
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
