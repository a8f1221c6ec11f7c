use super::*;
use crate::source::SourceOptions;
use crate::source::testing::{Folder, file, luma, middle, play, psnr, reference};

const PICTURE: &str = "-f lavfi -i testsrc2=s=320x240:r=5 -t 1";

/// Compares the luma of every frame with FFmpeg's own decoding of the same file.
fn check_luma(cases: &[(&str, &str, &str)]) {
    let folder = Folder::new();
    for (name, words, filter) in cases {
        let path = folder.make(name, &format!("{PICTURE} {words}"));
        let expected = reference(&path, filter, "gray");
        let pictures = play(&file(&path));
        let size = pictures[0].picture.width * pictures[0].picture.height;
        assert_eq!(pictures.len(), expected.len() / size, "{name}: frames");
        for (picture, expected) in pictures.iter().zip(expected.chunks(size)) {
            let db = psnr(&luma(&picture.picture), expected);
            assert!(db >= 40.0, "{name}: luma is {db:.1} dB from FFmpeg's");
        }
    }
}

#[test]
fn every_pixel_format_keeps_its_luma() {
    check_luma(&[
        ("420.mkv", "-pix_fmt yuv420p -c:v ffv1", "format=yuvj420p"),
        ("422.mkv", "-pix_fmt yuv422p -c:v ffv1", "format=yuvj422p"),
        ("444.mkv", "-pix_fmt yuv444p -c:v ffv1", "format=yuvj444p"),
        ("411.mkv", "-pix_fmt yuv411p -c:v ffv1", "format=yuvj420p"),
        ("odd422.mkv", "-vf scale=33:27,setsar=1 -pix_fmt yuv422p -c:v ffv1", "format=yuvj422p"),
        ("10bit.mkv", "-pix_fmt yuv420p10le -c:v ffv1", "format=yuvj420p"),
        ("12bit.mkv", "-pix_fmt yuv444p12le -c:v ffv1", "format=yuvj444p"),
        ("full.mkv", "-vf scale=out_range=pc,format=yuv420p -color_range pc -c:v ffv1", "format=yuvj420p"),
        ("gray.mkv", "-pix_fmt gray -c:v ffv1", "null"),
        ("rgb.mkv", "-pix_fmt gbrp -c:v ffv1", "format=yuvj420p"),
        ("png.mkv", "-pix_fmt rgb24 -c:v png", "format=yuvj420p"),
        ("palette.nut", "-pix_fmt pal8 -c:v rawvideo", "format=yuvj420p"),
        ("alpha.mkv", "-pix_fmt yuva420p -c:v ffv1", "format=yuvj420p"),
        ("nv12.nut", "-pix_fmt nv12 -c:v rawvideo", "format=yuvj420p"),
    ]);
}

#[test]
fn odd_sizes_keep_every_pixel() {
    check_luma(&[
        ("odd420.mkv", "-vf scale=321:239,setsar=1 -pix_fmt yuv420p -c:v ffv1", "format=yuvj420p"),
        ("odd444.mkv", "-vf scale=33:27,setsar=1 -pix_fmt yuv444p -c:v ffv1", "format=yuvj444p"),
        ("one.mkv", "-vf scale=1:1,setsar=1 -pix_fmt yuv444p -c:v ffv1", "format=yuvj444p"),
    ]);
}

#[test]
fn an_odd_picture_is_padded_with_its_own_edge() {
    let folder = Folder::new();
    let path = folder.make("odd.mkv", &format!("{PICTURE} -vf scale=33:27,setsar=1 -pix_fmt yuv420p -c:v ffv1"));
    let picture = &play(&file(&path))[0].picture;
    assert_eq!((picture.width, picture.height, picture.luma_size()), (33, 27, (34, 28)));
    let rows: Vec<_> = picture.planes()[0].chunks(34).collect();
    assert!(rows.iter().all(|row| row[33] == row[32]), "the last column is there twice");
    assert_eq!(rows[27], rows[26], "the last row is there twice");
}

#[test]
fn rotated_clips_stand_upright_in_every_subsampling() {
    let folder = Folder::new();
    let plain = folder.make("plain.mp4", &format!("{PICTURE} -c:v mpeg4 -q:v 2"));
    for (degrees, size) in [(90, (240, 320)), (180, (320, 240)), (270, (240, 320))] {
        let words = format!("-i {} -c copy -metadata:s:v rotate={degrees}", plain.display());
        let path = folder.make(&format!("{degrees}.mp4"), &words);
        for (subsampling, format) in [
            (Subsampling::S420, "yuvj420p"),
            (Subsampling::S422, "yuvj422p"),
            (Subsampling::S444, "yuvj444p"),
            (Subsampling::Gray, "gray"),
        ] {
            let picture = &play(&SourceOptions { subsampling, ..file(&path) })[0].picture;
            assert_eq!((picture.width, picture.height), size);
            let expected = reference(&path, "null", format);
            let db = psnr(&picture.data, &expected[..picture.data.len()]);
            assert!(db >= 40.0, "{degrees}° as {format}: {db:.1} dB");
        }
    }
}

/// Encodes a flat colour with each matrix and range, and checks that it is the same at full range.
#[test]
fn colours_are_right_whatever_the_matrix() {
    let folder = Folder::new();
    for (matrix, tag) in [("bt601", "smpte170m"), ("bt709", "bt709"), ("bt2020", "bt2020nc")] {
        for range in ["tv", "pc"] {
            for (colour, expected) in [("red", [76, 85, 255]), ("0x30a0e0", [134, 179, 67]), ("white", [255, 128, 128])]
            {
                let words = format!(
                    "-f lavfi -i color={colour}:s=64x64:r=1 -t 1 -vf scale=out_color_matrix={matrix}:out_range={range},\
                     format=yuv420p -colorspace {tag} -color_range {range} -c:v ffv1"
                );
                let path = folder.make(&format!("{matrix}-{range}-{colour}.mkv"), &words);
                let laid = middle(&play(&file(&path))[0].picture);
                let far = laid.iter().zip(expected).any(|(a, b)| a.abs_diff(b) > 3);
                assert!(!far, "{colour} by {matrix} {range}: {laid:?}, not {expected:?}");
            }
        }
    }
}

#[test]
fn chroma_of_422_is_halved_as_ffmpeg_does() {
    let folder = Folder::new();
    let path = folder.make("422.mkv", &format!("{PICTURE} -pix_fmt yuv422p -c:v ffv1"));
    let picture = &play(&file(&path))[0].picture;
    let expected = reference(&path, "format=yuvj420p", "yuvj420p");
    let db = psnr(&picture.data, &expected[..picture.data.len()]);
    assert!(db >= 45.0, "{db:.1} dB");
}
