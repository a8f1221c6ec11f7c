//! `--verify-pixels`: the pictures on the screen match their headers.

use testkit::kafka::RawRecord;
use testkit::{FinishedProgram, JsonReport, KafkaServer, Program, Xvfb, kafka, need};

const CARD: [&str; 5] = ["test", "--fps", "20", "--duration", "2"];

/// Plays a test card of this size to a viewer with these options.
fn viewed(kafka: &KafkaServer, topic: &str, screen: Option<&Xvfb>, size: &str, options: &[&str]) -> FinishedProgram {
    let viewer = Program::vidcons().on(kafka, topic).args(["--verify-pixels", "--every-frame", "-e"]).args(options);
    let viewer = match screen {
        Some(screen) => viewer.args(["--position", "0,0", "--borderless"]).env("DISPLAY", screen.display()),
        None => viewer.arg("--headless"),
    };
    let viewer = viewer.start_before_topic();
    Program::vidprod().args(CARD).args(["--size", size]).on(kafka, topic).run().ok();
    viewer.wait()
}

/// Plays a test card, checks that there is no mismatch, and returns the viewer's report.
fn verified(kafka: &KafkaServer, topic: &str, screen: Option<&Xvfb>, options: &[&str]) -> JsonReport {
    let viewer = viewed(kafka, topic, screen, "640x360", options).ok();
    let report = viewer.report();
    assert_eq!(report.number("pixels.checked"), report.number("frames.shown"), "{}", viewer.story());
    assert_eq!(report.number("pixels.disagreed"), 0, "{}", viewer.story());
    assert_eq!(report.number("pixels.largest_difference_us"), 0, "{}", viewer.story());
    assert!(viewer.stderr.contains("agreed with their headers"), "{}", viewer.story());
    report
}

#[track_caller]
fn assert_all_agreed(report: &JsonReport) {
    // 40 pictures, unless the machine was so busy that the card skipped some.
    assert!(report.number("pixels.checked") > 0, "{:#}", report.0["pixels"]);
    assert_eq!(report.number("pixels.agreed"), report.number("pixels.checked"), "{:#}", report.0["pixels"]);
}

#[test]
fn every_picture_of_a_test_card_agrees_headless() {
    let kafka = kafka();
    assert_all_agreed(&verified(kafka, &kafka.topic("pixels"), None, &[]));
}

#[test]
fn every_picture_agrees_in_a_window_of_its_size_and_of_another() {
    need(&["Xvfb"]);
    let kafka = kafka();
    let screen = Xvfb::start();
    // The overlay covers the upper part of the picture, but not the bar.
    assert_all_agreed(&verified(kafka, &kafka.topic("pixels-window"), Some(&screen), &[]));
    let scaled = ["--window-size", "800x600"];
    assert_all_agreed(&verified(kafka, &kafka.topic("pixels-scaled"), Some(&screen), &scaled));
}

#[test]
fn a_window_too_small_for_the_bar_fails() {
    need(&["Xvfb"]);
    let kafka = kafka();
    let options = ["--window-size", "128x72", "--no-overlay"];
    let viewer = viewed(kafka, &kafka.topic("pixels-small"), Some(&Xvfb::start()), "640x360", &options);
    viewer.assert_fails(
        1,
        "they were shown at 128x72, and the bar can be read from 160x88 on: give a larger --window-size",
    );
    let report = viewer.report();
    assert_eq!(report.number("pixels.unreadable"), report.number("pixels.checked"));
}

#[test]
fn pictures_too_small_for_a_bar_fail_without_advice_about_the_window() {
    let kafka = kafka();
    let viewer = viewed(kafka, &kafka.topic("pixels-tiny"), None, "128x72", &[]);
    viewer.assert_fails(1, "could not be read (--verify-pixels): they were shown at 128x72");
    assert!(!viewer.stderr.contains("--window-size"), "{}", viewer.story());
}

#[test]
fn a_run_in_which_no_picture_could_be_checked_fails() {
    let kafka = kafka();
    let (card, plain) = (kafka.topic("pixels-card"), kafka.topic("pixels-plain"));
    Program::vidprod().args(CARD).args(["--size", "320x180"]).on(kafka, &card).run().ok();
    kafka.create_topic(&plain, 1, &[]);
    // Without headers the records are plain JPEGs of another client.
    kafka.publish(&plain, kafka.records(&card).into_iter().map(|record| RawRecord { headers: Vec::new(), ..record }));
    let args = ["--verify-pixels", "--headless", "-o", "beginning", "-e"];
    Program::vidcons().on(kafka, &plain).args(args).run().assert_fails(1, "no picture was checked");
}

#[test]
fn a_picture_with_another_number_or_time_is_reported_and_fails() {
    let kafka = kafka();
    let clean = kafka.topic("pixels-clean");
    Program::vidprod().args(CARD).args(["--size", "320x180", "--every-frame"]).on(kafka, &clean).run().ok();
    for (header, value, said) in [("number", "4711", "the header 4711"), ("captured", "1", "captured")] {
        let topic = kafka.topic("pixels-forged");
        kafka.create_topic(&topic, 1, &[]);
        let mut records = kafka.records(&clean);
        for (name, was) in &mut records[5].headers {
            if name == header {
                *was = value.into();
            }
        }
        kafka.publish(&topic, records);
        let args = ["--verify-pixels", "--headless", "-o", "beginning", "-e"];
        let viewer = Program::vidcons().on(kafka, &topic).args(args).run();
        viewer.assert_fails(1, "1 of ");
        assert!(viewer.stderr.contains("frame 5: ") && viewer.stderr.contains(said), "{}", viewer.story());
        let report = viewer.report();
        assert_eq!(report.number("pixels.disagreed"), 1);
        assert_eq!(report.number("pixels.agreed"), report.number("pixels.checked") - 1);
    }
}
