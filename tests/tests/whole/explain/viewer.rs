//! Causes found by vidcons: the time before publishing, the path through the broker, and its decoder.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use common::time::{Clock, SystemClock};
use testkit::kafka::{RawRecord, only};
use testkit::{BrokerKind, FinishedProgram, KafkaServer, Program, kafka};

use super::{SMALL, assert_blames, assert_names, play, set_quota};

/// The record of a test card's frame of this size.
fn record(kafka: &KafkaServer, size: &str) -> RawRecord {
    let topic = kafka.topic("explain-record");
    kafka.create_topic(&topic, 1, &[("max.message.bytes", "10000000")]);
    let card = ["test", "--size", size, "--fps", "5", "--duration", "0.3"];
    Program::vidprod().args(card).on(kafka, &topic).run().ok();
    kafka.records(&topic).swap_remove(0)
}

/// The same picture as frame `n`, published now. No encoder is that quick.
fn renewed(record: &RawRecord, n: u64) -> RawRecord {
    let mut record = record.clone();
    for name in ["frame", "number"] {
        record.set(name, n);
    }
    for name in ["due", "captured", "encoded", "published"] {
        record.set(name, SystemClock.now());
    }
    record
}

/// Publishes 20 such records while a viewer runs, and returns its result.
fn watch(kafka: &KafkaServer, topic: &str, record: impl Fn(u64) -> RawRecord) -> FinishedProgram {
    let args = ["--headless", "--explain", "--every-frame", "-c", "20"];
    let viewer = Program::vidcons().on(kafka, topic).args(args).start_before_topic();
    kafka.create_topic(topic, 1, &[]);
    kafka.publish(topic, (0..20).map(record));
    viewer.wait().ok()
}

#[test]
fn a_fetch_that_waits_for_more_is_named() {
    let kafka = kafka();
    let (_, viewer) = play(kafka, &kafka.topic("explain-fetch"), &SMALL, &["-X", "fetch.min.bytes=1000000"]);
    assert_names(&viewer, "broker", "fetch.min.bytes=1000000 was set");
}

#[test]
fn a_client_that_stops_fetching_is_named() {
    let kafka = kafka();
    let set = ["-X", "fetch.queue.backoff.ms=300", "-X", "queued.max.messages.kbytes=1"];
    let (_, viewer) = play(kafka, &kafka.topic("explain-backoff"), &SMALL, &set);
    assert_names(&viewer, "broker", "fetch.queue.backoff.ms=300 was set with queued.max.messages.kbytes=1");
}

#[test]
fn fetches_smaller_than_a_frame_are_named() {
    let kafka = kafka();
    // A frame of many parts, of which no two are in one batch, so each is fetched separately.
    let parts = ["--size", "1280x720", "--max-message-bytes", "3000", "-X", "batch.num.messages=1"];
    let set = ["-X", "max.partition.fetch.bytes=1000"];
    let (_, viewer) = play(kafka, &kafka.topic("explain-small"), &parts, &set);
    assert_names(&viewer, "broker", "max.partition.fetch.bytes=1000 was set");
}

#[test]
fn a_decoder_that_cannot_keep_up_is_named() {
    let kafka = kafka();
    let (large, topic) = (record(kafka, "3840x2160"), kafka.topic("explain-decoder"));
    let args = ["--headless", "--explain", "--print", "--threads", "1"];
    let mut viewer = Program::vidcons().on(kafka, &topic).args(args).start_before_topic();
    kafka.create_topic(&topic, 1, &[("max.message.bytes", "10000000")]);
    // A quick machine decodes a picture of that size in 9 ms.
    let frames = (0..400).map(|n| {
        std::thread::sleep(Duration::from_millis(2));
        renewed(&large, n)
    });
    kafka.publish(&topic, frames);
    // The newest frame is always shown.
    viewer.until_stdout("the last frame", |out| out.lines().any(|line| line.ends_with(": 399")));
    assert_names(&viewer.interrupt().ok(), "decode", "takes as long as the frames are apart");
}

#[test]
fn an_encoder_that_cannot_keep_up_is_referred_to_the_producer() {
    let kafka = kafka();
    let topic = kafka.topic("explain-before");
    let viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "-e", "--explain"]).start_before_topic();
    // Every frame of a pipe waits for its turn, so it is later the more frames there were before it.
    let pipe = Program::vidprod().args(["-", "--fps", "2000", "--threads", "1"]).stdin(Stdio::piped());
    let mut producer = pipe.on(kafka, &topic).start();
    let frame = [b"FRAME\n".as_slice(), &[90; 1280 * 720 * 3 / 2]].concat();
    let mut pipe = producer.input();
    pipe.write_all(b"YUV4MPEG2 W1280 H720 F20:1 Ip C420jpeg\n").unwrap();
    (0..60).for_each(|_| pipe.write_all(&frame).unwrap());
    drop(pipe);
    producer.wait().ok();
    assert_blames(&viewer.wait().ok(), "capture", "the time was spent before publishing");
}

#[test]
fn wall_clocks_are_named() {
    let kafka = kafka();
    let small = record(kafka, "320x180");
    let wall_us: i64 = small.header("wall").expect("a frame of ours").parse().expect("a number");
    // Another host, whose clock is behind.
    let viewer = watch(kafka, &kafka.topic("explain-wall"), |n| {
        let mut record = renewed(&small, n);
        record.set("boot", "another-host");
        record.set("wall", wall_us - 300_000);
        record
    });
    assert_blames(&viewer, "broker", "two hosts' wall clocks");
}

#[test]
fn record_timestamps_are_named() {
    let kafka = kafka();
    let jpeg = record(kafka, "320x180").value;
    let viewer = watch(kafka, &kafka.topic("explain-timestamps"), |_| RawRecord {
        value: jpeg.clone(),
        timestamp_ms: (SystemClock.wall_us() / 1000) as i64 - 300,
        ..RawRecord::default()
    });
    assert_blames(&viewer, "broker", "record timestamps");
}

#[test]
fn a_quota_is_named() {
    only(BrokerKind::Real, "the embedded broker has no quotas");
    let kafka = kafka();
    // Kafka lets ten seconds' worth of data pass before it throttles.
    let client = "explain-viewer-with-a-quota";
    set_quota(kafka, client, "consumer_byte_rate=40000");
    let set = ["--every-frame", "-X", &format!("client.id={client}")];
    let (_, viewer) = play(kafka, &kafka.topic("explain-quota"), &SMALL, &set);
    assert_blames(&viewer, "broker", "the broker throttles this client");
}
