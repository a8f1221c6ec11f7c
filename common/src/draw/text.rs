//! Draws text with a bitmap font, as horizontal runs of pixels.
//!
//! The font is Spleen by Frederic Cambus (BSD-2-Clause), in its own sizes from 12 to 64 pixels, and in whole multiples
//! of the largest for more, so its edges are always sharp. Characters that it lacks are drawn as a box.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use spleen_font::{FONT_6X12, FONT_8X16, FONT_12X24, FONT_16X32, FONT_32X64};

/// The font's own sizes: height and file, smallest first.
const FACES: [(usize, &[u8]); 5] =
    [(12, FONT_6X12), (16, FONT_8X16), (24, FONT_12X24), (32, FONT_16X32), (64, FONT_32X64)];

/// A font at one size.
pub struct Font {
    face: Face,
    scale: usize,
}

impl Font {
    /// The font at the largest size that is not higher than this, but at least 12 pixels.
    pub fn of_height(height_px: usize) -> Font {
        let (height, file) = FACES.iter().copied().rev().find(|face| face.0 <= height_px).unwrap_or(FACES[0]);
        let face = Face::parse(file).expect("the embedded files are PSF fonts");
        Font { face, scale: (height_px / height).max(1) }
    }

    /// Distance between lines, in pixels.
    pub fn height(&self) -> usize {
        self.face.height * self.scale
    }

    /// Distance between characters, in pixels; all have the same width.
    pub fn advance(&self) -> usize {
        self.face.width * self.scale
    }

    pub fn width(&self, text: &str) -> usize {
        text.chars().count() * self.advance()
    }

    /// Calls `run(x, y, length)` for each horizontal run of text pixels within `clip` (width and height).
    ///
    /// `at` is the upper left corner of the first character and may be outside.
    pub fn draw(&self, text: &str, at: (isize, isize), clip: (usize, usize), run: &mut dyn FnMut(usize, usize, usize)) {
        let mut x = at.0;
        for character in text.chars() {
            if x >= clip.0 as isize {
                break;
            }
            if x + self.advance() as isize > 0 {
                self.draw_glyph(character, (x, at.1), clip, run);
            }
            x += self.advance() as isize;
        }
    }

