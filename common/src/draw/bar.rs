//! The test card's bar: frame number and time of capture as blocks that survive a lossy codec.
//!
//! Four rows of forty blocks are drawn along the bottom edge, white for 1 and dark for 0. Each row begins and ends with
//! a known pattern, from which the reader takes its threshold:
//!
//! ```text
//! 1010 ─ source (16), upper half of number (16) ─ 0101
//! 0101 ─ lower half of number (16), captured … ── 1010
//! 1010 ─ captured … ───────────────────────────── 0101
//! 0101 ─ … captured, CRC-16 of all before ─────── 1010
//! ```
//!
//! The blocks are fractions of the picture's size, not of fixed size in pixels, so the bar of a scaled picture can
//! still be read.

use std::ops::Range;

use crate::time::Micros;

const COLUMNS: usize = 40;
const ROWS: usize = 4;
/// Number of columns of the pattern on each side.
const SYNC: usize = 4;
/// Number of rows into which the picture's height is divided; the bar takes `ROWS` of them.
const PICTURE_ROWS: usize = 22;
/// Blocks smaller than four pixels would not survive.
const WIDTH_MIN: usize = 4 * COLUMNS;
const HEIGHT_MIN: usize = 4 * PICTURE_ROWS;

const DARK: u8 = 16;
const WHITE: u8 = 240;
/// Smallest difference between white and dark in a bar that is accepted.
const CONTRAST_MIN: u32 = 60;

/// The data in the bar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bar {
    /// Checksum of the source's name: see [`Bar::source_of`].
    pub source: u16,
    pub number: u32,
    pub captured: Micros,
}

impl Bar {
    /// Width and height of the smallest picture that has a bar, or in which one can be read.
    pub const SIZE_MIN: (usize, usize) = (WIDTH_MIN, HEIGHT_MIN);

    pub fn source_of(name: &str) -> u16 {
        crc16(name.as_bytes())
    }

    /// The rows of the picture that the bar covers, where chroma must be neutral; `None` if the picture is too small.
    pub fn rows(width: usize, height: usize) -> Option<Range<usize>> {
        (width >= WIDTH_MIN && height >= HEIGHT_MIN).then(|| down(0, height).start..height)
    }

    /// Draws the bar into a plane of luma, unless the picture is too small.
    pub fn draw(&self, luma: &mut [u8], stride: usize, width: usize, height: usize) {
        if Bar::rows(width, height).is_none() {
            return;
        }
        let data = u128::from_be_bytes(self.to_bytes());
        let mut bits = (0..u128::BITS).rev().map(|place| data >> place & 1 == 1);
        for (row, column) in blocks() {
            let is_white = sync_bit(row, column).or_else(|| bits.next()) == Some(true);
            for y in down(row, height) {
                luma[y * stride..][across(column, width)].fill(if is_white { WHITE } else { DARK });
            }
        }
    }

    /// Reads a picture's bar; `None` if there is no intact one. `luma_at(x, y)` is called for pixels within the size.
    pub fn read(width: usize, height: usize, luma_at: impl Fn(usize, usize) -> u8) -> Option<Bar> {
        Bar::rows(width, height)?;
        let level = |row, column| block_level(across(column, width), down(row, height), &luma_at);
        let levels = blocks().map(|(row, column)| (sync_bit(row, column), level(row, column)));
        let levels: Vec<(Option<bool>, u32)> = levels.collect();
        let threshold = threshold(&levels)?;
        let mut bits = 0u128;
        for (expected, level) in levels {
            let is_white = level > threshold;
            match expected {
                Some(expected) if expected != is_white => return None,
                Some(_) => {}
                None => bits = bits << 1 | u128::from(is_white),
            }
        }
        Bar::from_bytes(bits.to_be_bytes())
    }

    fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&self.source.to_be_bytes());
        bytes[2..6].copy_from_slice(&self.number.to_be_bytes());
        bytes[6..14].copy_from_slice(&self.captured.0.to_be_bytes());
        let sum = crc16(&bytes[..14]);
        bytes[14..].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; 16]) -> Option<Bar> {
        let [s0, s1, n0, n1, n2, n3, captured @ .., c0, c1] = bytes;
        (crc16(&bytes[..14]) == u16::from_be_bytes([c0, c1])).then_some(Bar {
            source: u16::from_be_bytes([s0, s1]),
            number: u32::from_be_bytes([n0, n1, n2, n3]),
            captured: Micros(u64::from_be_bytes(captured)),
        })
    }
}

/// Row and column of each block, from left to right and from top to bottom.
fn blocks() -> impl Iterator<Item = (usize, usize)> {
    (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| (row, column)))
}

/// The columns of pixels of a column of blocks.
fn across(column: usize, width: usize) -> Range<usize> {
    column * width / COLUMNS..(column + 1) * width / COLUMNS
}

/// The rows of pixels of a row of blocks.
fn down(row: usize, height: usize) -> Range<usize> {
    let edge = |row: usize| (PICTURE_ROWS - ROWS + row) * height / PICTURE_ROWS;
    edge(row)..edge(row + 1)
}

