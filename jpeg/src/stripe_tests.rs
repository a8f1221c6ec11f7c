//! However many threads work on it, the JPEG and the picture are the same to the last bit.

use std::num::NonZeroUsize;

use pool::Pool;
use proptest::prelude::*;

use crate::layout::Layout;
use crate::turbo::Compressor;
use crate::*;

const ALL: [Subsampling; 4] = [Subsampling::S420, Subsampling::S422, Subsampling::S444, Subsampling::Gray];

/// Noise over slopes, in chroma too: what is mixed wrongly at a seam shows.
struct Noise {
    size: (usize, usize),
    subsampling: Subsampling,
    planes: [(Vec<u8>, usize); 3],
}

impl Noise {
    fn new(width: usize, height: usize, subsampling: Subsampling, seed: u32) -> Noise {
        let (across, down) = subsampling.step();
        let chroma = (width.div_ceil(across), height.div_ceil(down));
        let mut state = seed | 1;
        let mut plane = |(columns, rows): (usize, usize)| {
            let noisy = |i: usize| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((state >> 24) / 2) as u8 + (i % columns * 60 / columns + i / columns * 60 / rows) as u8
            };
            ((0..columns * rows).map(noisy).collect(), columns)
        };
        let planes = [plane((chroma.0 * across, chroma.1 * down)), plane(chroma), plane(chroma)];
        Noise { size: (width, height), subsampling, planes }
    }

    fn planes(&self) -> Planes<'_> {
        let [y, u, v] = self.planes.each_ref().map(|(data, stride)| Plane { data, stride: *stride });
        Planes { width: self.size.0, height: self.size.1, subsampling: self.subsampling, y, u, v }
    }

    fn encode(&self, threads: usize) -> Vec<u8> {
        let mut out = Vec::new();
        Encoder::on(pool(threads)).unwrap().encode(&self.planes(), 80, &mut out).unwrap();
        out
    }

    /// As somebody else may have encoded it.
    fn encode_restarting_after(&self, blocks: u16) -> Vec<u8> {
        let mut codec = Compressor::new().unwrap();
        codec.restart_after(blocks).unwrap();
        let mut room = Vec::new();
        let length = codec.compress(&self.planes().check().unwrap(), 80, &mut room).unwrap();
        room.truncate(length);
        room
    }
}

fn pool(threads: usize) -> Pool {
    Pool::new(NonZeroUsize::new(threads))
}

