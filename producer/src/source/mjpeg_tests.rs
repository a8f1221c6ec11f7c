use super::*;
use crate::source::Input;
use crate::source::testing::{Chunks, all, clock, ffmpeg, options, setup};

const SMALL: &[u8] = b"\xff\xd8\xff\xdb\x00\x04\xff\xd9\xff\xda\x00\x02\x01\xff\x00\x02\xff\xd0\x03\xff\xd9";

fn pictures(bytes: Vec<u8>, size: usize) -> Vec<SourcePicture> {
    let intake = TimedReader::new(Chunks::new(bytes, &[size]), clock());
    let opened = MjpegFeed::open(intake, "a pipe", &setup(options(Input::Stdin)));
    let mut feed = opened.unwrap();
    all(|| feed.next(Picture::default()))
}

#[test]
fn every_jpeg_of_a_stream_is_decoded() {
    let bytes = ffmpeg("-f lavfi -i testsrc2=s=64x48:r=10 -t 1 -c:v mjpeg -f mjpeg", None);
    for size in [100, 70_000] {
        assert_eq!(pictures(bytes.clone(), size).len(), 10);
    }
}

#[test]
fn sizes_may_change_and_broken_ones_are_skipped() {
    let one = |size: &str| ffmpeg(&format!("-f lavfi -i testsrc2=s={size} -frames:v 1 -c:v mjpeg -f mjpeg"), None);
    let bytes = [one("64x48"), SMALL.to_vec(), one("32x20")].concat();
    let sizes: Vec<_> =
        pictures(bytes, 500).iter().map(|picture| (picture.picture.width, picture.picture.height)).collect();
    assert_eq!(sizes, [(64, 48), (32, 20)]);
}

#[test]
fn a_pipe_without_one_whole_jpeg_is_refused() {
    let intake = TimedReader::new(Chunks::new(SMALL[..9].to_vec(), &[4]), clock());
    let refused = MjpegFeed::open(intake, "a pipe", &setup(options(Input::Stdin))).unwrap_err();
    assert!(refused.to_string().contains("no picture that can be decoded"), "{refused}");
}

/// The decoder calls such pixels "yuvj422p", which the scaler must not take for a format other than its own.
#[test]
fn jpegs_of_other_subsamplings_are_converted() {
    for format in ["yuvj422p", "yuvj444p"] {
        let words = format!("-f lavfi -i testsrc2=s=64x48:r=2 -t 1 -pix_fmt {format} -c:v mjpeg -f mjpeg");
        assert_eq!(pictures(ffmpeg(&words, None), 900).len(), 2, "{format}");
    }
}
