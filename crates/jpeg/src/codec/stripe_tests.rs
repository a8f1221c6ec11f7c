//! The JPEG and the picture are identical for any number of threads.

use std::num::NonZeroUsize;

use pool::{Pool, THREADS_MAX};
use proptest::prelude::*;

use crate::codec::encode::{STRIPES_MAX, cut};
use crate::codec::layout::Layout;
use crate::codec::turbo::Compressor;
use crate::segments::markers;
use crate::*;

const ALL: [Subsampling; 4] = [Subsampling::S420, Subsampling::S422, Subsampling::S444, Subsampling::Gray];

/// Noise over gradients, in chroma too, so that a wrong interpolation at a seam shows.
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

    /// Encodes with restart markers at other places, as another encoder may.
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
    // The stride differs from the width, and the last rows must stay unchanged.
    let stride = header.width + 3;
    let mut pixels = vec![7; stride * (header.height + 2)];
    decoder.decode_xrgb(jpeg, &mut pixels, stride)?;
    Ok(pixels)
}

/// Checks that pictures are identical, or error texts equal.
fn check_same(jpeg: &[u8], threads: usize) {
    let words = |result: Result<_, JpegError>| result.map_err(|e| e.to_string());
    let (striped, whole) = (words(decode(jpeg, threads)), words(decode(jpeg, 1)));
    // The pixels are too many to print, so only errors are.
    assert!(striped == whole, "striped: {:?}, whole: {:?}", striped.err(), whole.err());
}

/// Offsets of the ends of the restart intervals.
fn ends(jpeg: &[u8]) -> Vec<usize> {
    let data_at = Layout::of(jpeg).unwrap().data_at;
    markers(&jpeg[data_at..]).map(|(at, _)| data_at + at).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_jpeg_is_the_same(w in 1usize..200, h in 1usize..300, kind in 0usize..4, threads in 2usize..6, seed in any::<u32>()) {
        let noise = Noise::new(w, h, ALL[kind], seed);
        prop_assert_eq!(noise.encode(threads), noise.encode(1));
    }

    #[test]
    fn stripes_have_each_row_once(rows in 1usize..5000, threads in 1usize..=THREADS_MAX) {
        let stripes: Vec<_> = cut(rows, threads).collect();
        prop_assert!(stripes.len() <= STRIPES_MAX);
        prop_assert_eq!(stripes.into_iter().flatten().collect::<Vec<_>>(), (0..rows).collect::<Vec<_>>());
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

    #[test]
    fn a_damaged_picture_is_the_same_picture_or_the_same_error(
        kind in 0usize..4,
        threads in 2usize..4,
        blocks in prop::sample::select(vec![2, 4, 8, 15, 16, 30]),
        at in any::<prop::sample::Index>(),
        removed in 0usize..12,
        inserted in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        let mut jpeg = Noise::new(60, 90, ALL[kind], 9).encode_restarting_after(blocks);
        let at = at.index(jpeg.len());
        jpeg.splice(at..(at + removed).min(jpeg.len()), inserted);
        check_same(&jpeg, threads);
    }

    /// These bytes are likely to be mistaken for markers; most others are recognised as damage at once.
    #[test]
    fn another_marker_is_the_same_picture_or_the_same_error(
        kind in 0usize..4,
        threads in 2usize..4,
        nth in any::<prop::sample::Index>(),
        other in prop::collection::vec(prop::sample::select(vec![0xFF, 0, 1, 0xD0, 0xD3, 0xD9, 0xDA, 0xE0, 0xFE]), 0..6),
    ) {
        let mut jpeg = Noise::new(60, 90, ALL[kind], 9).encode(1);
        let places = ends(&jpeg);
        let at = *nth.get(&places);
        jpeg.splice(at..at + 2, other);
        check_same(&jpeg, threads);
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

fn is_cut(jpeg: &[u8], threads: usize) -> bool {
    let layout = Layout::of(jpeg).unwrap();
    let mut out = vec![0; layout.width * layout.height];
    let mut decoder = Decoder::on(pool(threads)).unwrap();
    layout.bands().is_some_and(|bands| decoder.striped(jpeg, &bands, &mut out, layout.width).is_some())
}

/// Checks that pictures are really cut into stripes: the tests above would pass without.
#[test]
fn large_pictures_are_cut() {
    let noise = Noise::new(64, 128, Subsampling::S420, 3);
    assert!(is_cut(&noise.encode(1), 2) && is_cut(&noise.encode(1), 4));
    let check = |blocks: u16, expected: Option<(usize, usize)>| {
        let jpeg = noise.encode_restarting_after(blocks);
        let bands = Layout::of(&jpeg).unwrap().bands();
        assert_eq!(bands.map(|bands| (bands.count, bands.intervals)), expected, "a marker after {blocks} blocks");
        assert_eq!(is_cut(&jpeg, 2), expected.is_some(), "a marker after {blocks} blocks");
    };
    // The picture has eight rows of four blocks.
    check(0, None);
    check(1, Some((8, 4)));
    check(2, Some((8, 2)));
    check(3, None);
    check(4, Some((8, 1)));
    check(8, Some((4, 1)));
}

#[test]
fn seams_are_below_the_first_row_of_pixels_of_a_row_of_blocks() {
    let seams = |blocks: u16| {
        let jpeg = Noise::new(64, 100, Subsampling::S420, 3).encode_restarting_after(blocks);
        let bands = Layout::of(&jpeg).unwrap().bands().unwrap();
        (0..=bands.count).map(|band| (bands.top(band), bands.seam(band))).collect::<Vec<_>>()
    };
    assert_eq!(seams(4), [(0, 0), (16, 17), (32, 33), (48, 49), (64, 65), (80, 81), (96, 97), (100, 100)]);
    // In bands of three rows of blocks, the seam is in the third or in the last that exists.
    assert_eq!(seams(12), [(0, 0), (48, 81), (96, 97), (100, 100)]);
}

/// When an interval ends, libjpeg-turbo may have read up to seven bytes ahead, and does not report them at once.
#[test]
fn bytes_too_many_before_any_marker_are_seen_in_stripes_as_in_the_whole() {
    for kind in ALL {
        let good = Noise::new(60, 90, kind, 9).encode(1);
        for (at, count) in ends(&good).into_iter().flat_map(|at| (1..=9).map(move |count| (at, count))) {
            let mut jpeg = good.clone();
            jpeg.splice(at..at, std::iter::repeat_n(0x55, count));
            [2, 3].iter().for_each(|threads| check_same(&jpeg, *threads));
        }
    }
}

/// A stripe reports its own surplus bytes; a whole picture only if the codec happens to look for a marker afterwards.
#[test]
fn a_stripe_with_bytes_too_many_is_never_shown() {
    for kind in ALL {
        let good = Noise::new(60, 90, kind, 9).encode(1);
        let places = ends(&good);
        for (at, count) in places[..places.len() - 1].iter().flat_map(|at| (1..=9).map(move |count| (*at, count))) {
            let mut jpeg = good.clone();
            jpeg.splice(at..at, std::iter::repeat_n(0x55, count));
            assert!(is_cut(&good, 3) && !is_cut(&jpeg, 3), "{kind:?}: {count} bytes more before {at}");
        }
    }
}

#[test]
fn a_marker_before_the_end_of_the_picture_is_no_damage() {
    let mut jpeg = Noise::new(64, 128, Subsampling::S420, 3).encode(1);
    let end = jpeg.len() - 2;
    jpeg.splice(end..end, [0xFF, 0xD7]);
    assert!(is_cut(&jpeg, 2));
    check_same(&jpeg, 2);
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
