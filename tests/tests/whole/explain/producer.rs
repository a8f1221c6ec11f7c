//! Causes found by vidprod: its source, its encoder, and the path to the broker.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use testkit::kafka::{only, own_kafka_behind};
use testkit::{BrokerKind, Network, Program, kafka};

use super::{CARD, SMALL, advice_on, assert_blames, assert_names, set_quota};

const HEADER: &[u8] = b"YUV4MPEG2 W320 H180 F20:1 Ip C420jpeg\n";

fn frame() -> Vec<u8> {
    [b"FRAME\n".as_slice(), &[90; 320 * 180 * 3 / 2]].concat()
}

#[test]
fn a_pipe_that_stalls_is_named() {
    let kafka = kafka();
    let topic = kafka.topic("explain-pipe");
    let producer = Program::vidprod().args(["-", "--explain"]).on(kafka, &topic).stdin(Stdio::piped());
    let mut producer = producer.start();
    let mut pipe = producer.input();
    let frame = frame();
    let (begin, rest) = frame.split_at(frame.len() / 2);
    pipe.write_all(HEADER).unwrap();
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
    let kafka = kafka();
    let card = ["test", "--size", "3840x2160", "--fps", "200", "--duration", "5", "--explain", "--threads", "1"];
    let producer = Program::vidprod().args(card).on(kafka, &kafka.topic("explain-encoder")).run().ok();
    assert_names(&producer, "encode", "takes as long as the frames are apart");
}

#[test]
fn more_than_the_connection_takes_is_named() {
    let narrow = Network { bytes_a_second: Some(80_000), ..Network::default() };
    let (kafka, _proxy) = own_kafka_behind(narrow);
    // Live frames that wait for too long are dropped; a file's frames wait forever.
    for pace in ["--live", "--every-frame"] {
        let card = Program::vidprod().args(CARD).args(SMALL).args(["--explain", pace]);
        let producer = card.on(&kafka, &kafka.topic("explain-narrow")).run().ok();
        assert_blames(&producer, "acknowledge", "more is published than the connection takes");
    }
}

#[test]
fn a_connection_that_is_still_being_made_is_named() {
    let (kafka, proxy) = own_kafka_behind(Network::default());
    let producer = Program::vidprod().args(["-", "--explain"]).on(&kafka, "explain-start").stdin(Stdio::piped());
    let mut producer = producer.start();
    let mut pipe = producer.input();
    pipe.write_all(HEADER).unwrap();
    pipe.flush().unwrap();
    producer.until_stderr("→ topic explain-start");
    std::thread::scope(|scope| {
        scope.spawn(|| proxy.cut(Duration::from_millis(800)));
        for _ in 0..50 {
            std::thread::sleep(Duration::from_millis(50));
            pipe.write_all(&frame()).unwrap();
            pipe.flush().unwrap();
        }
    });
    drop(pipe);
    assert_names(&producer.wait().ok(), "acknowledge", "the connection was still being made");
}

#[test]
fn a_broker_that_is_slow_to_answer_now_and_then_is_named() {
    let (kafka, proxy) = own_kafka_behind(Network::default());
    // A freshly started broker delays its first producer, and so does a new topic.
    Program::vidprod().args(["test", "--duration", "0.2"]).on(&kafka, "explain-halting").run().ok();
    let card = Program::vidprod().args(CARD).args(SMALL).arg("--explain");
    let mut producer = card.on(&kafka, "explain-halting").start();
    producer.until_stderr("\n1.");
    for _ in 0..10 {
        proxy.halt(Duration::from_millis(150));
        std::thread::sleep(Duration::from_millis(150));
    }
    let producer = producer.wait().ok();
    assert_blames(&producer, "acknowledge", "the broker is slow to answer, now and then");
    let advice = advice_on(&producer, "the broker is slow to answer");
    assert_eq!(
        advice.contains("disk"),
        BrokerKind::of_this_run() == BrokerKind::Real,
        "an embedded broker has none: {advice}"
    );
    assert!(!advice.contains("replicas"), "there is but one node: {advice}");
}

#[test]
fn a_quota_is_named() {
    only(BrokerKind::Real, "the embedded broker has no quotas");
    let kafka = kafka();
    // Kafka lets ten seconds' worth of data pass before it throttles.
    let client = "explain-producer-with-a-quota";
    set_quota(kafka, client, "producer_byte_rate=40000");
    let card = Program::vidprod().args(CARD).args(SMALL).args(["--explain", "-X", &format!("client.id={client}")]);
    let producer = card.on(kafka, &kafka.topic("explain-quota")).run().ok();
    assert_blames(&producer, "acknowledge", "the broker throttles this client");
}
