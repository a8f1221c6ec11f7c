use super::*;
use jpeg::Subsampling;

impl Colour {
    fn is_copy(&self) -> bool {
        self.same_matrix && self.full
    }
}

/// Converts a flat patch of (y, u, v) from this matrix and range, and returns the result.
fn lay(space: Space, range: Range, yuv: [u8; 3], subsampling: Subsampling) -> [u8; 3] {
    let planes = yuv.map(|value| vec![value; 64 * 4]);
    let from = SourcePlanes { data: [&planes[0], &planes[1], &planes[2]], strides: [64; 3] };
    let mut picture = Picture::default();
    picture.reshape(33, 3, subsampling);
    Colour::new(space, range, Pixel::YUV420P).lay(&from, &mut picture);
    let laid = picture.planes().map(|plane| plane.first().copied().unwrap_or(128));
    for (plane, value) in picture.planes().iter().zip(laid) {
        assert!(plane.iter().all(|byte| *byte == value), "a flat patch stays flat, to its padded edges");
    }
    laid
}

/// Checks cases of matrix, range, input, and the expected full-range BT.601 values (worked out by hand from R, G, B).
fn check(cases: &[(Space, Range, [u8; 3], [u8; 3])]) {
    for (space, range, yuv, expected) in cases {
        for subsampling in [Subsampling::S420, Subsampling::S422, Subsampling::S444] {
            let laid = lay(*space, *range, *yuv, subsampling);
            let far = laid.iter().zip(expected).any(|(a, b)| a.abs_diff(*b) > 1);
            assert!(!far, "{space:?} {range:?} {subsampling:?} {yuv:?}: {laid:?}, not {expected:?}");
        }
    }
}

#[test]
fn full_range_bt601_is_left_alone() {
    check(&[(Space::BT470BG, Range::JPEG, [1, 2, 254], [1, 2, 254])]);
    assert!(Colour::new(Space::BT470BG, Range::JPEG, Pixel::YUV420P).is_copy());
    assert!(Colour::new(Space::Unspecified, Range::Unspecified, Pixel::YUVJ420P).is_copy());
}

#[test]
fn limited_range_is_stretched_and_what_lies_outside_is_cut() {
    check(&[
        (Space::SMPTE170M, Range::MPEG, [16, 128, 128], [0, 128, 128]),
        (Space::SMPTE170M, Range::MPEG, [235, 240, 16], [255, 255, 0]),
        (Space::Unspecified, Range::Unspecified, [126, 72, 200], [128, 64, 210]),
        (Space::SMPTE170M, Range::MPEG, [255, 255, 0], [255, 255, 0]),
        (Space::SMPTE170M, Range::MPEG, [0, 0, 255], [0, 0, 255]),
    ]);
}

#[test]
fn pure_colours_are_the_same_under_every_matrix() {
    let (red, green, blue) = ([76, 85, 255], [150, 44, 21], [29, 255, 107]);
    check(&[
        (Space::BT709, Range::MPEG, [63, 102, 240], red),
        (Space::BT709, Range::MPEG, [173, 42, 26], green),
        (Space::BT709, Range::MPEG, [32, 240, 118], blue),
        (Space::BT709, Range::JPEG, [54, 99, 255], red),
        (Space::BT2020NCL, Range::MPEG, [74, 97, 240], red),
        (Space::BT2020NCL, Range::MPEG, [164, 47, 25], green),
        (Space::BT2020NCL, Range::MPEG, [29, 240, 119], blue),
    ]);
}

#[test]
fn grey_has_full_range_by_default() {
    assert!(Colour::new(Space::Unspecified, Range::Unspecified, Pixel::GRAY8).is_copy());
    assert!(!Colour::new(Space::Unspecified, Range::MPEG, Pixel::GRAY8).is_copy());
}

#[test]
fn every_luma_value_is_rounded_right() {
    let colour = Colour::new(Space::Unspecified, Range::MPEG, Pixel::YUV420P);
    let from: Vec<u8> = (0..=255).collect();
    let mut to = [0; 256];
    colour.luma_row(&from, &mut to);
    for (y, laid) in to.iter().enumerate() {
        let exact = (y as f64 - 16.0) * 255.0 / 219.0;
        let error = (f64::from(*laid) - exact.clamp(0.0, 255.0)).abs();
        assert!(error <= 0.54, "luma {y} became {laid}, {exact} would be right");
    }
}

#[test]
fn every_chroma_value_is_rounded_right_and_grey_stays_grey() {
    let from: Vec<u8> = (0..=255).collect();
    let mut to = [0; 256];
    stretch_chroma(&from, &mut to);
    assert_eq!(to[128], 128);
    for (u, laid) in to.iter().enumerate() {
        let exact = 128.0 + (u as f64 - 128.0) * 255.0 / 224.0;
        let error = (f64::from(*laid) - exact.clamp(0.0, 255.0)).abs();
        assert!(error <= 0.54, "chroma {u} became {laid}, {exact} would be right");
    }
}
