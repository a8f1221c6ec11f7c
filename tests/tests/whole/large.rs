//! Frames far above the message limit: split into parts, or made to fit.

use std::path::PathBuf;

use testkit::media::{decode, ffmpeg, folder, jpegs};
use testkit::{Program, kafka, need};

const LIMIT: usize = 1_048_588;

/// Four seconds of noise in 4K; a JPEG of it at quality 95 has several MB.
fn noise(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("4k.avi");
    ffmpeg(
        "-f lavfi -i testsrc2=s=3840x2160:r=5 -vf noise=alls=30:allf=t -frames:v 8 -c:v mjpeg -q:v 2 -pix_fmt yuvj420p",
        &path,
    );
    path
}

#[test]
fn frames_of_several_megabytes_are_split_and_all_arrive() {
    need(&["ffmpeg", "kcat"]);
    let kafka = kafka();
    let (topic, clips) = (kafka.topic("split"), folder());
    let args = ["--size", "source", "--quality", "95", "--speed", "max"];
    let producer = Program::vidprod().arg(noise(&clips)).args(args).on(kafka, &topic).run().ok().report();
    assert_eq!(producer.number("frames.acknowledged"), 8);
    assert!(producer.number("counts.frame_bytes_max") > 3_000_000, "{:#}", producer.0);
    let viewer = Program::vidcons().on(kafka, &topic);
    let viewer = viewer.args(["--headless", "--every-frame", "-o", "beginning", "-e", "--output", "-"]).run().ok();
    assert_eq!(viewer.report().number("frames.shown"), 8, "{}", viewer.story());
    for picture in jpegs(&viewer.stdout) {
        assert_eq!(decode(picture).dimensions(), (3840, 2160));
    }
    // As kcat sees it, there are more records than frames, each below the topic's limit.
    let sizes = sizes(kafka, &topic);
    assert!(sizes.len() >= 8 * 4 && sizes.iter().all(|size| *size < LIMIT), "{sizes:?}");
}

#[test]
fn frames_of_several_megabytes_are_made_to_fit_and_all_arrive() {
    need(&["ffmpeg", "kcat"]);
    let kafka = kafka();
    let (topic, clips) = (kafka.topic("shrink"), folder());
    let args = ["--size", "source", "--quality", "95", "--speed", "max", "--fit", "shrink"];
    let producer = Program::vidprod().arg(noise(&clips)).args(args).on(kafka, &topic).run().ok().report();
    assert_eq!(producer.number("frames.acknowledged"), 8);
    let viewer = Program::vidcons().on(kafka, &topic);
    let viewer = viewer.args(["--headless", "--every-frame", "-o", "beginning", "-e"]).run().ok();
    assert_eq!(viewer.report().number("frames.shown"), 8, "{}", viewer.story());
    let sizes = sizes(kafka, &topic);
    assert_eq!(sizes.len(), 9, "a record for each frame, and the end: {sizes:?}");
    assert!(sizes.iter().all(|size| *size < LIMIT), "{sizes:?}");
    // Each record is a JPEG by itself, including the end of the session.
    for record in kafka.records(&topic) {
        let (width, height) = decode(&record.value).dimensions();
        assert!(width.abs_diff(height * 16 / 9) <= 2, "the shape is kept: {width}x{height}");
    }
}

#[test]
fn a_limit_of_the_topic_s_own_is_kept() {
    let kafka = kafka();
    let topic = kafka.topic("limit");
    kafka.create_topic(&topic, 1, &[("max.message.bytes", "50000")]);
    let clip = testkit::root().join("samples/clip.mp4");
    let producer =
        Program::vidprod().arg(clip).args(["--speed", "max", "--duration", "1"]).on(kafka, &topic).run().ok();
    let records = kafka.records(&topic);
    assert!(records.len() > 60, "each of the 30 frames takes parts: {} records", records.len());
    assert!(records.iter().all(|record| record.value.len() < 50_000));
    let viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--every-frame", "-o", "beginning", "-e"]);
    let viewer = viewer.run().ok().report();
    assert_eq!(viewer.number("frames.shown"), producer.report().number("frames.captured"));
}

#[test]
fn a_limit_that_holds_nothing_useful_is_an_error() {
    let kafka = kafka();
    let topic = kafka.topic("tiny");
    kafka.create_topic(&topic, 1, &[("max.message.bytes", "300")]);
    let clip = testkit::root().join("samples/clip.mp4");
    Program::vidprod().arg(clip).on(kafka, &topic).run().assert_fails(1, "max.message.bytes");
}

fn sizes(kafka: &testkit::KafkaServer, topic: &str) -> Vec<usize> {
    let kcat = ["-C", "-q", "-e", "-o", "beginning", "-f", "%S\n", "-b", &kafka.bootstrap(), "-t", topic];
    Program::at("kcat").args(kcat).run().ok().lines().iter().map(|line| line.parse().unwrap()).collect()
}
