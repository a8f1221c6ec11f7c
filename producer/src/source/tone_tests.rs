use jpeg::Subsampling;

use super::*;
use crate::source::testing::{Folder, file, luma, middle, play, psnr};

const PQ: &str = "-color_trc smpte2084 -color_primaries bt2020 -colorspace bt2020nc -color_range tv";

fn grey(hdr: Hdr, level: u8) -> [u8; 3] {
    ToneMap::new(hdr).interpolated(&Column::new(128, 128), level)
}

#[test]
fn grey_stays_grey_and_brighter_stays_brighter() {
    for hdr in [Hdr::Pq, Hdr::Hlg] {
        let levels: Vec<_> = (0..=255).map(|level| grey(hdr, level)).collect();
        assert!(levels.iter().all(|[_, cb, cr]| (*cb, *cr) == (128, 128)), "{hdr:?}");
        assert!(levels.windows(2).all(|pair| pair[0][0] <= pair[1][0]), "{hdr:?}");
        assert_eq!((levels[0][0], levels[255][0]), (0, 255), "{hdr:?}");
    }
}

#[test]
fn white_paper_becomes_nearly_white_and_a_dim_room_keeps_its_brightness() {
    // White paper (203 nits) is at 58 % in PQ and at 75 % in HLG; 18 nits (36 % in PQ) are below the knee.
    let check = |hdr, part: f64, expected: std::ops::RangeInclusive<u8>| {
        let level = grey(hdr, (part * 255.0).round() as u8)[0];
        assert!(expected.contains(&level), "{hdr:?} {part}: {level}");
    };
    check(Hdr::Pq, 0.58, 190..=225);
    check(Hdr::Hlg, 0.75, 190..=225);
    check(Hdr::Pq, 0.36, 75..=95);
}

#[test]
fn the_table_is_near_the_function_between_its_points() {
    let map = ToneMap::new(Hdr::Pq);
    let colours = [[100, 120, 140], [37, 131, 125], [200, 110, 150], [149, 128, 129], [90, 150, 100]];
    for colour @ [y, cb, cr] in colours {
        let (found, exact) = (map.interpolated(&Column::new(cb, cr), y), mapped(Hdr::Pq, colour.map(f64::from)));
        assert!(found.iter().zip(exact).all(|(a, b)| a.abs_diff(b) <= 3), "{colour:?}: {found:?}, not {exact:?}");
    }
}

#[test]
fn every_subsampling_is_mapped_alike() {
    let map = ToneMap::new(Hdr::Pq);
    let expected = grey(Hdr::Pq, 148)[0];
    for subsampling in [Subsampling::S420, Subsampling::S422, Subsampling::S444, Subsampling::Gray] {
        let mut picture = Picture::default();
        picture.reshape(18, 10, subsampling);
        picture.data.fill(128);
        picture.planes_mut()[0].fill(148);
        map.apply(&mut picture);
        assert!(picture.planes()[0].iter().all(|y| *y == expected), "{subsampling:?}");
        assert!(picture.planes()[1].iter().all(|cb| *cb == 128), "{subsampling:?}");
    }
}

#[test]
fn an_hdr_file_is_tone_mapped_and_another_is_not() {
    let folder = Folder::new();
    let clip = "-f lavfi -i testsrc2=s=64x48:r=25 -frames:v 2 -pix_fmt yuv420p10le -c:v ffv1";
    let hdr = play(&file(&folder.make("hdr.mkv", &format!("{clip} {PQ}"))));
    let path = folder.make("sdr.mkv", &format!("{clip} -colorspace bt2020nc -color_range tv"));
    let sdr = play(&file(&path));
    assert!(psnr(&luma(&hdr[0].picture), &luma(&sdr[0].picture)) < 25.0, "it was mapped");
    let map = ToneMap::new(Hdr::Pq);
    let mut expected = sdr;
    expected.iter_mut().for_each(|picture| map.apply(&mut picture.picture));
    assert!(hdr.iter().zip(&expected).all(|(hdr, expected)| hdr.picture.data == expected.picture.data));
}

#[test]
fn colours_are_those_that_ffmpeg_makes() {
    let folder = Folder::new();
    // The values come from FFmpeg's zscale (npl=203, to BT.709 and back to sRGB) and tonemap (mobius, 0.3, peak 4.926),
    // which need not be installed.
    let check = |[y, cb, cr]: [u16; 3], expected: [u8; 3]| {
        let flat = format!("nullsrc=s=64x48:r=25,format=yuv420p10le,geq=lum={}:cb={}:cr={}", 4 * y, 4 * cb, 4 * cr);
        let path = folder.make("flat.mkv", &format!("-f lavfi -i {flat} -frames:v 1 -c:v ffv1 {PQ}"));
        let found = middle(&play(&file(&path))[0].picture);
        assert!(found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 4), "{found:?}, not {expected:?}");
    };
    check([60, 128, 128], [29, 128, 128]);
    check([100, 128, 128], [102, 128, 128]);
    check([126, 128, 128], [177, 128, 128]);
    check([180, 128, 128], [255, 128, 128]);
    check([110, 120, 140], [121, 103, 184]);
    check([70, 128, 140], [46, 127, 160]);
}
