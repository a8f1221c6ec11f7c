//! `--explain`: each cause is made here, and must be what the program names.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use common::clock::{Clock, SystemClock};
use whole::kafka::own_kafka_behind;
use whole::program::Finished;
use whole::{KafkaServer, Program, kafka};

const CARD: [&str; 5] = ["test", "--fps", "20", "--duration", "5"];
const SMALL: [&str; 2] = ["--size", "320x180"];

/// It names `cause` at `stage`, in the report and in words.
#[track_caller]
fn assert_names(program: &Finished, stage: &str, cause: &str) {
    let report = program.report();
    let findings = report.0["explain"]["findings"].as_array().expect("the report has findings");
    let named = |f: &&serde_json::Value| f["stage"] == stage && f["cause"].as_str().is_some_and(|c| c.contains(cause));
    let finding = findings.iter().find(named);
    let finding = finding.unwrap_or_else(|| panic!("no {cause} in {:#}\n{}", report.0["explain"], program.story()));
    assert!(finding["share_us"].as_u64() <= finding["of_us"].as_u64(), "{finding:#}");
    assert!(program.stderr.contains("  why p99  "), "{}", program.story());
}

/// Plays a test card to a headless viewer, each with these options.
fn play(kafka: &KafkaServer, topic: &str, producer: &[&str], viewer: &[&str]) -> (Finished, Finished) {
    let watching = Program::vidcons().on(kafka, topic).args(["--headless", "-e", "--explain"]).args(viewer).start();
    let played = Program::vidprod().args(CARD).arg("--explain").args(producer).on(kafka, topic).run().ok();
    (played, watching.wait().ok())
}

#[test]
fn nothing_that_was_not_done_is_named() {
    let Some(kafka) = kafka() else { return };
    let (producer, viewer) = play(kafka, &kafka.topic("explain"), &SMALL, &[]);
    for program in [producer, viewer] {
        let explain = program.report().0["explain"].to_string();
        for cause in ["was set", "far away", "connection was lost", "throttles", "wall clocks"] {
            assert!(!explain.contains(cause), "{explain}");
        }
        // The clients tell their figures once a second.
        assert!(program.report().number("explain.client.tellings") >= 2, "{explain}");
    }
}

#[test]
fn a_linger_is_named_by_vidprod_and_sent_on_by_vidcons() {
    let Some(kafka) = kafka() else { return };
    let (producer, viewer) =
        play(kafka, &kafka.topic("explain-linger"), &["--size", "320x180", "-X", "linger.ms=50"], &[]);
    assert_names(&producer, "acknowledge", "linger.ms=50 was set");
    assert_names(&viewer, "broker", "nothing on the viewer's side");
}

#[test]
fn a_broker_far_away_is_named_by_both() {
    let Some((kafka, _proxy)) = own_kafka_behind(Duration::from_millis(30)) else { return };
    let (producer, viewer) = play(&kafka, "explain-far", &SMALL, &[]);
    assert_names(&producer, "acknowledge", "far away");
    assert_names(&viewer, "broker", "far away");
}

#[test]
fn connections_that_break_are_named_by_both() {
    let Some((kafka, proxy)) = own_kafka_behind(Duration::ZERO) else { return };
    let topic = "explain-broken";
    let args = ["--headless", "-e", "--explain", "--every-frame"];
    let viewer = Program::vidcons().on(&kafka, topic).args(args).start();
    let mut producer =
        Program::vidprod().args(CARD).args(SMALL).args(["--explain", "--every-frame"]).on(&kafka, topic).start();
    for n in 1..=3 {
        producer.until_stderr(&format!("\n{n}."));
        std::thread::sleep(Duration::from_millis(300));
        proxy.cut();
    }
    assert_names(&producer.wait().ok(), "acknowledge", "the connection was lost");
    assert_names(&viewer.wait().ok(), "broker", "the connection was lost");
}

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
fn a_pipe_that_stalls_is_named() {
    let Some(kafka) = kafka() else { return };
    let topic = kafka.topic("explain-pipe");
    let producer = Program::vidprod().args(["-", "--explain"]).on(kafka, &topic).stdin(Stdio::piped());
    let mut producer = producer.start();
    let mut pipe = producer.input();
    let frame = [b"FRAME\n".as_slice(), &[90; 320 * 180 * 3 / 2]].concat();
    let (begin, rest) = frame.split_at(frame.len() / 2);
    pipe.write_all(b"YUV4MPEG2 W320 H180 F20:1 Ip C420jpeg\n").unwrap();
    for _ in 0..30 {
        pipe.write_all(begin).unwrap();
        pipe.flush().unwrap();
        std::thread::sleep(Duration::from_millis(60));
        pipe.write_all(rest).unwrap();
    }
    drop(pipe);
    assert_names(&producer.wait().ok(), "capture", "the source stalls");
}

#[test]
fn an_encoder_that_cannot_keep_up_is_named() {
    let Some(kafka) = kafka() else { return };
    let card = ["test", "--size", "3840x2160", "--fps", "200", "--duration", "5", "--explain", "--threads", "1"];
    let producer = Program::vidprod().args(card).on(kafka, &kafka.topic("explain-encoder")).run().ok();
    assert_names(&producer, "encode", "takes as long as the frames are apart");
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
