use std::io::Cursor;

use super::*;
use crate::picture::Picture;
use crate::source::testing::{Chunks, Folder, all, clock, file, open, options, play, setup};
use crate::source::timed_reader::TimedReader;
use crate::source::{Input, Loops, SourceOptions, pipe};

const CLIP: &str = "-f lavfi -i testsrc2=s=160x120:r=25 -t 2 -pix_fmt yuv420p";
/// File names and encoder arguments. These containers store their duration, or the length of each packet.
const KINDS: [(&str, &str); 8] = [
    ("a.webm", "-c:v libvpx -b:v 300k"),
    ("a.mkv", "-c:v libx264"),
    ("a.mp4", "-c:v libx264 -movflags faststart"),
    ("fragments.mp4", "-c:v libx264 -g 10 -movflags frag_keyframe+empty_moov"),
    ("a.avi", "-c:v mjpeg"),
    ("a.flv", "-c:v flv1"),
    ("a.y4m", ""),
    ("a.mjpeg", "-c:v mjpeg"),
];

/// Plays a source to its end; returns the number of frames, and the error if there is one.
fn until_the_end(options: &SourceOptions) -> (usize, Option<String>) {
    let mut source = open(options).unwrap();
    let mut frames = 0;
    loop {
        match source.next(Picture::default()) {
            Ok(Some(_)) => frames += 1,
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error.to_string())),
        }
    }
}

fn half(folder: &Folder, name: &str, words: &str) -> std::path::PathBuf {
    let bytes = std::fs::read(folder.make(name, &format!("{CLIP} {words}"))).unwrap();
    folder.write(&format!("half-{name}"), &bytes[..bytes.len() / 2 + 1])
}

#[test]
fn a_file_that_is_cut_in_half_is_reported_with_what_was_there() {
    let folder = Folder::new();
    for (name, words) in KINDS {
        let path = half(&folder, name, words);
        let (frames, error) = until_the_end(&file(&path));
        let error = error.unwrap_or_else(|| panic!("{name}: no word"));
        assert!((5..45).contains(&frames), "{name}: {frames} frames");
        assert!(error.starts_with(&format!("{} is cut off: {frames} ", path.display())), "{error}");
    }
    let (frames, error) = until_the_end(&file(&half(&folder, "b.webm", "-c:v libvpx -b:v 300k")));
    let error = error.unwrap();
    assert!(error.contains(&format!(": {frames} frames (")) && error.contains(" of 2.0 s) are there"), "{error}");
    let (frames, error) = until_the_end(&file(&half(&folder, "b.mp4", "-c:v libx264 -movflags faststart")));
    assert!(error.unwrap().contains(&format!(": {frames} of 50 frames (")));
}

#[test]
fn a_file_that_is_whole_is_not_accused() {
    let folder = Folder::new();
    let whole = |name: &str, words: &str| {
        let (frames, error) = until_the_end(&file(&folder.make(name, &format!("{CLIP} {words}"))));
        assert_eq!((frames, error), (50, None), "{name} {words}");
    };
    for (name, words) in KINDS {
        whole(name, words);
    }
    // The header has no length and no duration, as in a live recording.
    whole("live.webm", "-c:v libvpx -live 1");
    whole("a.ts", "-c:v libx264");
    whole("a.h264", "-c:v libx264");
    whole("last.mp4", "-c:v libx264");
    let sound = |name: &str, words: &str| {
        let made = folder.make(name, &format!("-f lavfi -i sine=d=4 {CLIP} {words}"));
        assert_eq!(until_the_end(&file(&made)), (50, None), "{name}");
    };
    // The sound is longer than the pictures.
    sound("sound.mkv", "-c:v libx264 -map 0 -map 1 -frames:v 50");
    sound("sound.mp4", "-c:v libx264 -map 0 -map 1 -frames:v 50");
    let gaps = format!("{CLIP} -vf select='not(mod(n\\,5))+lt(n\\,5)' -vsync vfr");
    for name in ["gaps.webm", "gaps.mp4"] {
        assert_eq!(until_the_end(&file(&folder.make(name, &gaps))).1, None, "{name}: a variable frame rate");
    }
}

#[test]
fn a_part_that_ends_before_the_cut_is_not_accused() {
    let folder = Folder::new();
    let path = half(&folder, "a.webm", "-c:v libvpx -b:v 300k -g 5");
    let ms = std::time::Duration::from_millis;
    let part = SourceOptions { start: Some(ms(80)), duration: Some(ms(200)), ..file(&path) };
    assert_eq!(until_the_end(&part), (5, None));
    let (frames, error) = until_the_end(&SourceOptions { start: Some(ms(80)), ..file(&path) });
    let error = error.unwrap();
    // When playing began in the middle, the number of frames is not compared with the file's.
    assert!(frames > 0 && !error.contains("frames") && error.contains(" of 2.0 s are there"), "{error}");
}

