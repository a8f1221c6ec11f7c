//! The viewer's status lines and its report agree with the picture on the screen.

use std::time::Duration;

use common::time::{Clock, SystemClock};
use testkit::kafka::{RawRecord, own_kafka, own_kafka_behind};
use testkit::media::folder;
use testkit::program::{FinishedProgram, RunningProgram};
use testkit::{KafkaServer, Network, Program, Signal, kafka, need};

fn card(kafka: &KafkaServer, topic: &str, source: &str, more: &[&str]) -> RunningProgram {
    let args = ["test", "--size", "320x180", "--source", source];
    Program::vidprod().args(args).args(more).on(kafka, topic).start()
}

#[test]
fn frames_that_were_printed_and_not_shown_are_accounted_for() {
    let kafka = kafka();
    let topic = kafka.topic("printed");
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--print"]).start();
    let (a, b) = (card(kafka, &topic, "A", &["--fps", "20"]), card(kafka, &topic, "B", &["--fps", "20"]));
    viewer.until_stdout("frames of both", |out| {
        ["A: ", "B: "].iter().all(|source| out.lines().filter(|line| line.starts_with(source)).count() >= 10)
    });
    a.interrupt().ok();
    b.interrupt().ok();
    let viewer = viewer.interrupt().ok();
    let (report, lines) = (viewer.report(), viewer.lines());
    assert_eq!(report.number("counts.printed"), lines.len() as u64, "{}", viewer.story());
    for source in ["A", "B"] {
        let printed = lines.iter().filter(|line| line.starts_with(source)).count() as u64;
        assert_eq!(report.source(source).number("counts.printed"), printed);
    }
    assert!(report.number("frames.shown") < lines.len() as u64, "only one source is shown\n{}", viewer.story());
    assert!(
        viewer.stderr.contains(&format!("printed {}: --print prints frames that are not shown", lines.len())),
        "{}",
        viewer.story()
    );
}

/// Shows frames of another host, whose clock is ahead by this much; returns the viewer's result and its HTML report.
fn seen_from_another_host(kafka: &KafkaServer, name: &str, ahead: Duration) -> (FinishedProgram, String) {
    let (recorded, topic, out) = (kafka.topic(&format!("{name}-recorded")), kafka.topic(name), folder());
    let args = ["test", "--size", "320x180", "--fps", "25", "--duration", "2", "--every-frame", "--source", "cam"];
    Program::vidprod().args(args).on(kafka, &recorded).run().ok();
    kafka.create_topic(&topic, 1, &[]);
    let page = out.path().join("report.html");
    let args = ["--headless", "--every-frame", "--print", "-e", "--explain", "--report"];
    let mut viewer = Program::vidcons().on(kafka, &topic).args(args).arg(&page).start();
    let mut records = kafka.records(&recorded);
    let first = records.remove(0);
    kafka.publish(&topic, [sent_now(first, ahead)]);
    viewer.until_stdout("the first frame", |out| out.lines().count() == 1);
    // At the pace of the frames.
    kafka.publish(
        &topic,
        records.into_iter().map(|record| {
            std::thread::sleep(Duration::from_millis(40));
            sent_now(record, ahead)
        }),
    );
    let viewer = viewer.wait().ok();
    let page = std::fs::read_to_string(page).expect("it was written");
    (viewer, page)
}

/// The record as it would be sent now by a host whose wall clock is ahead by this much.
fn sent_now(mut record: RawRecord, ahead: Duration) -> RawRecord {
    let published: i64 = record.header("published").expect("a frame of ours").parse().expect("a number");
    let wall_us = SystemClock.wall_us() as i64 + ahead.as_micros() as i64;
    record.set("boot", "another-host");
    record.set("wall", wall_us - published);
    record
}

fn check_that_the_clocks_disagree(name: &str, ahead: Duration) {
    let kafka = kafka();
    let (viewer, page) = seen_from_another_host(kafka, name, ahead);
    let report = viewer.report();
    assert_eq!(report.number("frames.shown"), 50, "{}", viewer.story());
    assert_eq!(report.number("latency_us.total.count"), 0, "no figure of the slow frames\n{}", viewer.story());
    let by = report.number("latency_us.clocks_disagree_us");
    assert!(by > 0 && by <= ahead.as_micros() as u64, "{by}");
    assert_eq!(report.source("cam").number("latency_us.clocks_disagree_us"), by);
    for report in [&viewer.stderr, &page] {
        assert!(report.contains("unknown: the clocks disagree by at least "), "{report}");
        assert!(!report.contains("p99.9"), "{report}");
    }
    assert!(!page.contains("<svg"), "no chart of the slow frames");
    assert_eq!(report.0["explain"]["findings"].as_array().map(Vec::len), Some(0), "{:#}", report.0["explain"]);
    // The status line shows the rate nevertheless.
    assert!(!viewer.stderr.contains("no frames"), "{}", viewer.story());
    let status = |line: &&str| line.starts_with("cam  ") && line.contains(" fps  latency unknown: ");
    assert!(viewer.stderr.lines().any(|line| status(&line)), "{}", viewer.story());
}

#[test]
fn no_latency_is_stated_where_the_producers_clock_is_seconds_ahead() {
    check_that_the_clocks_disagree("ahead", Duration::from_millis(3700));
}

#[test]
fn no_latency_is_stated_where_the_producers_clock_is_slightly_ahead() {
    check_that_the_clocks_disagree("slightly-ahead", Duration::from_millis(20));
}

