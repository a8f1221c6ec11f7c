//! kcat, the tool with which people inspect a Kafka.

use std::process::Stdio;

use testkit::media::folder;
use testkit::{FinishedProgram, KafkaServer, Program, kafka, need};

fn ready() -> &'static KafkaServer {
    need(&["kcat"]);
    kafka()
}

fn kcat(kafka: &KafkaServer, args: &[&str]) -> Program {
    Program::at("kcat").args(["-b", &kafka.bootstrap(), "-X", "broker.address.family=v4"]).args(args)
}

/// Produces the lines of a text.
fn produce(kafka: &KafkaServer, topic: &str, text: &str, more: &[&str]) -> FinishedProgram {
    let files = folder();
    let file = std::fs::File::open(testkit::kafka::write(files.path(), "lines", text.as_bytes())).unwrap();
    kcat(kafka, &["-P", "-t", topic]).args(more).stdin(Stdio::from(file)).run()
}

fn consume(kafka: &KafkaServer, topic: &str, more: &[&str]) -> Vec<String> {
    kcat(kafka, &["-C", "-q", "-e", "-t", topic]).args(more).run().ok().lines()
}

fn numbers(range: std::ops::Range<u32>) -> String {
    range.map(|n| format!("{n}\n")).collect()
}

#[test]
fn lines_are_produced_and_consumed() {
    let kafka = ready();
    let topic = kafka.topic("kcat");
    kafka.create_topic(&topic, 1, &[]);
    produce(kafka, &topic, &numbers(0..100), &[]).ok();
    let expected: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    assert_eq!(consume(kafka, &topic, &["-o", "beginning"]), expected);
    assert_eq!(consume(kafka, &topic, &["-o", "40"]), expected[40..]);
    assert_eq!(consume(kafka, &topic, &["-o", "-7"]), expected[93..]);
    assert_eq!(consume(kafka, &topic, &["-o", "beginning", "-c", "3"]), expected[..3]);
    assert!(consume(kafka, &topic, &["-o", "end"]).is_empty());
}

#[test]
fn keys_headers_and_partitions_come_back() {
    let kafka = ready();
    let topic = kafka.topic("kcat");
    kafka.create_topic(&topic, 3, &[]);
    produce(kafka, &topic, "k1:one\nk2:two\n", &["-K", ":", "-p", "2", "-H", "from=kcat"]).ok();
    let lines = consume(kafka, &topic, &["-o", "beginning", "-f", "%p %o %k %s %h\\n"]);
    assert_eq!(lines, ["2 0 k1 one from=kcat", "2 1 k2 two from=kcat"]);
    assert!(consume(kafka, &topic, &["-o", "beginning", "-p", "0"]).is_empty());
}

#[test]
fn every_codec_and_kind_of_acknowledgement_delivers() {
    let kafka = ready();
    let topic = kafka.topic("kcat");
    kafka.create_topic(&topic, 1, &[]);
    let ways: [&[&str]; 8] = [
        &["-z", "gzip"],
        &["-z", "snappy"],
        &["-z", "lz4"],
        &["-z", "zstd"],
        &["-X", "acks=0"],
        &["-X", "acks=1"],
        &["-X", "acks=all"],
        &["-X", "enable.idempotence=true"],
    ];
    for (i, way) in (0..).zip(ways) {
        produce(kafka, &topic, &numbers(i * 50..(i + 1) * 50), way).ok();
    }
    let all = consume(kafka, &topic, &["-o", "beginning", "-X", "check.crcs=true"]);
    assert_eq!(all.join("\n") + "\n", numbers(0..400));
}

#[test]
fn brokers_topics_and_partitions_are_listed() {
    let kafka = ready();
    let topic = kafka.topic("kcat");
    kafka.create_topic(&topic, 2, &[]);
    let text = kcat(kafka, &["-L", "-t", &topic]).run().ok().text();
    assert!(text.contains(&format!("at {}", kafka.bootstrap())), "{text}");
    assert!(text.contains(&format!("topic \"{topic}\" with 2 partitions:")), "{text}");
    let text = kcat(kafka, &["-L", "-J"]).run().ok().text();
    let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(json["brokers"][0]["name"], kafka.bootstrap(), "{json:#}");
    let found = json["topics"].as_array().unwrap().iter().find(|t| t["topic"] == topic.as_str());
    let partitions = found.unwrap_or_else(|| panic!("no {topic} in {json:#}"))["partitions"].as_array().unwrap();
    assert_eq!(partitions.len(), 2);
    assert_eq!(partitions[1]["leader"], json["brokers"][0]["id"], "{json:#}");
}

#[test]
fn a_topic_is_read_and_queried_from_a_time_on() {
    let kafka = ready();
    let topic = kafka.topic("kcat");
    kafka.create_topic(&topic, 1, &[]);
    produce(kafka, &topic, &numbers(0..5), &[]).ok();
    let stamps = consume(kafka, &topic, &["-o", "beginning", "-f", "%T\\n"]);
    let last: u64 = stamps.last().unwrap().parse().unwrap();
    testkit::until("a later millisecond", || {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
        (now > u128::from(last)).then_some(())
    });
    produce(kafka, &topic, &numbers(5..10), &[]).ok();
    let since = format!("s@{}", last + 1);
    assert_eq!(consume(kafka, &topic, &["-o", &since]).join("\n") + "\n", numbers(5..10));
    let until = format!("e@{}", last + 1);
    assert_eq!(consume(kafka, &topic, &["-o", "s@1", "-o", &until]).join("\n") + "\n", numbers(0..5));
    let query = |when: &str| kcat(kafka, &["-Q", "-t", &format!("{topic}:0:{when}")]).run().ok().text();
    assert!(query(&(last + 1).to_string()).contains("offset 5"), "{}", query(&(last + 1).to_string()));
    assert!(query("-1").contains("offset 10") && query("-2").contains("offset 0"), "{}", query("-1"));
}

#[test]
fn a_group_of_kcat_goes_on_where_it_was() {
    let kafka = ready();
    let topic = kafka.topic("kcat");
    kafka.create_topic(&topic, 2, &[]);
    let group = || {
        let args = ["-q", "-e", "-X", "auto.offset.reset=earliest", "-G", &topic, &topic];
        let mut lines: Vec<u32> = kcat(kafka, &args).run().ok().lines().iter().map(|l| l.parse().unwrap()).collect();
        lines.sort_unstable();
        lines
    };
    produce(kafka, &topic, &numbers(0..10), &["-p", "0"]).ok();
    produce(kafka, &topic, &numbers(10..20), &["-p", "1"]).ok();
    assert_eq!(group(), (0..20).collect::<Vec<_>>());
    produce(kafka, &topic, &numbers(20..30), &["-p", "1"]).ok();
    assert_eq!(group(), (20..30).collect::<Vec<_>>());
}

#[test]
fn a_message_above_the_limit_is_refused_to_kcat() {
    let kafka = ready();
    let topic = kafka.topic("kcat");
    kafka.create_topic(&topic, 1, &[("max.message.bytes", "1000")]);
    let refused = produce(kafka, &topic, &"x".repeat(5000), &[]);
    assert!(refused.stderr.contains("Message size too large"), "{}", refused.story());
    assert!(consume(kafka, &topic, &["-o", "beginning"]).is_empty());
}
