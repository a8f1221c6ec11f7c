//! The broker, the producer or the viewer is killed in mid-stream: the others continue, and the counts balance.

use std::time::Duration;

use testkit::kafka::{only, own_kafka};
use testkit::media::{clip_720p25, folder};
use testkit::{BrokerKind, Program, Signal, kafka, need};

const OUTAGE: Duration = Duration::from_secs(5);

#[test]
fn a_file_loses_no_frame_when_the_broker_is_killed_and_comes_back() {
    only(BrokerKind::Real, "acknowledged frames outlive the broker only there");
    need(&["ffmpeg"]);
    let kafka = own_kafka();
    let topic = kafka.topic("outage");
    let mut viewer = Program::vidcons()
        .on(&kafka, &topic)
        .args(["--headless", "--every-frame", "-e", "--print"])
        .start_before_topic();
    let producer = Program::vidprod().arg(clip_720p25()).on(&kafka, &topic).start();
    viewer.until_stdout("the first frames", |out| out.lines().count() >= 50);
    kafka.kill();
    std::thread::sleep(OUTAGE);
    kafka.restart();
    let producer = producer.wait().ok();
    let viewer = viewer.wait().ok();
    assert_eq!(producer.report().number("frames.acknowledged"), 250, "{}", producer.story());
    let seen = viewer.report();
    assert_eq!(seen.number("frames.expected"), 250, "{}", viewer.story());
    assert_eq!(seen.number("frames.shown"), 250, "{}", viewer.story());
}

#[test]
fn a_live_stream_goes_on_when_the_broker_is_killed_and_comes_back() {
    let kafka = own_kafka();
    let topic = kafka.topic("live-outage");
    let mut viewer = Program::vidcons().on(&kafka, &topic).args(["--headless", "-e", "--print"]).start();
    let mut producer = Program::vidprod().args(["test", "--size", "640x360", "--fps", "25"]).on(&kafka, &topic).start();
    viewer.until_stdout("the first frames", |out| out.lines().count() >= 50);
    let memory = (producer.peak_mb(), viewer.peak_mb());
    kafka.kill();
    std::thread::sleep(OUTAGE);
    assert!(producer.is_running() && viewer.is_running(), "neither gives up\n{}{}", producer.stderr(), viewer.stderr());
    kafka.restart();
    let before = viewer.stdout().lines().count();
    viewer.until_stdout("frames after the outage", |out| out.lines().count() >= before + 50);
    let grown = (producer.peak_mb() - memory.0, viewer.peak_mb() - memory.1);
    assert!(grown.0 < 100 && grown.1 < 100, "neither hoards: grown by {grown:?} MB");
    let producer = producer.interrupt().ok().report();
    let viewer = viewer.wait().ok().report();
    assert!(producer.lost() > 0, "five seconds of a live stream are gone, and counted: {:#}", producer.0);
    // The number of superseded frames depends on the machine.
    assert!(viewer.number("frames.shown") >= 25, "{:#}", viewer.0["frames"]);
}

#[test]
fn a_live_stream_whose_broker_is_gone_at_its_end_fails() {
    let kafka = own_kafka();
    let topic = kafka.topic("gone-at-the-end");
    let mut viewer = Program::vidcons().on(&kafka, &topic).args(["--headless", "--print"]).start();
    let card = ["test", "--size", "320x180", "--duration", "8", "--timeout", "1"];
    let producer = Program::vidprod().args(card).on(&kafka, &topic).start();
    viewer.until_stdout("the first frames", |out| out.lines().count() >= 10);
    kafka.kill();
    producer.wait().assert_fails(1, "was acknowledged: ");
    viewer.interrupt();
}

#[test]
fn a_live_stream_of_which_every_frame_is_refused_fails() {
    let kafka = kafka();
    let topic = kafka.topic("refused");
    // No picture fits into such a message, although the limit given to vidprod says so.
    kafka.create_topic(&topic, 1, &[("max.message.bytes", "1000")]);
    let card = ["test", "--size", "320x180", "--duration", "1", "--max-message-bytes", "500000"];
    let producer = Program::vidprod().args(card).on(kafka, &topic).run();
    producer.assert_fails(1, "none of 30 frames was acknowledged: message too large");
}

#[test]
fn the_viewer_goes_on_with_a_producer_that_was_killed_and_started_again() {
    let kafka = kafka();
    let topic = kafka.topic("producer-killed");
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--print"]).start();
    let test = || Program::vidprod().args(["test", "--size", "320x180", "--source", "cam"]).on(kafka, &topic).start();
    let producer = test();
    viewer.until_stdout("the first frames", |out| out.lines().count() >= 30);
    producer.signal(Signal::KILL);
    producer.wait();
    let before = viewer.stdout().lines().count();
    let producer = test();
    viewer.until_stdout("frames of the second session", |out| {
        let later: Vec<_> = out.lines().skip(before + 5).collect();
        later.len() >= 30
            && later.iter().any(|line| line.trim_start_matches("cam: ").parse::<u32>().is_ok_and(|n| n < 20))
    });
    producer.interrupt().ok().report();
    let viewer = viewer.interrupt().ok().report();
    // The number of superseded frames depends on the machine.
    assert!(viewer.number("frames.shown") + viewer.number("frames.lost.superseded") >= 60, "{:#}", viewer.0["frames"]);
}

#[test]
fn the_producer_does_not_mind_a_viewer_that_is_killed() {
    need(&["ffmpeg"]);
    let kafka = kafka();
    let (topic, clips) = (kafka.topic("viewer-killed"), folder());
    let clip = testkit::media::small_clip(clips.path(), 75);
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--print"]).start();
    let producer = Program::vidprod().arg(&clip).on(kafka, &topic).start();
    viewer.until_stdout("the first frames", |out| out.lines().count() >= 10);
    viewer.signal(Signal::KILL);
    assert_eq!(producer.wait().ok().report().number("frames.acknowledged"), 75);
    viewer.wait();
    let again =
        Program::vidcons().on(kafka, &topic).args(["--headless", "--every-frame", "-o", "beginning", "-e"]).run().ok();
    assert_eq!(again.report().number("frames.shown"), 75);
}
