//! Tests of `--explain`: each produces a cause, which the program must name.

mod producer;
mod screen;
mod viewer;

use std::time::Duration;

use testkit::kafka::own_kafka_behind;
use testkit::program::FinishedProgram;
use testkit::{BrokerKind, KafkaServer, Network, Program, kafka};

use crate::clients::java::tool;

const CARD: [&str; 5] = ["test", "--fps", "20", "--duration", "5"];
const SMALL: [&str; 2] = ["--size", "320x180"];

/// Checks that the program names `cause` at `stage`, in the report and in its text.
#[track_caller]
fn assert_names(program: &FinishedProgram, stage: &str, cause: &str) {
    let report = program.report();
    let findings = report.0["explain"]["findings"].as_array().expect("the report has findings");
    let named = |f: &&serde_json::Value| f["stage"] == stage && f["cause"].as_str().is_some_and(|c| c.contains(cause));
    let finding = findings.iter().find(named);
    let finding = finding.unwrap_or_else(|| panic!("no {cause} in {:#}\n{}", report.0["explain"], program.story()));
    assert!(finding["share_us"].as_u64() <= finding["of_us"].as_u64(), "{finding:#}");
    assert!(program.stderr.contains("  why p99  "), "{}", program.story());
}

/// The advice for that cause.
#[track_caller]
fn advice_on(program: &FinishedProgram, cause: &str) -> String {
    let explain = &program.report().0["explain"];
    let findings = explain["findings"].as_array().expect("the report has findings");
    let finding = findings.iter().find(|f| f["cause"].as_str().is_some_and(|c| c.contains(cause)));
    finding.unwrap_or_else(|| panic!("no {cause} in {explain:#}"))["advice"].as_str().expect("it has advice").to_owned()
}

/// Causes that a machine which stops for a while adds to any run.
const STOPPED: [&str; 3] = ["slower now and then", "the source stalls", "the time was spent before publishing"];

/// Checks that the cause is named before all others, except those due to the machine.
#[track_caller]
fn assert_blames(program: &FinishedProgram, stage: &str, cause: &str) {
    assert_names(program, stage, cause);
    let explain = &program.report().0["explain"];
    let findings = explain["findings"].as_array().expect("the report has findings");
    let mut causes = findings.iter().map(|f| f["cause"].as_str().expect("it has a cause"));
    let first = causes.find(|named| named.contains(cause) || !STOPPED.iter().any(|stopped| named.contains(stopped)));
    assert!(first.is_some_and(|first| first.contains(cause)), "{explain:#}");
}

/// Sets a quota in bytes a second for a client id, with Kafka's own tool.
fn set_quota(kafka: &KafkaServer, client: &str, quota: &str) {
    let whose = ["--alter", "--entity-type", "clients", "--entity-name", client];
    tool(kafka, "kafka.admin.ConfigCommand", &whose).args(["--add-config", quota]).run().ok();
}

/// Plays a test card to a headless viewer, with options for each program.
fn play(kafka: &KafkaServer, topic: &str, producer: &[&str], viewer: &[&str]) -> (FinishedProgram, FinishedProgram) {
    let watching = Program::vidcons().on(kafka, topic).args(["--headless", "-e", "--explain"]).args(viewer);
    let watching = watching.start_before_topic();
    let played = Program::vidprod().args(CARD).arg("--explain").args(producer).on(kafka, topic).run().ok();
    (played, watching.wait().ok())
}

#[test]
fn a_cause_that_was_not_produced_is_not_named() {
    let kafka = kafka();
    let (producer, viewer) = play(kafka, &kafka.topic("explain"), &SMALL, &[]);
    for program in [producer, viewer] {
        let explain = program.report().0["explain"].to_string();
        for cause in ["was set", "far away", "connection was lost", "throttles", "wall clocks"] {
            assert!(!explain.contains(cause), "{explain}");
        }
        // The clients report their figures once a second.
        assert!(program.report().number("explain.client.tellings") >= 2, "{explain}");
    }
}

#[test]
fn a_linger_is_named_by_vidprod_and_vidcons_refers_to_it() {
    let kafka = kafka();
    // The linger is shorter than the frame interval. If two frames come at once, the older is dropped, and the newer
    // did not wait.
    let (producer, viewer) =
        play(kafka, &kafka.topic("explain-linger"), &["--size", "320x180", "-X", "linger.ms=40"], &[]);
    assert_names(&producer, "acknowledge", "linger.ms=40 was set");
    assert_names(&viewer, "broker", "nothing on the viewer's side");
}

#[test]
fn a_broker_far_away_is_named_by_both() {
    let far = Network { delay: Duration::from_millis(30), ..Network::default() };
    let (kafka, _proxy) = own_kafka_behind(far);
    let (producer, viewer) = play(&kafka, "explain-far", &SMALL, &[]);
    assert_names(&producer, "acknowledge", "far away");
    assert_names(&viewer, "broker", "far away");
}

#[test]
fn connections_that_break_are_named_by_both() {
    let (kafka, proxy) = own_kafka_behind(Network::default());
    let topic = "explain-broken";
    let args = ["--headless", "-e", "--explain", "--every-frame"];
    let viewer = Program::vidcons().on(&kafka, topic).args(args).start_before_topic();
    let mut producer =
        Program::vidprod().args(CARD).args(SMALL).args(["--explain", "--every-frame"]).on(&kafka, topic).start();
    for n in 1..=3 {
        producer.until_stderr(&format!("\n{n}."));
        proxy.cut(Duration::from_millis(300));
    }
    for (program, stage) in [(producer.wait().ok(), "acknowledge"), (viewer.wait().ok(), "broker")] {
        assert_names(&program, stage, "the connection was lost");
        let advice = advice_on(&program, "the connection was lost");
        let is_embedded = BrokerKind::of_this_run() == BrokerKind::Embedded;
        assert_eq!(advice.contains("embedded broker"), is_embedded, "{advice}");
        assert!(!advice.contains("network"), "everything is on this machine: {advice}");
    }
}
