//! Causes that vidcons names: what came before it, the way through the broker, and its decoder.

use std::time::Duration;

use common::clock::{Clock, SystemClock};
use whole::{Program, kafka};

use super::{SMALL, assert_names, play};

#[test]
fn a_fetch_that_waits_for_more_is_named() {
    let Some(kafka) = kafka() else { return };
    let (_, viewer) = play(kafka, &kafka.topic("explain-fetch"), &SMALL, &["-X", "fetch.min.bytes=1000000"]);
    assert_names(&viewer, "broker", "fetch.min.bytes=1000000 was set");
}

#[test]
fn a_client_that_stops_fetching_is_named() {
    let Some(kafka) = kafka() else { return };
    let set = ["-X", "fetch.queue.backoff.ms=300", "-X", "queued.max.messages.kbytes=1"];
    let (_, viewer) = play(kafka, &kafka.topic("explain-backoff"), &SMALL, &set);
    assert_names(&viewer, "broker", "fetch.queue.backoff.ms=300 was set with queued.max.messages.kbytes=1");
}

#[test]
fn fetches_smaller_than_a_frame_are_named() {
    let Some(kafka) = kafka() else { return };
    // A frame of many parts, and no two of them in one batch: each is fetched by itself.
    let parts = ["--size", "1280x720", "--max-message-bytes", "3000", "-X", "batch.num.messages=1"];
    let set = ["-X", "max.partition.fetch.bytes=1000"];
    let (_, viewer) = play(kafka, &kafka.topic("explain-small"), &parts, &set);
    assert_names(&viewer, "broker", "max.partition.fetch.bytes=1000 was set");
}

#[test]
fn a_decoder_that_cannot_keep_up_is_named() {
    let Some(kafka) = kafka() else { return };
    let (large, topic) = (kafka.topic("explain-large"), kafka.topic("explain-decoder"));
    for topic in [&large, &topic] {
        kafka.create_topic(topic, 1, &[("max.message.bytes", "10000000")]);
    }
    let card = ["test", "--size", "3840x2160", "--fps", "5", "--duration", "0.3", "--threads", "1"];
    Program::vidprod().args(card).on(kafka, &large).run().ok();
    let large = kafka.records(&large).swap_remove(0);
    let args = ["--headless", "--explain", "--idle-timeout", "5", "--threads", "1"];
    let viewer = Program::vidcons().on(kafka, &topic).args(args).start();
    // No encoder is that quick: the same large picture as if it were another each time.
    let frames = (0..200).map(|n| {
        std::thread::sleep(Duration::from_millis(10));
        let mut record = large.clone();
        for (name, value) in &mut record.headers {
            match name.as_str() {
                "frame" | "number" => *value = n.to_string().into(),
                "due" | "captured" | "encoded" | "published" => *value = SystemClock.now().to_string().into(),
                _ => {}
            }
        }
        record
    });
    kafka.publish(&topic, frames);
    assert_names(&viewer.wait().ok(), "decode", "takes as long as the frames are apart");
}
