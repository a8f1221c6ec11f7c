//! A frame's index, drawn as blocks in the middle of the picture that survive JPEG.
//!
//! Each bit is two blocks: white and black for 1, black and white for 0; any other pair is unreadable. Four bits of
//! checksum detect a bar that is half of one frame and half of the next.

use crate::size::PictureSize;

/// Size of a block: a multiple of JPEG's block size, for luma and for halved chroma.
const BLOCK: usize = 16;
const INDEX_BITS: usize = 14;
const CHECK_BITS: usize = 4;
pub const WIDTH: usize = (INDEX_BITS + CHECK_BITS) * 2 * BLOCK;
pub const FRAMES_MAX: usize = 1 << INDEX_BITS;

const BLACK: u8 = 16;
const WHITE: u8 = 235;
/// The chroma value without colour.
const NEUTRAL: u8 = 128;
/// Smallest difference between the blocks of a pair.
const CONTRAST_MIN: i32 = 100;

/// Position of the bar in a picture of a given size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BarPlace {
    width: usize,
    height: usize,
    x: usize,
    y: usize,
}

impl BarPlace {
    /// `None` if the picture is too small.
    pub fn of(size: &PictureSize) -> Option<BarPlace> {
        let PictureSize { width, height, .. } = *size;
        let fits = width >= WIDTH && height >= 2 * BLOCK;
        let middle = |length: usize| length / 2 / BLOCK * BLOCK;
        fits.then(|| BarPlace { width, height, x: middle(width - WIDTH), y: middle(height - BLOCK) })
    }

    /// Size of a picture's planes in bytes.
    pub fn picture_bytes(&self) -> usize {
        self.width * self.height * 3 / 2
    }

    /// Position of the pixel row that is read, `WIDTH` pixels long.
    pub fn strip(&self) -> (usize, usize) {
        (self.x, self.y + BLOCK / 2)
    }

    /// Draws the bar into planar 4:2:0.
    pub fn draw(&self, index: usize, planes: &mut [u8]) {
        let BarPlace { width, height, .. } = *self;
        let (luma, chroma) = planes.split_at_mut(width * height);
        let row = blocks(index);
        for line in luma.chunks_exact_mut(width).skip(self.y).take(BLOCK) {
            line[self.x..][..WIDTH].copy_from_slice(&row);
        }
        for plane in chroma.chunks_exact_mut(width / 2 * (height / 2)) {
            for line in plane.chunks_exact_mut(width / 2).skip(self.y / 2).take(BLOCK / 2) {
                line[self.x / 2..][..WIDTH / 2].fill(NEUTRAL);
            }
        }
    }
}

fn blocks(index: usize) -> [u8; WIDTH] {
    let bits = index << CHECK_BITS | check(index);
    std::array::from_fn(|x| {
        let (bit, second) = (x / BLOCK / 2, x / BLOCK % 2 == 1);
        if (bits >> bit & 1 == 1) != second { WHITE } else { BLACK }
    })
}

/// Reads the index from a strip of `WIDTH` levels; `None` if it is not one whole bar.
pub fn read(level: impl Fn(usize) -> u8) -> Option<usize> {
    // Only the middle half of a block is used, because its edges blur.
    let sum = |block: usize| -> i32 {
        (BLOCK / 4..BLOCK * 3 / 4).map(|x| i32::from(level(block * BLOCK + x))).sum::<i32>() / (BLOCK / 2) as i32
    };
    let mut bits = 0;
    for bit in 0..INDEX_BITS + CHECK_BITS {
        let contrast = sum(2 * bit) - sum(2 * bit + 1);
        if contrast.abs() < CONTRAST_MIN {
            return None;
        }
        bits |= usize::from(contrast > 0) << bit;
    }
    let index = bits >> CHECK_BITS;
    (bits & ((1 << CHECK_BITS) - 1) == check(index)).then_some(index)
}

