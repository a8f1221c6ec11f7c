//! Log lines of -v and -vv about the Kafka client.

use testkit::kafka::own_kafka;
use testkit::{Program, kafka};

#[test]
fn v_logs_connections_and_where_reading_starts_and_no_end_of_a_partition() {
    let kafka = own_kafka();
    let topic = kafka.topic("events");
    kafka.create_topic(&topic, 2, &[]);
    let mut viewer = Program::vidcons().args(["--headless", "-v"]).on(&kafka, &topic).start();
    viewer.until_stderr(&format!("reading {topic} [1] from offset 0"));
    viewer.until_stderr("connected to broker ");
    kafka.kill();
    viewer.until_stderr("lost the connection to broker ");
    let before = viewer.stderr().len();
    kafka.restart();
    viewer.until("the next connection", |me| me.stderr()[before..].contains("connected to broker ").then_some(()));
    let viewer = viewer.interrupt();
    assert!(!viewer.stderr.contains("PartitionEOF") && !viewer.stderr.contains("AllBrokersDown"), "{}", viewer.story());
}

#[test]
fn v_logs_what_a_group_assigns_and_revokes() {
    let kafka = kafka();
    let topic = kafka.topic("assigned");
    kafka.create_topic(&topic, 2, &[]);
    let group = format!("group-of-{topic}");
    let member = || Program::vidcons().args(["--headless", "-v", "-g", &group]).on(kafka, &topic).start();
    let mut first = member();
    first.until_stderr(&format!("group {group}: assigned {topic} [1] from"));
    let mut second = member();
    second.until_stderr(&format!("group {group}: assigned {topic} ["));
    first.until_stderr(&format!("group {group}: revoked {topic} ["));
    first.interrupt().ok();
    second.interrupt().ok();
}

#[test]
fn librdkafkas_debug_lines_are_logged_at_vv_and_not_at_v() {
    let kafka = kafka();
    let topic = kafka.topic("debug-lines");
    let viewer = |level: &str| {
        let args = ["--headless", "--timeout", "1", "-X", "debug=broker", level];
        Program::vidcons().args(args).on(kafka, &topic).run()
    };
    let (little, all) = (viewer("-v"), viewer("-vv"));
    assert!(all.stderr.contains("Broker changed state"), "{}", all.story());
    assert!(!little.stderr.contains("Broker changed state"), "{}", little.story());
}

#[test]
fn a_clients_property_that_begins_with_topic_is_taken() {
    let kafka = kafka();
    let topic = kafka.topic("topic-dot");
    let properties = ["-X", "topic.metadata.refresh.interval.ms=1000", "-X", "topic.blacklist=^secret"];
    let of_topic = ["-X", "topic.request.required.acks=1"];
    let producer = Program::vidprod().arg("test").args(properties).args(of_topic).on(kafka, &topic).start();
    let viewer = Program::vidcons().args(["--headless", "-c", "5"]).args(properties).on(kafka, &topic).run().ok();
    assert_eq!(viewer.report().number("frames.shown"), 5);
    producer.interrupt().ok();
}