    fn draw_glyph(
        &self,
        character: char,
        at: (isize, isize),
        clip: (usize, usize),
        run: &mut dyn FnMut(usize, usize, usize),
    ) {
        let glyph = self.face.glyph(character);
        for row in 0..self.face.height {
            let top = at.1 + (row * self.scale) as isize;
            for columns in runs(self.face.row(glyph, row)) {
                let edge = |column: usize| (at.0 + (column * self.scale) as isize).clamp(0, clip.0 as isize) as usize;
                let (left, right) = (edge(columns.start), edge(columns.end));
                for y in (top..top + self.scale as isize).filter(|y| (0..clip.1 as isize).contains(y)) {
                    if right > left {
                        run(left, y as usize, right - left);
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Font {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Font({} px)", self.height())
    }
}

/// A PSF file. Its first byte shows its version; then come a header, the glyphs' bits, and for each glyph its
/// characters.
struct Face {
    width: usize,
    height: usize,
    bits: &'static [u8],
    glyphs: HashMap<char, usize>,
}

impl Face {
    fn parse(file: &'static [u8]) -> Option<Face> {
        if file.first() == Some(&0x36) { Face::parse_psf1(file) } else { Face::parse_psf2(file) }
    }

    /// Reads version 1: magic (2 bytes), mode, height; 512 glyphs of 8 columns; characters in UTF-16, each glyph's list
    /// ended by 0xFFFF.
    fn parse_psf1(file: &'static [u8]) -> Option<Face> {
        let height = usize::from(*file.get(3)?);
        let (bits, table) = file.get(4..)?.split_at_checked(512 * height)?;
        let units: Vec<u16> = table.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let names = units.split(|unit| *unit == 0xFFFF).map(String::from_utf16_lossy);
        Some(Face { width: 8, height, bits, glyphs: glyphs_of(names.take(512)) })
    }

    /// Reads version 2: eight numbers, including the sizes; the glyphs; characters in UTF-8, each glyph's list ended by
    /// 0xFF.
    fn parse_psf2(file: &'static [u8]) -> Option<Face> {
        let number = |index: usize| {
            let bytes = file.get(4 * index..4 * index + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
        };
        let (header, count, size) = (number(2)?, number(4)?, number(5)?);
        let (bits, table) = file.get(header..)?.split_at_checked(count * size)?;
        // After 0xFE come sequences of several characters for one glyph, which we do not draw.
        let single = |names: &[u8]| names.split(|byte| *byte == 0xFE).next().map(<[u8]>::to_vec).unwrap_or_default();
        let names = table.split(|byte| *byte == 0xFF).map(|names| String::from_utf8_lossy(&single(names)).into_owned());
        Some(Face { width: number(7)?, height: number(6)?, bits, glyphs: glyphs_of(names.take(count)) })
    }

    /// The glyph of a character; a box if it is missing.
    fn glyph(&self, character: char) -> usize {
        self.glyphs.get(&character).or_else(|| self.glyphs.get(&'☐')).copied().unwrap_or(0)
    }

    /// A row of a glyph, with its leftmost pixel in the highest bit.
    fn row(&self, glyph: usize, row: usize) -> u32 {
        let stride = self.width.div_ceil(8);
        let bytes = &self.bits[(glyph * self.height + row) * stride..][..stride];
        bytes.iter().enumerate().fold(0, |bits, (i, byte)| bits | u32::from(*byte) << (24 - 8 * i))
    }
}

/// The runs of set bits from left to right, as columns.
fn runs(mut bits: u32) -> impl Iterator<Item = Range<usize>> {
    std::iter::from_fn(move || {
        let begin = bits.leading_zeros() as usize;
        let length = bits.checked_shl(begin as u32)?.leading_ones() as usize;
        let end = begin + length;
        bits &= u32::MAX.checked_shr(end as u32).unwrap_or(0);
        Some(begin..end)
    })
}

/// Turns the characters of each glyph into the glyph of each character.
fn glyphs_of(names: impl Iterator<Item = String>) -> HashMap<char, usize> {
    let mut glyphs = HashMap::new();
    for (index, names) in names.enumerate() {
        for character in names.chars() {
            glyphs.entry(character).or_insert(index);
        }
    }
    glyphs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws text into a canvas of booleans.
    fn drawn(font: &Font, text: &str, at: (isize, isize), (width, height): (usize, usize)) -> Vec<Vec<bool>> {
        let mut canvas = vec![vec![false; width]; height];
        font.draw(text, at, (width, height), &mut |x, y, length| {
            assert!(length > 0);
            canvas[y][x..x + length].fill(true);
        });
        canvas
    }

    #[test]
    fn takes_the_largest_face_that_fits() {
        let cases =
            [(0, 12), (12, 12), (15, 12), (16, 16), (31, 24), (32, 32), (48, 32), (64, 64), (100, 64), (128, 128)];
        for (asked, got) in cases {
            assert_eq!(Font::of_height(asked).height(), got, "{asked}");
        }
    }

    #[test]
    fn draws_a_letter() {
        let font = Font::of_height(16);
        let rows: Vec<String> = drawn(&font, "T", (0, 0), (8, 16))
            .iter()
            .map(|row| row.iter().map(|on| if *on { '#' } else { '.' }).collect())
            .collect();
        assert_eq!(rows[2], "########");
        assert_eq!(rows[8], "...##...");
    }

    #[test]
    fn latin_1_is_there_in_every_size() {
        for height in [12, 16, 24, 32, 64] {
            let font = Font::of_height(height);
            for code in (0x20..0x7F).chain(0xA0..=0xFF) {
                let character = char::from(code);
                assert!(font.face.glyphs.contains_key(&character), "{character:?} at {height}");
            }
            assert!(font.face.glyphs.contains_key(&'☐'), "the box at {height}");
        }
    }

    #[test]
    fn an_unknown_character_is_a_box_and_a_space_is_nothing() {
        let font = Font::of_height(16);
        let set = |text| drawn(&font, text, (0, 0), (8, 16)).concat().iter().filter(|on| **on).count();
        assert_eq!((set("\u{1F600}"), set(" ")), (set("☐"), 0));
        assert!(set("☐") > 0);
    }

    #[test]
    fn clips_on_every_side() {
        for height in [16, 128] {
            let font = Font::of_height(height);
            let (w, h) = (font.width("Hey"), font.height());
            let whole = drawn(&font, "Hey", (0, 0), (w, h));
            for (dx, dy) in [(-5, 0), (5, 0), (0, -5), (0, 5), (-20, 7), (1000, 0), (-1000, 0), (0, 1000), (0, -1000)] {
                let moved = drawn(&font, "Hey", (dx, dy), (w, h));
                for (y, row) in moved.iter().enumerate() {
                    for (x, on) in row.iter().enumerate() {
                        let (from_x, from_y) = (x as isize - dx, y as isize - dy);
                        let inside = (0..w as isize).contains(&from_x) && (0..h as isize).contains(&from_y);
                        assert_eq!(*on, inside && whole[from_y as usize][from_x as usize]);
                    }
                }
            }
        }
    }
}
