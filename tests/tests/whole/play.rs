//! Plays a clip through Kafka into a viewer: every frame arrives in order, with the right picture.

use testkit::media::{clip_720p25, decode, folder, frame_of, jpegs, luma_psnr};
use testkit::program::FinishedProgram;
use testkit::{JsonReport, Program, kafka, need};

const FRAMES: u64 = 250;

/// Checks that the viewer has shown every frame of the clip in order, with the right pictures, and lost none.
#[track_caller]
fn assert_every_frame(viewer: &FinishedProgram, producer: &JsonReport) {
    assert_eq!(producer.number("frames.captured"), FRAMES);
    assert_eq!(producer.number("frames.acknowledged"), FRAMES);
    let report = viewer.report();
    assert_eq!(report.number("frames.shown"), FRAMES, "{}", viewer.story());
    assert_eq!(report.lost(), 0);
    report.assert_stages_tile();
    let pictures = jpegs(&viewer.stdout);
    assert_eq!(pictures.len() as u64, FRAMES);
    for n in [0, 1, 100, 249] {
        let psnr = luma_psnr(&decode(pictures[n]), &frame_of(clip_720p25(), n));
        assert!(psnr >= 35.0, "frame {n}: {psnr:.1} dB");
    }
}

fn viewer(kafka: &testkit::KafkaServer, topic: &str, more: &[&str]) -> Program {
    Program::vidcons().on(kafka, topic).args(["--headless", "--every-frame", "-e", "--output", "-"]).args(more)
}

#[test]
fn every_frame_of_a_clip_is_shown_with_the_viewer_first() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let topic = kafka.topic("viewer-first");
    // The viewer waits for a topic that does not exist. It must not create it, because vidprod does, with settings for
    // video.
    let viewer = viewer(kafka, &topic, &[]).start_before_topic();
    assert!(!kafka.topics().contains(&topic));
    let producer = Program::vidprod().arg(clip_720p25()).args(["--quality", "90"]).on(kafka, &topic).run().ok();
    assert_every_frame(&viewer.wait().ok(), &producer.report());
}

#[test]
fn every_frame_of_a_clip_is_shown_with_the_producer_first() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let topic = kafka.topic("producer-first");
    let args = ["--quality", "90", "--speed", "max"];
    let producer = Program::vidprod().arg(clip_720p25()).args(args).on(kafka, &topic).run().ok();
    assert_every_frame(&viewer(kafka, &topic, &["-o", "beginning"]).run().ok(), &producer.report());
}

#[test]
fn a_live_viewer_that_comes_first_sees_the_clip_and_ends_with_it() {
    let kafka = kafka();
    let topic = kafka.topic("live");
    let viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "-e"]).start_before_topic();
    let clip = testkit::root().join("samples/clip.mp4");
    let producer = Program::vidprod().arg(clip).on(kafka, &topic).run().ok().report();
    let viewer = viewer.wait().ok();
    assert_eq!(producer.number("frames.captured"), 150);
    let report = viewer.report();
    assert_eq!(report.number("frames.expected"), 150);
    // On a busy machine live frames may be superseded, but must not be lost in any other way.
    assert_eq!(report.number("frames.shown") + report.number("frames.lost.superseded"), 150, "{}", viewer.story());
    report.assert_stages_tile();
}

#[test]
fn the_report_holds_what_scripts_rely_on() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, clips) = (kafka.topic("contract"), folder());
    let clip = testkit::media::small_clip(clips.path(), 20);
    let producer = Program::vidprod().arg(clip).args(["--speed", "max", "--source", "s"]).on(kafka, &topic).run().ok();
    let viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--every-frame", "-o", "beginning", "-e"]);
    let viewer = viewer.run().ok();
    for (report, program) in [(producer.report(), "vidprod"), (viewer.report(), "vidcons")] {
        assert_eq!(report.0["program"], program);
        assert!(report.0["version"].is_string() && report.0["settings"].is_object() && report.0["machine"].is_object());
        assert!(report.number("schema") >= 1 && report.number("bytes") > 0);
        for count in ["duplicates", "foreign", "rejected"] {
            assert_eq!(report.number(&format!("counts.{count}")), 0);
        }
        for figure in ["count", "min", "p50", "p90", "p99", "p999", "max"] {
            report.number(&format!("latency_us.total.{figure}"));
        }
        assert!(report.0["latency_us"]["total"]["mean"].is_number());
        report.source("s").number("frames.lost.superseded");
    }
    for stage in ["capture", "encode", "publish", "broker", "reassemble", "decode"] {
        assert_eq!(viewer.report().number(&format!("latency_us.stages.{stage}.count")), 20);
    }
}

#[test]
fn a_frame_can_be_kept_as_a_snapshot() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, out) = (kafka.topic("snapshot"), folder());
    let args = ["--quality", "90", "--speed", "max", "--duration", "1"];
    Program::vidprod().arg(clip_720p25()).args(args).on(kafka, &topic).run().ok();
    let png = out.path().join("frame.png");
    let viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--every-frame", "-o", "beginning", "-e"]);
    viewer.arg("--snapshot").arg(&png).args(["--at", "10"]).run().ok();
    // The tenth frame that is shown.
    let bytes = std::fs::read(&png).unwrap();
    assert!(bytes.starts_with(b"\x89PNG"), "a snapshot is a PNG");
    let psnr = luma_psnr(&decode(&bytes), &frame_of(clip_720p25(), 9));
    assert!(psnr >= 35.0, "{psnr:.1} dB");
}

#[test]
fn a_test_card_ends_after_its_duration() {
    let kafka = kafka();
    let topic = kafka.topic("duration");
    let card = ["test", "--size", "320x180", "--fps", "20", "--duration", "2"];
    let captured = Program::vidprod().args(card).on(kafka, &topic).run().ok().report().number("frames.captured");
    // On a busy machine the card skips frames, but does not run longer.
    assert!((1..=41).contains(&captured), "two seconds at 20 frames a second: {captured}");
    let last = kafka.records(&topic).pop().and_then(|record| record.header("number")?.parse::<u64>().ok());
    assert!(last.is_some_and(|number| number <= 40), "the last frame: {last:?}");
}
