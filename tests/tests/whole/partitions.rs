//! Partitions that are added to a topic while it is read.

use testkit::{Program, kafka};

/// Runs vidprod on one partition of `topic`, until 30 frames were acknowledged.
fn publish_into(kafka: &testkit::KafkaServer, topic: &str, partition: &str) {
    let args = ["test", "--size", "320x180", "-p", partition, "--source", "late"];
    let mut producer = Program::vidprod().args(args).on(kafka, topic).start();
    producer.until_stderr("frame 3");
    producer.interrupt().ok();
}

#[test]
fn a_viewer_reads_partitions_that_are_added_while_it_runs_from_their_first_record() {
    let kafka = kafka();
    let topic = kafka.topic("grown");
    kafka.create_topic(&topic, 1, &[]);
    let mut viewer = Program::vidcons().args(["--headless", "--every-frame", "--print"]).on(kafka, &topic).start();
    viewer.until_stderr("waiting for frames");
    kafka.grow_topic(&topic, 3);
    publish_into(kafka, &topic, "2");
    viewer.until_stderr(&format!("topic {topic} has 2 more partitions: reading them from their first record"));
    viewer.until_stdout("the frames of a new partition", |out| out.lines().count() >= 30);
    let first = viewer.stdout().lines().next().map(str::to_owned);
    assert!(first.as_deref().is_some_and(|line| line.contains("0")), "it begins at the first frame: {first:?}");
    let report = viewer.interrupt().ok().report();
    assert_eq!(report.number("frames.lost.lost"), 0, "{:#}", report.0["frames"]);
}

#[test]
fn a_viewer_of_one_partition_stays_with_it() {
    let kafka = kafka();
    let topic = kafka.topic("grown-one");
    kafka.create_topic(&topic, 1, &[]);
    let refresh = ["-X", "topic.metadata.refresh.interval.ms=200"];
    let args = ["--headless", "--print", "-p", "0"];
    let mut viewer = Program::vidcons().args(args).args(refresh).on(kafka, &topic).start();
    viewer.until_stderr("waiting for frames");
    kafka.grow_topic(&topic, 2);
    publish_into(kafka, &topic, "1");
    publish_into(kafka, &topic, "0");
    viewer.until_stdout("the frames of its partition", |out| out.lines().count() >= 20);
    assert!(!viewer.interrupt().ok().stderr.contains("more partition"));
}

#[test]
fn a_group_reads_partitions_that_are_added_while_it_runs_from_their_first_record() {
    let kafka = kafka();
    let topic = kafka.topic("grown-group");
    kafka.create_topic(&topic, 1, &[]);
    let group = format!("group-of-{topic}");
    let args = ["--headless", "--every-frame", "--print", "-v", "-g", &group];
    let mut viewer = Program::vidcons().args(args).on(kafka, &topic).start();
    viewer.until_stderr(&format!("group {group}: assigned {topic} [0]"));
    kafka.grow_topic(&topic, 3);
    publish_into(kafka, &topic, "2");
    viewer.until_stdout("the frames of a new partition", |out| out.lines().count() >= 30);
    let report = viewer.interrupt().ok().report();
    assert_eq!(report.number("frames.lost.lost"), 0, "{:#}", report.0["frames"]);
}
