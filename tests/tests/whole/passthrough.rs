//! An input's own JPEGs, published without decoding and encoding them.

use std::fs::File;
use std::path::{Path, PathBuf};

use testkit::media::{decode, ffmpeg, folder, jpegs};
use testkit::{FinishedProgram, Program, kafka, need};

const FRAMES: usize = 10;
/// The marker of Huffman tables.
const DHT: u8 = 0xc4;

/// A file of MJPEG, with the usual Huffman tables.
fn mjpeg(folder: &Path) -> PathBuf {
    let path = folder.join("clip.mjpeg");
    ffmpeg(
        &format!(
            "-f lavfi -i testsrc2=s=320x240:r=25 -frames:v {FRAMES} -pix_fmt yuvj420p -c:v mjpeg -q:v 3 -huffman default"
        ),
        &path,
    );
    path
}

/// The position and length of each segment before the picture's data, with its marker.
fn segments(jpeg: &[u8]) -> Vec<(u8, usize, usize)> {
    let (mut at, mut found) = (2, Vec::new());
    while jpeg[at + 1] != 0xda {
        let length = 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        found.push((jpeg[at + 1], at, length));
        at += length;
    }
    found
}

fn without_huffman_tables(jpeg: &[u8]) -> Vec<u8> {
    let mut jpeg = jpeg.to_vec();
    for (_, at, length) in segments(&jpeg).into_iter().rev().filter(|(marker, ..)| *marker == DHT) {
        jpeg.drain(at..at + length);
    }
    jpeg
}

fn turned(jpeg: &[u8]) -> Vec<u8> {
    let entry = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0];
    let exif = [&b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01"[..], &entry, &[0; 4]].concat();
    [&jpeg[..2], &exif, &jpeg[2..]].concat()
}

/// Publishes an input at full speed; returns what vidprod came to, and the pictures on the topic.
fn publish(input: Program) -> (FinishedProgram, Vec<Vec<u8>>) {
    let kafka = kafka();
    let topic = kafka.topic("passthrough");
    let producer = input.args(["--speed", "max"]).on(kafka, &topic).run().ok();
    let records = kafka.records(&topic).into_iter().filter(|record| record.header("end").is_none());
    let pictures = records.map(|record| record.value.to_vec()).collect();
    (producer, pictures)
}

fn passed_through(producer: &FinishedProgram) -> bool {
    let settings = producer.report().0["settings"].clone();
    settings["passed_through"].as_bool().unwrap_or_else(|| panic!("it does not say: {settings:#}"))
}

#[test]
fn the_jpegs_of_a_file_are_published_byte_for_byte() {
    need(&["ffmpeg"]);
    let clips = folder();
    let original = mjpeg(clips.path());
    let bytes = std::fs::read(&original).unwrap();
    for name in ["clip.mjpeg", "clip.avi", "clip.mov", "clip.mkv"] {
        let file = clips.path().join(name);
        if file != original {
            ffmpeg(&format!("-i {} -c copy", original.display()), &file);
        }
        let (producer, pictures) = publish(Program::vidprod().arg(&file));
        assert_eq!(pictures, jpegs(&bytes), "{name}");
        assert!(passed_through(&producer), "{name}");
        assert_eq!(producer.report().number("frames.acknowledged"), FRAMES as u64);
        producer.report().assert_stages_tile();
        assert!(producer.stderr.contains("JPEGs as they are"), "{}", producer.story());
    }
}

#[test]
fn the_jpegs_of_a_pipe_get_their_missing_tables_and_lose_what_is_between_them() {
    need(&["ffmpeg"]);
    let clips = folder();
    let bytes = std::fs::read(mjpeg(clips.path())).unwrap();
    let bare: Vec<u8> =
        jpegs(&bytes).iter().flat_map(|jpeg| [without_huffman_tables(jpeg), vec![0; 100]].concat()).collect();
    let file = testkit::kafka::write(clips.path(), "bare.mjpeg", &bare);
    // FFmpeg counts the bytes between two pictures of a file as a part of the first.
    for input in [
        Program::vidprod().args(["-", "--source", "pipe"]).stdin(File::open(&file).unwrap()),
        Program::vidprod().arg(&file),
    ] {
        let (producer, pictures) = publish(input);
        assert!(passed_through(&producer));
        assert_eq!(pictures.len(), FRAMES);
        for (picture, original) in pictures.iter().zip(jpegs(&bytes)) {
            assert!(segments(picture).iter().any(|(marker, ..)| *marker == DHT), "the tables are there");
            assert!(picture.ends_with(&[0xff, 0xd9]), "what follows the picture is cut off");
            assert_eq!(decode(picture), decode(original));
        }
    }
}

#[test]
fn pictures_that_must_be_turned_or_scaled_are_encoded() {
    need(&["ffmpeg"]);
    let clips = folder();
    let original = mjpeg(clips.path());
    let bytes: Vec<u8> = jpegs(&std::fs::read(&original).unwrap()).iter().flat_map(|jpeg| turned(jpeg)).collect();
    let file = testkit::kafka::write(clips.path(), "turned.mjpeg", &bytes);
    let pipe = || Program::vidprod().args(["-", "--source", "pipe"]).stdin(File::open(&file).unwrap());
    for (input, size, why) in [
        (pipe(), (240, 320), "EXIF orientation 6"),
        (Program::vidprod().arg(&original).args(["--size", "160x120"]), (160, 120), "scaled down to 160x120"),
    ] {
        let (producer, pictures) = publish(input);
        assert!(!passed_through(&producer) && producer.stderr.contains(why), "{}", producer.story());
        assert!(pictures.iter().all(|picture| decode(picture).dimensions() == size));
    }
    let kafka = kafka();
    let refused = pipe().args(["--passthrough", "always"]).on(kafka, &kafka.topic("turned")).run();
    refused.assert_fails(1, "its pictures must be turned (EXIF orientation 6)");
}

#[test]
fn an_option_that_changes_pictures_turns_passing_through_off() {
    need(&["ffmpeg"]);
    let clips = folder();
    let original = mjpeg(clips.path());
    let bytes = std::fs::read(&original).unwrap();
    for options in [&["--quality", "30"][..], &["--subsampling", "420"], &["--fit", "shrink"], &["--fps", "25"]] {
        let (producer, pictures) = publish(Program::vidprod().arg(&original).args(options));
        assert!(!passed_through(&producer), "{options:?}");
        assert!(pictures.iter().zip(jpegs(&bytes)).all(|(picture, original)| picture != original), "{options:?}");
    }
}

#[test]
fn always_is_refused_for_what_holds_no_jpegs_and_beside_options_that_change_pictures() {
    let kafka = kafka();
    let always = |args: &[&str]| Program::vidprod().args(args).args(["--passthrough", "always"]);
    let topic = kafka.topic("no-jpegs");
    let clips = folder();
    let y4m = [&b"YUV4MPEG2 W16 H16 F25:1\nFRAME\n"[..], &[128; 16 * 16 * 3 / 2]].concat();
    let y4m = testkit::kafka::write(clips.path(), "clip.y4m", &y4m);
    let pipe = always(&["-"]).stdin(File::open(y4m).unwrap());
    pipe.on(kafka, &topic).run().assert_fails(1, "standard input cannot be passed through: it holds no JPEGs");
    always(&["test"]).on(kafka, &topic).run().assert_fails(1, "it holds no JPEGs");
    always(&["-", "--quality", "50"]).on(kafka, &topic).run().assert_fails(2, "--quality");
}
