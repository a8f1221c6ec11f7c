use super::*;
use crate::picture::Picture;
use crate::source::testing::{Chunks, all, clock, ffmpeg, options, setup};
use crate::source::{Input, SourceTiming};

fn check(cases: &[(&[u8], Content)]) {
    for (bytes, expected) in cases {
        let mut intake = TimedReader::new(Chunks::new(bytes.to_vec(), &[3]), clock());
        assert_eq!(sniff(&mut intake).unwrap(), *expected, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn the_first_bytes_say_what_comes() {
    let mut packets = [0; 400];
    (packets[0], packets[188], packets[376]) = (0x47, 0x47, 0x47);
    check(&[
        (b"", Content::Nothing),
        (b"YUV4MPEG2 W2 H2\n", Content::Y4m),
        (b"\xff\xd8\xff\xe0 and so on", Content::Jpegs),
        (&packets, Content::Other(Some("mpegts"))),
        (b"\x1a\x45\xdf\xa3 and so on and on", Content::Other(Some("matroska"))),
        (b"\x00\x00\x00\x20ftypisom and so on", Content::Other(Some("mov"))),
        (b"\x00\x00\x00\x01\x67 and so on and on", Content::Other(Some("h264"))),
        (b"\x00\x00\x00\x01\x40 and so on and on", Content::Other(Some("hevc"))),
        (b"what is this supposed to be?", Content::Text),
        (b"\x01\x02\x03", Content::Other(None)),
    ]);
}

/// Through a pipe, every container yields every frame, in order.
#[test]
fn no_frame_is_lost_whatever_the_container() {
    let clip = "-f lavfi -i testsrc2=s=160x120:r=25 -t 1";
    for (words, format) in [
        ("-c:v libx264 -bf 2 -f mpegts", Some("mpegts")),
        ("-c:v mpeg2video -f mpegts", Some("mpegts")),
        ("-c:v libx264 -f matroska", Some("matroska")),
        ("-c:v libx264 -f h264", Some("h264")),
        ("-c:v libx264 -f flv", Some("flv")),
        ("-c:v libx264 -movflags frag_keyframe+empty_moov -f mp4", Some("mov")),
        ("-c:v mpeg4 -f nut", Some("nut")),
        ("-c:v mpeg4 -f avi", None),
    ] {
        let bytes = ffmpeg(&format!("{clip} -pix_fmt yuv420p {words}"), None);
        let intake = TimedReader::new(Chunks::new(bytes, &[1000]), clock());
        let opened = open_with_ffmpeg(intake, format, &setup(options(Input::Stdin)));
        let mut feed = opened.unwrap();
        assert_eq!(feed.info().timing, SourceTiming::Pipe);
        let pictures = all(|| feed.next(Picture::default()));
        assert_eq!(pictures.len(), 25, "{words}");
        assert!(pictures.windows(2).all(|pair| pair[0].pts < pair[1].pts), "{words}: in order");
    }
}