fn decode(jpeg: &[u8], threads: usize) -> Result<Vec<u32>, JpegError> {
    let mut decoder = Decoder::on(pool(threads))?;
    let header = decoder.header(jpeg)?;
    // A stride that is not the width, and rows that must stay as they are.
    let stride = header.width + 3;
    let mut pixels = vec![7; stride * (header.height + 2)];
    decoder.decode_xrgb(jpeg, &mut pixels, stride)?;
    Ok(pixels)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_jpeg_is_the_same(w in 1usize..200, h in 1usize..300, kind in 0usize..4, threads in 2usize..6, seed in any::<u32>()) {
        let noise = Noise::new(w, h, ALL[kind], seed);
        prop_assert_eq!(noise.encode(threads), noise.encode(1));
    }

    #[test]
    fn the_picture_is_the_same(w in 1usize..200, h in 1usize..300, kind in 0usize..4, threads in 2usize..6, seed in any::<u32>()) {
        let jpeg = Noise::new(w, h, ALL[kind], seed).encode(1);
        prop_assert_eq!(decode(&jpeg, threads).unwrap(), decode(&jpeg, 1).unwrap());
    }

    #[test]
    fn any_interval_will_do(w in 1usize..120, h in 1usize..200, kind in 0usize..4, threads in 2usize..4, blocks in 0u16..40) {
        let jpeg = Noise::new(w, h, ALL[kind], 5).encode_restarting_after(blocks);
        prop_assert_eq!(decode(&jpeg, threads).unwrap(), decode(&jpeg, 1).unwrap());
    }

    /// Damage that both take for a picture is the same picture. (Bytes too many at the end of a stripe are seen in the whole
    /// only, as nobody reads on from a stripe to the next marker.)
    #[test]
    fn a_damaged_picture_is_the_same_picture_or_an_error(
        kind in 0usize..4,
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let mut jpeg = Noise::new(60, 90, ALL[kind], 9).encode(1);
        let at = at.index(jpeg.len());
        jpeg[at] = value;
        if let (Ok(striped), Ok(whole)) = (decode(&jpeg, 3), decode(&jpeg, 1)) {
            prop_assert!(striped == whole, "byte {} is {}", at, value);
        }
    }

    #[test]
    fn a_truncated_picture_is_an_error(kind in 0usize..4, threads in 2usize..4, at in any::<prop::sample::Index>()) {
        let jpeg = Noise::new(60, 90, ALL[kind], 9).encode(1);
        prop_assert!(decode(&jpeg[..at.index(jpeg.len())], threads).is_err());
    }

    #[test]
    fn no_bytes_have_a_layout_that_is_outside_of_them(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0usize..4, at in 0usize..600) {
        let mut jpeg = Noise::new(20, 20, ALL[kind], 1).encode(1);
        let at = at.min(jpeg.len());
        jpeg.splice(at.., bytes);
        if let Some(layout) = Layout::of(&jpeg) {
            prop_assert!(layout.data_at <= jpeg.len() && layout.height_at + 2 <= layout.data_at);
        }
    }
}

/// The threads of a pool have their stripes really: the tests above would pass without.
#[test]
fn large_pictures_are_cut() {
    let noise = Noise::new(64, 128, Subsampling::S420, 3);
    let jpeg = noise.encode(1);
    let layout = Layout::of(&jpeg).unwrap();
    assert_eq!((layout.rows, layout.row_height, layout.mixes_rows), (8, 16, true));
    assert_eq!(layout.between_markers(3..8), Some((3..8, 3..8)));
    let mut decoder = Decoder::on(pool(2)).unwrap();
    assert!(decoder.striped(&jpeg, &layout, &mut vec![0; 64 * 128], 64).is_some());

    let without = noise.encode_restarting_after(0);
    let layout = Layout::of(&without).unwrap();
    assert_eq!(layout.between_markers(3..8), None);
    assert!(decoder.striped(&without, &layout, &mut vec![0; 64 * 128], 64).is_none(), "no markers");
    // Two rows to an interval; and half a row.
    let layout = Layout::of(&noise.encode_restarting_after(8)).unwrap();
    assert_eq!(layout.between_markers(3..7), Some((2..8, 1..4)));
    let layout = Layout::of(&noise.encode_restarting_after(2)).unwrap();
    assert_eq!(layout.between_markers(3..7), Some((3..7, 6..14)));
    let layout = Layout::of(&noise.encode_restarting_after(3)).unwrap();
    assert_eq!(layout.between_markers(3..7), None, "markers in the middle of rows only");
}

#[test]
fn another_decoder_reads_a_striped_picture() {
    for kind in ALL {
        let jpeg = Noise::new(161, 203, kind, 11).encode(5);
        let other = image::load_from_memory(&jpeg).unwrap().to_rgb8();
        let ours = decode(&jpeg, 5).unwrap();
        let differs = |(x, y, p): (u32, u32, &image::Rgb<u8>)| {
            let [_, r, g, b] = ours[y as usize * 164 + x as usize].to_be_bytes();
            [r, g, b].iter().zip(p.0).map(|(a, b)| f64::from(a.abs_diff(b)).powi(2)).sum::<f64>()
        };
        let error = other.enumerate_pixels().map(differs).sum::<f64>() / (3.0 * 161.0 * 203.0);
        assert!(error < 40.0, "{kind:?}: mean squared error {error}");
    }
}