/// CRC-4 (x⁴ + x + 1). Parts of two bars hardly ever have a valid one.
fn check(index: usize) -> usize {
    (0..INDEX_BITS).rev().fold(0b1111, |crc, bit| {
        let carry = (crc >> 3 ^ index >> bit) & 1;
        (crc << 1 & 0b1111) ^ (carry * 0b0011)
    })
}

#[cfg(test)]
mod tests {
    use jpeg::{Decoder, Plane, Planes, Subsampling};

    use super::*;

    const WIDTH_OF_PICTURE: usize = 640;
    const HEIGHT: usize = 368;

    fn place(width: usize, height: usize) -> Option<BarPlace> {
        BarPlace::of(&format!("{width}x{height}").parse().expect("a size"))
    }

    fn noisy() -> Vec<u8> {
        (0..WIDTH_OF_PICTURE * HEIGHT * 3 / 2).map(|i| ((i * 2_654_435_761) >> 7) as u8).collect()
    }

    fn read_luma(luma: &[u8], place: BarPlace) -> Option<usize> {
        let (x, y) = place.strip();
        read(|i| luma[y * WIDTH_OF_PICTURE + x + i])
    }

    #[test]
    fn every_index_comes_back() {
        for index in 0..FRAMES_MAX {
            let row = blocks(index);
            assert_eq!(read(|x| row[x]), Some(index));
        }
    }

    #[test]
    fn what_is_torn_is_no_reading() {
        for index in 0..2000 {
            let (old, new) = (blocks(index), blocks(index + 1));
            for torn in (BLOCK / 2..WIDTH).step_by(BLOCK / 2) {
                let seen = read(|x| if x < torn { new[x] } else { old[x] });
                assert!(seen.is_none_or(|seen| seen == index || seen == index + 1), "{index} {torn} {seen:?}");
            }
            assert_eq!(read(|x| old[x].midpoint(new[x])), None);
        }
        assert_eq!(read(|_| 0), None);
    }

    #[test]
    fn a_picture_too_small_has_no_place() {
        assert_eq!(place(WIDTH - 2, 360), None);
        assert_eq!(place(640, 30), None);
        assert!(place(WIDTH, 32).is_some());
    }

    #[test]
    fn only_the_bar_s_own_pixels_are_drawn() {
        let place = place(WIDTH_OF_PICTURE, HEIGHT).unwrap();
        let (before, mut after) = (noisy(), noisy());
        place.draw(77, &mut after);
        let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
        assert!(changed > 0 && changed <= WIDTH * BLOCK * 3 / 2, "{changed}");
        assert_eq!(read_luma(&after, place), Some(77));
    }

    #[test]
    fn survives_a_jpeg_of_noise_at_quality_80() {
        let place = place(WIDTH_OF_PICTURE, HEIGHT).unwrap();
        let (luma, quarter) = (WIDTH_OF_PICTURE * HEIGHT, WIDTH_OF_PICTURE * HEIGHT / 4);
        let mut encoder = jpeg::Encoder::new().unwrap();
        for index in [0, 1, 4711, FRAMES_MAX - 1] {
            let mut picture = noisy();
            place.draw(index, &mut picture);
            let plane = |from: usize, stride: usize| Plane { data: &picture[from..], stride };
            let planes = Planes {
                width: WIDTH_OF_PICTURE,
                height: HEIGHT,
                subsampling: Subsampling::S420,
                y: plane(0, WIDTH_OF_PICTURE),
                u: plane(luma, WIDTH_OF_PICTURE / 2),
                v: plane(luma + quarter, WIDTH_OF_PICTURE / 2),
            };
            let mut jpeg = Vec::new();
            encoder.encode(&planes, 80, &mut jpeg).unwrap();
            let mut pixels = vec![0u32; luma];
            Decoder::new().unwrap().decode_xrgb(&jpeg, &mut pixels, WIDTH_OF_PICTURE).unwrap();
            let green: Vec<u8> = pixels.iter().map(|pixel| (pixel >> 8) as u8).collect();
            assert_eq!(read_luma(&green, place), Some(index));
        }
    }
}
