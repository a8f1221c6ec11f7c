//! Lowers a topic's message limit while a stream runs.

use testkit::media::clip_720p25;
use testkit::{Program, kafka, need};

const LOWERED: usize = 20_000;

#[test]
fn a_file_loses_no_frame_to_a_limit_that_is_lowered_in_mid_stream() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let topic = kafka.topic("lowered");
    kafka.create_topic(&topic, 1, &[]);
    let mut producer = Program::vidprod().arg(clip_720p25()).on(kafka, &topic).start();
    producer.until_stderr("\n2.");
    kafka.set_topic_config(&topic, "max.message.bytes", &LOWERED.to_string());
    producer.until_stderr("messages of at most 20000 bytes now");
    let producer = producer.wait().ok();
    let report = producer.report();
    assert_eq!(report.number("frames.acknowledged"), 250, "{}", producer.story());
    assert!(report.number("counts.records") > 300, "frames are split: {:#}", report.0["counts"]);
    let args = ["--headless", "--every-frame", "-o", "beginning", "-e"];
    let viewer = Program::vidcons().on(kafka, &topic).args(args).run().ok();
    assert_eq!(viewer.report().number("frames.expected"), 250, "{}", viewer.story());
    assert_eq!(viewer.report().number("frames.lost.lost") + viewer.report().number("frames.lost.torn"), 0);
}

#[test]
fn a_live_source_goes_on_below_a_limit_that_is_lowered_in_mid_stream() {
    let kafka = kafka();
    for fit in ["split", "shrink"] {
        let topic = kafka.topic("lowered-live");
        kafka.create_topic(&topic, 1, &[]);
        let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--print", "-e"]).start();
        let mut producer = Program::vidprod().args(["test", "--fit", fit]).on(kafka, &topic).start();
        viewer.until_stdout("frames below the old limit", |out| out.lines().count() >= 30);
        kafka.set_topic_config(&topic, "max.message.bytes", &LOWERED.to_string());
        producer.until_stderr("messages of at most 20000 bytes now");
        let before = viewer.stdout().lines().count();
        viewer.until_stdout("frames below the new limit", |out| out.lines().count() >= before + 60);
        let report = producer.interrupt().ok().report();
        assert!(report.number("frames.lost.refused") > 0, "{:#}", report.0["frames"]);
        assert!(report.number("frames.acknowledged") >= 90, "{:#}", report.0["frames"]);
        viewer.wait().ok().report();
    }
}
