//! Draws the test card: the still parts once, the moving parts over them in each frame.
//!
//! ```text
//! 5/22   colour bars
//! 10/22  a gradient with the frame's number, the time, the source's name, and a ball that flies about
//! 3/22   a gradient that scrolls
//! 4/22   the bar that machines read (in a picture too small for it: more gradient)
//! ```

use std::ops::Range;
use std::time::Duration;

use common::draw::{Bar, Font};
use jpeg::Subsampling;

use crate::picture::Picture;

/// 75 % bars: white, yellow, cyan, green, magenta, red, blue, black.
const BARS: [[u8; 3]; 8] =
    [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191], [0, 0, 0]];
const TEXT_LUMA: u8 = 245;
/// A shade of orange on which white text can be read.
const BALL: [u8; 3] = [130, 80, 190];
/// Period of the scrolling gradient.
const SCROLL_S: f64 = 4.0;

#[derive(Debug)]
pub struct Drawing {
    background: Picture,
    /// Two periods of the scrolling gradient; each frame shows a piece of it.
    scroll: Vec<u8>,
    name: String,
    number_font: Font,
    time_font: Font,
    name_font: Font,
    /// Rows that text or the ball may cover.
    moving: Range<usize>,
}

impl Drawing {
    pub fn new(width: usize, height: usize, subsampling: Subsampling, name: &str) -> Drawing {
        let mut background = Picture::default();
        background.reshape(width.max(1), height.max(1), subsampling);
        let columns = background.luma_size().0;
        paint_background(&mut background);
        let middle = middle(height);
        // The font is small enough for ten digits across: a character is half as wide as it is high.
        let number_font = Font::of_height((middle.len() * 9 / 20).min(width * 9 / 50));
        let time_font = Font::of_height((middle.len() / 5).min(width * 3 / 20));
        let name_font = Font::of_height(middle.len() * 3 / 20);
        // In a tiny picture the text reaches further down.
        let words_end = words_top(height) + number_font.height() + time_font.height() + name_font.height();
        Drawing {
            scroll: (0..2 * columns).map(|x| wave(x, columns)).collect(),
            name: name.to_owned(),
            number_font,
            time_font,
            name_font,
            moving: middle.start..middle.end.max(words_end).min(background.height),
            background,
        }
    }

    /// Draws one frame into an empty picture or over an earlier frame.
    pub fn draw(&self, picture: &mut Picture, time: Duration, number: u64, wall_us: u64, bar: &Bar) {
        let (width, height) = (self.background.width, self.background.height);
        if picture.data.is_empty() {
            picture.clone_from(&self.background);
        } else {
            self.erase(picture);
        }
        self.draw_scroll(picture, time);
        draw_ball(picture, time);
        self.draw_words(picture, number, wall_us);
        let stride = picture.luma_size().0;
        bar.draw(picture.planes_mut()[0], stride, width, height);
        pad_luma(picture);
    }

    /// Restores the background where text and ball were. Copying the whole background would take a tenth of the time of
    /// encoding.
    fn erase(&self, picture: &mut Picture) {
        let (columns, chroma_columns, step) =
            (picture.luma_size().0, picture.chroma_size().0, picture.subsampling.step().1);
        let Range { start, end } = self.moving;
        let luma = columns * start..columns * end;
        let chroma = chroma_columns * (start / step)..chroma_columns * end.div_ceil(step);
        let planes = picture.planes_mut().into_iter().zip(self.background.planes());
        for ((plane, background), range) in planes.zip([luma, chroma.clone(), chroma]) {
            plane[range.clone()].copy_from_slice(&background[range]);
        }
    }

    fn draw_scroll(&self, picture: &mut Picture, time: Duration) {
        let columns = picture.luma_size().0;
        let from = (turn(time, SCROLL_S) * columns as f64) as usize % columns;
        let rows = scrolling(picture.height);
        let [luma, ..] = picture.planes_mut();
        for row in luma.chunks_exact_mut(columns).take(rows.end).skip(rows.start) {
            row.copy_from_slice(&self.scroll[from..from + columns]);
        }
    }

    fn draw_words(&self, picture: &mut Picture, number: u64, wall_us: u64) {
        let (clip, stride) = ((picture.width, picture.height), picture.luma_size().0);
        let left = (picture.width / 20) as isize;
        let mut top = words_top(picture.height) as isize;
        let [luma, ..] = picture.planes_mut();
        let lines = [
            (&self.number_font, number.to_string()),
            (&self.time_font, time_of_day(wall_us)),
            (&self.name_font, self.name.clone()),
        ];
        for (font, text) in lines {
            font.draw(&text, (left, top), clip, &mut |x, y, length| {
                luma[y * stride + x..][..length].fill(TEXT_LUMA);
            });
            top += font.height() as isize;
        }
    }
}