/// The bit of a block that belongs to the pattern; `None` for other blocks.
fn sync_bit(row: usize, column: usize) -> Option<bool> {
    let at_edge = !(SYNC..COLUMNS - SYNC).contains(&column);
    at_edge.then(|| (row + column + usize::from(column >= SYNC)).is_multiple_of(2))
}

/// Mean of nine pixels around a block's centre, away from its edges.
fn block_level(across: Range<usize>, down: Range<usize>, luma_at: &impl Fn(usize, usize) -> u8) -> u32 {
    let at = |range: &Range<usize>, quarter: usize| range.start + (range.len() * quarter / 4).min(range.len() - 1);
    let mut sum = 0;
    for y in 1..=3 {
        for x in 1..=3 {
            sum += u32::from(luma_at(at(&across, x), at(&down, y)));
        }
    }
    sum / 9
}

/// The middle between the pattern's white and dark; `None` if they hardly differ.
fn threshold(levels: &[(Option<bool>, u32)]) -> Option<u32> {
    let sum = |white| levels.iter().filter(|(sync, _)| *sync == Some(white)).map(|(_, level)| level).sum::<u32>();
    let (white, dark, each) = (sum(true), sum(false), (ROWS * SYNC) as u32);
    (white >= dark + CONTRAST_MIN * each).then(|| (white + dark) / (2 * each))
}

/// The checksum CRC-16/CCITT-FALSE.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drawn(bar: Bar, width: usize, height: usize) -> Vec<u8> {
        let mut luma = vec![90; width * height];
        bar.draw(&mut luma, width, width, height);
        luma
    }

    fn read(luma: &[u8], width: usize, height: usize) -> Option<Bar> {
        Bar::read(width, height, |x, y| luma[y * width + x])
    }

    const BAR: Bar = Bar { source: 0xBEEF, number: 4_000_000_000, captured: Micros(0x0123_4567_89AB_CDEF) };

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc16(b"123456789"), 0x29B1);
        assert_ne!(Bar::source_of("A"), Bar::source_of("B"));
    }

    #[test]
    fn a_picture_too_small_has_no_bar() {
        for (width, height) in [(64, 36), (159, 200), (400, 87), (0, 0)] {
            assert_eq!(Bar::rows(width, height), None);
            let luma = drawn(BAR, width, height);
            assert!(luma.iter().all(|level| *level == 90));
            assert_eq!(read(&luma, width, height), None);
        }
    }

    #[test]
    fn only_the_stated_rows_are_drawn() {
        let rows = Bar::rows(321, 181).unwrap();
        let luma = drawn(BAR, 321, 181);
        assert!(luma[..rows.start * 321].iter().all(|level| *level == 90));
        assert!(luma[rows.start * 321..].iter().all(|level| *level != 90));
        assert_eq!(rows.end, 181);
    }

    #[test]
    fn a_flipped_block_is_noticed() {
        let mut luma = drawn(BAR, 320, 176);
        for y in 160..168 {
            luma[y * 320 + 80..][..8].iter_mut().for_each(|level| *level = 255 - *level);
        }
        assert_eq!(read(&luma, 320, 176), None);
    }

    #[test]
    fn survives_scaling_of_the_picture() {
        let luma = drawn(BAR, 640, 360);
        for (width, height) in [(320, 180), (500, 281), (1280, 720), (641, 359), (720, 300)] {
            let scaled = |x: usize, y: usize| luma[y * 360 / height * 640 + x * 640 / width];
            assert_eq!(Bar::read(width, height, scaled), Some(BAR), "{width}x{height}");
        }
    }

    proptest! {
        #[test]
        fn comes_back_through_noise_blur_and_low_contrast(
            (source, number, captured) in (any::<u16>(), any::<u32>(), any::<u64>()),
            (width, height) in (160usize..700, 88usize..400),
            noise in prop::collection::vec(-40i32..40, 97),
            (gain, lift) in (0.4f32..1.0, 0f32..100.0),
        ) {
            let bar = Bar { source, number, captured: Micros(captured) };
            let luma = drawn(bar, width, height);
            let seen = |x: usize, y: usize| {
                let near = [x.saturating_sub(1), x, (x + 1).min(width - 1)];
                let blurred = near.iter().map(|x| f32::from(luma[y * width + x])).sum::<f32>() / 3.0;
                let noisy = blurred * gain + lift + noise[(x * 31 + y * 17) % 97] as f32;
                noisy.clamp(0.0, 255.0) as u8
            };
            prop_assert_eq!(Bar::read(width, height, seen), Some(bar));
        }

        #[test]
        fn other_pictures_have_no_bar(seed in prop::collection::vec(any::<u8>(), 1..200)) {
            prop_assert_eq!(Bar::read(320, 180, |x, y| seed[(x * 7 + y * 320) % seed.len()]), None);
        }
    }
}
