use jpeg::Subsampling;

use super::*;
use crate::source::Input;
use crate::source::geometry::PictureGeometry;
use crate::source::testing::{Chunks, all, clock, ffmpeg, luma, options, psnr, setup};

fn feed(bytes: Vec<u8>, sizes: &[usize]) -> Result<Source, SourceError> {
    let intake = TimedReader::new(Chunks::new(bytes, sizes), clock());
    Y4mFeed::open(intake, "a pipe", &setup(options(Input::Stdin)))
}

fn pictures(bytes: &[u8], sizes: &[usize]) -> Vec<SourcePicture> {
    let mut feed = feed(bytes.to_vec(), sizes).unwrap();
    all(|| feed.next(Picture::default()))
}

fn refusal(header: &str) -> String {
    feed(format!("{header}\nFRAME\n").into_bytes(), &[100]).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_stream_is_the_same_however_it_is_cut() {
    let bytes = ffmpeg("-f lavfi -i testsrc2=s=34x20:r=10 -t 0.5 -pix_fmt yuv420p -f yuv4mpegpipe", None);
    let filter = "-vf format=yuv420p,scale,format=yuvj420p";
    let expected = ffmpeg(&format!("-f lavfi -i testsrc2=s=34x20:r=10 -t 0.5 {filter} -f rawvideo"), None);
    for sizes in [&[1][..], &[3, 1, 1000], &[70_000]] {
        let pictures = pictures(&bytes, sizes);
        assert_eq!(pictures.len(), 5);
        for (picture, expected) in pictures.iter().zip(expected.chunks(34 * 20 * 3 / 2)) {
            assert!(psnr(&picture.picture.data, expected) > 45.0);
        }
        assert_eq!(pictures[4].pts.as_millis(), 400);
    }
}

#[test]
fn every_kind_of_pixels_is_read() {
    for format in ["yuv411p", "yuv422p", "yuv444p", "gray", "yuv420p10le", "yuv422p12le", "yuv444p16le", "gray10le"] {
        let words = format!("-f lavfi -i testsrc2=s=32x24:r=5 -t 1 -pix_fmt {format} -strict -1 -f yuv4mpegpipe");
        let pictures = pictures(&ffmpeg(&words, None), &[777]);
        assert_eq!(pictures.len(), 5, "{format}");
        let gray = ffmpeg("-f lavfi -i testsrc2=s=32x24:r=5 -frames:v 1 -pix_fmt gray -f rawvideo", None);
        let db = psnr(&luma(&pictures[0].picture), &gray);
        assert!(db > 30.0, "{format}: {db:.1} dB");
    }
}

/// A 2x2 picture of one luma value.
fn small(header: &str, frame: &str, luma: u8) -> Vec<u8> {
    [header.as_bytes(), b"\n", frame.as_bytes(), b"\n", &[luma; 4], &[128, 128]].concat()
}

#[test]
fn the_range_in_the_header_is_used() {
    let value = |header: &str| pictures(&small(header, "FRAME", 235), &[5])[0].picture.data[0];
    assert_eq!(value("YUV4MPEG2 W2 H2 F25:1"), 255);
    assert_eq!(value("YUV4MPEG2 W2 H2 F25:1 Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE=FULL"), 235);
}

#[test]
fn words_behind_frame_are_passed_over() {
    assert_eq!(pictures(&small("YUV4MPEG2 W2 H2 F25:1", "FRAME Ip XFOO", 16), &[4]).len(), 1);
}

#[test]
fn streams_behind_one_another_are_one() {
    let bigger = [&b"YUV4MPEG2 W4 H2 F25:1 Cmono\nFRAME\n"[..], &[9; 8]].concat();
    let pictures = pictures(&[small("YUV4MPEG2 W2 H2 F25:1", "FRAME", 16), bigger].concat(), &[11]);
    assert_eq!(pictures.iter().map(|picture| picture.picture.width).collect::<Vec<_>>(), [2, 4]);
}

#[test]
fn a_torn_last_picture_is_left_out_and_reported() {
    for torn in [b"FRAME\nxx".as_slice(), b"FRA"] {
        let mut bytes = small("YUV4MPEG2 W2 H2 F25:1", "FRAME", 16);
        bytes.extend(torn);
        let mut feed = feed(bytes, &[6]).unwrap();
        assert!(feed.next(Picture::default()).unwrap().is_some());
        let error = feed.next(Picture::default()).unwrap_err().to_string();
        assert!(error.starts_with("a pipe is cut off: 1 frame (0.0 s) are there"), "{error}");
    }
}

#[test]
fn a_header_gives_the_offset_and_length_of_pictures() {
    assert_eq!(layout(b"YUV4MPEG2 W2 H2 F25:1\nFRAME\n"), Some((22, 12)));
    assert_eq!(layout(b"YUV4MPEG2 W2 H2 Cmono16\n"), Some((24, 14)));
    assert_eq!(layout(b"YUV4MPEG2 W2 H2 F25:1"), None);
    assert_eq!(layout(b"YUV4MPEG2 W2 H2 Cnone\n"), None);
}

#[test]
fn a_lying_header_is_refused() {
    assert!(refusal("YUV4MPEG2 W0 H0 F25:1").contains("0x0"));
    assert!(refusal("YUV4MPEG2 W100000 H100000").contains("64 megapixels"));
    assert!(refusal("YUV4MPEG2 W9999999999999 H9999999999999").contains("64 megapixels"));
    assert!(refusal("YUV4MPEG2 W-4 H4").contains("64 megapixels"));
    assert!(refusal("YUV4MPEG2 Wx H4").contains("no number"));
    assert!(refusal("YUV4MPEG2 W4 H4 C420p99").contains("unknown pixels"));
}

#[test]
fn what_is_no_frame_is_named() {
    let mut feed = feed(b"YUV4MPEG2 W2 H2 F25:1\nGARBAGE\n".to_vec(), &[9]).unwrap();
    assert!(feed.next(Picture::default()).unwrap_err().to_string().contains("GARBAGE"));
}

const SHAPES: [(usize, usize, &str); 5] =
    [(6, 4, "FULL"), (6, 4, "LIMITED"), (5, 4, "LIMITED"), (6, 3, "LIMITED"), (7, 5, "FULL")];

/// Converting sample by sample gives the same picture as converting a whole frame.
#[test]
fn taken_by_samples_or_as_a_whole_it_is_the_same_picture() {
    let wanted = [Subsampling::S420, Subsampling::S422, Subsampling::S444, Subsampling::Gray];
    for (pixels, subsampling) in ["420jpeg", "422", "444", "mono"].into_iter().zip(wanted) {
        for (width, height, range) in SHAPES {
            let header = Y4mHeader::parse(
                format!("YUV4MPEG2 W{width} H{height} F25:1 C{pixels} XCOLORRANGE={range}").as_bytes(),
                "a pipe",
            )
            .unwrap();
            let mut frame = header.frame();
            let mut bytes = Vec::new();
            for plane in 0..frame.planes() {
                let (columns, rows) = (frame.plane_width(plane) as usize, frame.plane_height(plane) as usize);
                let stride = frame.stride(plane);
                for (y, row) in frame.data_mut(plane).chunks_mut(stride).take(rows).enumerate() {
                    (0..columns).for_each(|x| row[x] = (x * 37 + y * 61 + plane * 90) as u8);
                    bytes.extend(&row[..columns]);
                }
            }
            for subsampling in [subsampling, Subsampling::Gray] {
                let mut converter = Converter::quick(None, subsampling);
                let (mut whole, mut direct) = (Picture::default(), Picture::default());
                converter.convert(&frame, PictureGeometry::PLAIN, &mut whole).unwrap();
                let Some(colour) = converter.by_samples(&frame, PictureGeometry::PLAIN, &mut direct).unwrap() else {
                    let padded = match subsampling {
                        Subsampling::S420 => width % 2 + height % 2 > 0,
                        Subsampling::S422 => width % 2 > 0,
                        Subsampling::S444 => false,
                        Subsampling::Gray => pixels != "mono",
                    };
                    assert!(padded, "{pixels} {width}x{height} as {subsampling:?}");
                    continue;
                };
                let mut intake = TimedReader::new(Chunks::new(bytes.clone(), &[7, 1]), clock());
                assert!(read_samples(&mut intake, colour, &mut direct).unwrap());
                assert_eq!(direct.data, whole.data, "{pixels} {width}x{height} {range} as {subsampling:?}");
                assert!(intake.some().unwrap().is_empty(), "all of it was read");
            }
        }
    }
}