/// The time of day in UTC, for example 23:59:59.999.
fn time_of_day(wall_us: u64) -> String {
    let ms = wall_us / 1000;
    let (hours, minutes, seconds) = (ms / 3_600_000 % 24, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", ms % 1000)
}

fn middle(height: usize) -> Range<usize> {
    height * 5 / 22..height * 15 / 22
}

fn words_top(height: usize) -> usize {
    middle(height).start + height / 50
}

fn scrolling(height: usize) -> Range<usize> {
    height * 15 / 22..height * 18 / 22
}

/// Progress, from 0 to 1, of a round that takes `round_s` seconds.
fn turn(time: Duration, round_s: f64) -> f64 {
    (time.as_secs_f64() / round_s).fract()
}

fn wave(x: usize, period: usize) -> u8 {
    (128.0 + 100.0 * (x as f64 / period as f64 * std::f64::consts::TAU).sin()) as u8
}

/// Paints colour bars above a dark gradient with a little colour. The gradient is neutral where the machine-readable
/// bar will be.
fn paint_background(picture: &mut Picture) {
    let (width, height) = (picture.width, picture.height);
    let neutral_from = Bar::rows(width, height).map_or(height, |rows| rows.start);
    let (step, luma, chroma) = (picture.subsampling.step(), picture.luma_size(), picture.chroma_size());
    let colour = |x: usize, y: usize| -> [u8; 3] {
        let (across, down) = (x as f64 / width as f64, y as f64 / height as f64);
        if y < middle(height).start {
            yuv(BARS[(x * BARS.len() / width).min(BARS.len() - 1)])
        } else {
            let tint = |share: f64| (128.0 + 30.0 * (share - 0.5)) as u8;
            [(25.0 + 45.0 * across + 35.0 * down) as u8, tint(across), tint(1.0 - down)]
        }
    };
    let [y_plane, u_plane, v_plane] = picture.planes_mut();
    for (i, sample) in y_plane.iter_mut().enumerate() {
        *sample = colour(i % luma.0, i / luma.0)[0];
    }
    for (i, (u, v)) in u_plane.iter_mut().zip(v_plane).enumerate() {
        let (x, y) = (i % chroma.0 * step.0, i / chroma.0 * step.1);
        let is_neutral = y + step.1 > neutral_from;
        [*u, *v] = if is_neutral { [128; 2] } else { [colour(x, y)[1], colour(x, y)[2]] };
    }
}

/// Converts RGB to full-range BT.601.
fn yuv([r, g, b]: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = [r, g, b].map(f64::from);
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    [y, 128.0 + (b - y) / 1.772, 128.0 + (r - y) / 1.402].map(|level| level.round() as u8)
}

/// Draws the ball. It stays in the middle, so it never touches the machine-readable bar.
fn draw_ball(picture: &mut Picture, time: Duration) {
    let rows = middle(picture.height);
    let radius = rows.len() as f64 / 6.0;
    let swing = |round_s: f64| 0.5 + 0.5 * (turn(time, round_s) * std::f64::consts::TAU).sin();
    let x = radius + swing(5.0) * (picture.width as f64 - 2.0 * radius);
    let y = rows.start as f64 + radius + swing(3.0) * (rows.len() as f64 - 2.0 * radius);
    let (step, luma, chroma) = (picture.subsampling.step(), picture.luma_size(), picture.chroma_size());
    let [y_plane, u_plane, v_plane] = picture.planes_mut();
    let disc = Disc { x, y, radius };
    disc.fill(y_plane, luma, (1, 1), BALL[0]);
    disc.fill(u_plane, chroma, step, BALL[1]);
    disc.fill(v_plane, chroma, step, BALL[2]);
}

struct Disc {
    x: f64,
    y: f64,
    radius: f64,
}

impl Disc {
    /// Fills the disc in a plane whose samples are `step` pixels apart.
    fn fill(&self, plane: &mut [u8], (columns, rows): (usize, usize), step: (usize, usize), value: u8) {
        let (x, y) = (self.x / step.0 as f64, self.y / step.1 as f64);
        let (half_width, half_height) = (self.radius / step.0 as f64, self.radius / step.1 as f64);
        let first = (y - half_height).max(0.0) as usize;
        let last = ((y + half_height).max(0.0) as usize).min(rows);
        for row in first..last {
            let share = (row as f64 + 0.5 - y) / half_height;
            let reach = half_width * (1.0 - share * share).max(0.0).sqrt();
            let left = ((x - reach).max(0.0).round() as usize).min(columns);
            let right = ((x + reach).max(0.0).round() as usize).clamp(left, columns);
            plane[row * columns..][left..right].fill(value);
        }
    }
}

/// Fills the extra column and row of an odd size with copies of the last.
fn pad_luma(picture: &mut Picture) {
    let (width, height, (columns, rows)) = (picture.width, picture.height, picture.luma_size());
    let [luma, ..] = picture.planes_mut();
    if columns > width {
        luma.chunks_exact_mut(columns).for_each(|row| row[width] = row[width - 1]);
    }
    if rows > height {
        luma.copy_within((height - 1) * columns..height * columns, height * columns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::time::Micros;

    const ALL: [Subsampling; 4] = [Subsampling::S420, Subsampling::S422, Subsampling::S444, Subsampling::Gray];
    const BAR: Bar = Bar { source: 0x1234, number: 77_777, captured: Micros(123_456_789_012) };

    fn encoded(width: usize, height: usize, subsampling: Subsampling, quality: u8) -> Vec<u8> {
        let mut picture = Picture::default();
        let drawing = Drawing::new(width, height, subsampling, "a source");
        drawing.draw(&mut picture, Duration::from_millis(1234), 77_777, 86_399_999_999, &BAR);
        let (columns, chroma) = (picture.luma_size().0, picture.chroma_size().0);
        let [y, u, v] = picture.planes();
        let plane = |data, stride| jpeg::Plane { data, stride };
        let (y, u, v) = (plane(y, columns), plane(u, chroma), plane(v, chroma));
        let mut out = Vec::new();
        let planes = jpeg::Planes { width, height, subsampling, y, u, v };
        jpeg::Encoder::new().unwrap().encode(&planes, quality, &mut out).unwrap();
        out
    }

    fn decoded_bar(jpeg: &[u8], width: usize, height: usize) -> Option<Bar> {
        let mut pixels = vec![0; width * height];
        jpeg::Decoder::new().unwrap().decode_xrgb(jpeg, &mut pixels, width).unwrap();
        Bar::read(width, height, |x, y| (pixels[y * width + x] >> 8) as u8)
    }

    #[test]
    fn the_bar_survives_a_poor_jpeg() {
        for (width, height) in [(320, 180), (321, 181), (640, 360), (853, 479), (1280, 720), (240, 320)] {
            for subsampling in ALL {
                let jpeg = encoded(width, height, subsampling, 30);
                assert_eq!(decoded_bar(&jpeg, width, height), Some(BAR), "{width}x{height} {subsampling:?}");
            }
        }
    }

    #[test]
    fn every_size_can_be_drawn() {
        for (width, height) in [(1, 1), (2, 1), (64, 36), (65, 37), (160, 88), (161, 89), (200, 3), (3, 200)] {
            for subsampling in ALL {
                let jpeg = encoded(width, height, subsampling, 90);
                assert_eq!(decoded_bar(&jpeg, width, height).is_some(), Bar::rows(width, height).is_some());
            }
        }
    }

    #[test]
    fn a_frame_over_another_is_as_on_an_empty_picture() {
        let sizes = [(320, 180), (321, 181), (64, 36), (65, 37), (200, 3), (3, 200), (1, 1), (1280, 720)];
        for ((width, height), subsampling) in sizes.into_iter().flat_map(|size| ALL.map(|each| (size, each))) {
            let drawing = Drawing::new(width, height, subsampling, "a source");
            let draw = |picture: &mut Picture, frame: u64| {
                let bar = Bar { number: frame as u32, ..BAR };
                drawing.draw(picture, Duration::from_millis(40 * frame), 7 * frame, 1_234_567 * frame, &bar);
            };
            let mut over = Picture::default();
            for frame in [3, 77, 1000, 4] {
                let mut fresh = Picture::default();
                draw(&mut over, frame);
                draw(&mut fresh, frame);
                assert!(over.data == fresh.data, "frame {frame} at {width}x{height} {subsampling:?}");
            }
        }
    }

    #[test]
    fn it_moves() {
        let drawing = Drawing::new(320, 180, Subsampling::S420, "");
        let [mut one, mut two] = [Picture::default(), Picture::default()];
        drawing.draw(&mut one, Duration::from_millis(0), 1, 0, &BAR);
        drawing.draw(&mut two, Duration::from_millis(40), 1, 0, &BAR);
        assert_ne!(one.data, two.data);
    }

    #[test]
    fn tells_the_time_of_day() {
        assert_eq!(time_of_day(0), "00:00:00.000");
        assert_eq!(time_of_day(1_700_000_000_123_456), "22:13:20.123");
    }
}