#[test]
fn a_missing_source_is_reported_with_the_sources_that_exist() {
    let kafka = kafka();
    let topic = kafka.topic("missing-source");
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless", "--source", "loby"]).start();
    let lobby = card(kafka, &topic, "lobby", &["--fps", "10"]);
    viewer.until_stderr(&format!("no source \"loby\" yet; in topic {topic}: lobby (did you mean lobby?)"));
    let door = card(kafka, &topic, "door", &["--fps", "10"]);
    viewer.until_stderr(&format!("no source \"loby\" yet; in topic {topic}: door, lobby (did you mean lobby?)"));
    let loby = card(kafka, &topic, "loby", &["--fps", "10"]);
    viewer.until_stderr("loby  10.");
    for producer in [lobby, door, loby] {
        producer.interrupt().ok();
    }
    let viewer = viewer.interrupt().ok();
    let reported = viewer.stderr.lines().filter(|line| line.starts_with("no source")).count();
    assert_eq!(reported, 2, "once, and once more with the other\n{}", viewer.story());
}

#[test]
fn a_source_that_history_does_not_hold_is_an_error() {
    let kafka = kafka();
    let topic = kafka.topic("missing-in-history");
    for source in ["lobby", "door"] {
        let card = ["test", "--size", "320x180", "--fps", "20", "--duration", "0.5", "--source", source];
        Program::vidprod().args(card).on(kafka, &topic).run().ok();
    }
    let history = |source: &str| {
        let args = ["--headless", "-o", "beginning", "-e", "--source", source];
        Program::vidcons().on(kafka, &topic).args(args).run()
    };
    let missing = history("nope");
    missing.assert_fails(1, &format!("no source \"nope\"; in topic {topic}: door, lobby"));
    assert_eq!(missing.report().number("frames.shown"), 0);
    history("door").ok();
    // Another member of the group may have read it.
    let args = ["--headless", "-g", &kafka.topic("missing-group"), "-o", "beginning", "-e", "--source", "nope"];
    Program::vidcons().on(kafka, &topic).args(args).run().ok();
}

#[test]
fn a_stream_that_stops_is_reported_and_so_is_its_return() {
    let kafka = kafka();
    let topic = kafka.topic("stops");
    let mut viewer = Program::vidcons().on(kafka, &topic).args(["--headless"]).start();
    let producer = card(kafka, &topic, "cam", &["--fps", "25"]);
    viewer.until_stderr("cam  25.");
    producer.signal(Signal::STOP);
    viewer.until_stderr("cam  no frames");
    producer.signal(Signal::CONT);
    viewer.until_stderr("cam: frames again after ");
    producer.interrupt().ok();
    viewer.until_stderr("cam  ended");
    viewer.interrupt().ok().report();
}

#[test]
fn both_programs_report_why_the_broker_is_silent_and_when_it_is_back() {
    let kafka = own_kafka();
    let topic = kafka.topic("silent");
    let mut viewer = Program::vidcons().on(&kafka, &topic).args(["--headless"]).start();
    let mut producer = card(&kafka, &topic, "cam", &["--fps", "25"]);
    viewer.until_stderr("cam  25.");
    kafka.kill();
    viewer.until_stderr("cam  no frames: connection refused");
    producer.until("why it is silent", |me| {
        let said = |line: &str| line.contains("the broker is silent for ") && line.contains(" s: connection refused");
        me.stderr().lines().any(said).then_some(())
    });
    kafka.restart();
    viewer.until_stderr("cam: frames again after ");
    producer.until_stderr("the broker acknowledges frames again after ");
    producer.interrupt().ok().report();
    viewer.interrupt().ok().report();
}

#[test]
fn a_connected_broker_that_does_not_answer_is_named() {
    let (kafka, proxy) = own_kafka_behind(Network::default());
    let topic = kafka.topic("mute");
    let mut viewer = Program::vidcons().on(&kafka, &topic).args(["--headless"]).start();
    let producer = card(&kafka, &topic, "cam", &["--fps", "25"]);
    viewer.until_stderr("cam  25.");
    proxy.halt(Duration::from_secs(9));
    assert!(viewer.stderr().contains("cam  no frames: the broker does not answer"), "{}", viewer.stderr());
    viewer.until_stderr("cam: frames again after ");
    producer.interrupt().ok().report();
    viewer.interrupt().ok().report();
}

#[test]
fn the_status_line_of_a_terminal_has_the_right_rate_of_a_slow_stream() {
    need(&["script"]);
    let kafka = kafka();
    let topic = kafka.topic("slow");
    let line = format!(
        "{} test --size 320x180 --fps 1 --duration 7 -b {} -t {topic}",
        testkit::target().join("vidprod").display(),
        kafka.bootstrap()
    );
    let seen = Program::at("script").args(["-qec", &line, "/dev/null"]).run().ok().text();
    let rates: Vec<&str> =
        seen.split("  ").filter(|word| word.ends_with(" fps")).skip_while(|word| *word == "0.0 fps").collect();
    assert!(rates.len() >= 8, "{seen}");
    // The rate is 1.0, or a little less on a busy machine.
    assert!(rates.iter().all(|rate| rate.starts_with("0.") || rate.starts_with("1.")), "{rates:?}");
    assert!(!rates.contains(&"0.0 fps"), "{rates:?}");
}