#[test]
fn a_cut_file_is_played_as_often_as_requested_and_reported_at_the_end() {
    let folder = Folder::new();
    let path = half(&folder, "a.mkv", "-c:v libx264");
    let (once, error) = until_the_end(&file(&path));
    let (thrice, again) = until_the_end(&SourceOptions { loops: Loops::Times(3), ..file(&path) });
    assert_eq!((thrice, again), (3 * once, error));
}

#[test]
fn standard_input_that_is_cut_is_reported() {
    let folder = Folder::new();
    for (name, format) in [("a.webm", "matroska"), ("fragments.mp4", "mov"), ("a.flv", "flv")] {
        let words = KINDS.iter().find(|(kind, _)| *kind == name).unwrap().1;
        let bytes = std::fs::read(half(&folder, name, words)).unwrap();
        let intake = TimedReader::new(Chunks::new(bytes, &[1000]), clock());
        let opened = pipe::open_with_ffmpeg(intake, Some(format), &setup(options(Input::Stdin)));
        let mut feed = opened.unwrap();
        let mut frames = 0;
        let error = loop {
            match feed.next(Picture::default()) {
                Ok(Some(_)) => frames += 1,
                Ok(None) => panic!("{name}: no word"),
                Err(error) => break error.to_string(),
            }
        };
        assert!(error.starts_with(&format!("standard input is cut off: {frames} frames (")), "{name}: {error}");
    }
    // Streams that are whole, or that have no length.
    for words in ["-c:v libvpx -f webm", "-c:v libx264 -f matroska -live 1", "-c:v libx264 -f matroska"] {
        let bytes = crate::source::testing::ffmpeg(&format!("{CLIP} {words}"), None);
        let intake = TimedReader::new(Chunks::new(bytes, &[1000]), clock());
        let opened = pipe::open_with_ffmpeg(intake, Some("matroska"), &setup(options(Input::Stdin)));
        let mut feed = opened.unwrap();
        assert_eq!(all(|| feed.next(Picture::default())).len(), 50, "{words}");
    }
}

#[test]
fn missing_bytes_behind_the_last_picture_are_no_cut() {
    let folder = Folder::new();
    let bytes = std::fs::read(folder.make("a.mkv", &format!("{CLIP} -c:v libx264"))).unwrap();
    // Only the end of the index is missing.
    let path = folder.write("short.mkv", &bytes[..bytes.len() - 10]);
    assert!(is_short(&path));
    assert_eq!(play(&file(&path)).len(), 50);
}

#[test]
fn containers_say_how_long_they_are() {
    let check = |bytes: &[u8], promised: Option<u64>| {
        let found = promised_bytes(&mut Cursor::new(bytes), bytes.len() as u64).unwrap();
        assert_eq!(found, promised, "{bytes:02x?}");
    };
    check(b"", None);
    check(b"\x47 a transport stream", None);
    check(b"\x1a\x45\xdf\xa3\x82ab\x18\x53\x80\x67\x88........", Some(20));
    check(b"\x1a\x45\xdf\xa3\x82ab\x18\x53\x80\x67\x40\x08........", Some(21));
    check(b"\x1a\x45\xdf\xa3\x82ab\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff...", None);
    check(b"\x1a\x45\xdf\xa3\x82ab\x18\x53\x80\x67\xff...", None);
    check(b"\x1a\x45\xdf\xa3\x82", None);
    check(b"\0\0\0\x08ftyp\0\0\0\x0cmdatabcd", Some(20));
    check(b"\0\0\0\x08ftyp\0\0\0\x1cmdatabcd", Some(36));
    check(b"\0\0\0\x08ftyp\0\0\0\x01mdat\0\0\0\0\0\0\0\x20..", Some(40));
    check(b"\0\0\0\x08ftyp\0\0\0\0mdatabcd", None);
    check(b"\0\0\0\x08ftyp\0\0\0", Some(16));
    check(b"\0\0\0\x08ftyp\0\0\0\x07mdatabcd", None);
    check(b"\xff\xd8\xff...\xff\xd9\xff\xd8\xff...\xff\xd9\n", None);
    check(b"\xff\xd8\xff...\xff\xd9\xff\xd8\xff...", Some(15));
    check(b"YUV4MPEG2 W2 H2 Cmono\nFRAME\n....FRAME\n..", Some(42));
    check(b"YUV4MPEG2 W2 H2 Cmono\nFRAME\n....FRA", Some(42));
    check(b"YUV4MPEG2 W2 H2 Cmono\nFRAME Ip\n....FRAME Ip\n....", None);
    check(b"YUV4MPEG2 W2 H2 Cmono\nFRAME\n....FRAME Ip\n....", None);
    check(b"RIFF\x05\0\0\0AVI .", Some(14));
    check(b"RIFF\x04\0\0\0AVI RIFF\x50\0\0\0AVIX", Some(100));
    check(b"RIFF\0\0\0\0AVI ", None);
    check(b"RIFF\xff\xff\xff\xffAVI ", None);
}
