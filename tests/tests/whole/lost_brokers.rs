//! A client that has lost all its brokers, while they answer other clients, is replaced by a new one.

use std::collections::BTreeSet;

use testkit::kafka::{only, own_kafka, own_kafka_behind};
use testkit::media::clip_720p25;
use testkit::{BrokerKind, Network, Program, need};

/// librdkafka drops all its brokers if the first answer after a restart names none, and then sends no more requests.
#[test]
fn every_client_resumes_when_a_restarted_broker_names_no_brokers_at_first() {
    only(BrokerKind::Embedded, "a real Kafka answers like that only now and then");
    let kafka = own_kafka();
    let topic = kafka.topic("lost-brokers");
    let viewer = || Program::vidcons().on(&kafka, &topic).args(["--headless", "--print"]).start();
    let mut viewers = [viewer(), viewer(), viewer()];
    let mut producer = Program::vidprod().args(["test", "--size", "320x180", "--fps", "25"]).on(&kafka, &topic).start();
    for viewer in &mut viewers {
        viewer.until_stdout("the first frames", |out| out.lines().count() >= 25);
    }
    kafka.kill();
    // A client that has not noticed the outage does not ask for the brokers, so the test waits until all have.
    viewers.iter_mut().for_each(|viewer| viewer.until_stderr("no frames: "));
    producer.until_stderr("the broker is silent");
    // Within 2 s not every client has asked for the brokers; one that asks later never gets the answer that names none.
    kafka.restart_slowly(5);
    for viewer in &mut viewers {
        let before = viewer.stdout().lines().count();
        viewer.until_stdout("frames after the restart", |out| out.lines().count() >= before + 25);
    }
    let producer = producer.interrupt().ok();
    let mut renewed = producer.report().number("counts.reconnections");
    for viewer in viewers {
        renewed += viewer.interrupt().ok().report().number("counts.reconnections");
    }
    assert!(renewed > 0, "no client was renewed, so this tested nothing\n{}", producer.story());
}

#[test]
fn clients_of_an_idle_topic_are_left_alone() {
    let kafka = testkit::kafka();
    let topic = kafka.topic("idle");
    kafka.create_topic(&topic, 1, &[]);
    let idle = ["--headless", "--idle-timeout", "25s"];
    let viewer = |group: &[&str]| Program::vidcons().on(kafka, &topic).args(idle).args(group).start();
    // The second member of the group has no partition.
    let viewers = [viewer(&[]), viewer(&["-g", "idlers"]), viewer(&["-g", "idlers"])];
    for viewer in viewers {
        let viewer = viewer.wait().ok();
        assert_eq!(viewer.report().number("counts.reconnections"), 0, "{}", viewer.story());
    }
}

#[test]
fn a_file_loses_and_doubles_no_frame_when_its_connections_fall_silent() {
    need(&["ffmpeg"]);
    let (kafka, proxy) = own_kafka_behind(Network::default());
    let topic = kafka.topic("silent-file");
    let mut producer = Program::vidprod().arg(clip_720p25()).on(&kafka, &topic).start();
    producer
        .until("some frames", |_| (kafka.topics().contains(&topic) && kafka.records(&topic).len() > 50).then_some(()));
    // Records sent from now on are appended but never acknowledged.
    proxy.silence();
    let producer = producer.wait().ok();
    let report = producer.report();
    assert_eq!(report.number("frames.acknowledged"), 250, "{}", producer.story());
    assert_eq!(report.number("counts.reconnections"), 1, "{}", producer.story());
    let records = kafka.records(&topic);
    let frames: Vec<_> =
        records.iter().filter(|r| r.header("end").is_none()).map(|r| (r.header("frame"), r.header("part"))).collect();
    assert_eq!(frames.len(), frames.iter().collect::<BTreeSet<_>>().len(), "a record is there twice");
    let viewer = Program::vidcons().on(&kafka, &topic).args(["--headless", "-o", "beginning", "-e"]).run().ok();
    assert_eq!(viewer.report().number("frames.shown"), 250, "{}", viewer.story());
}

#[test]
fn a_group_member_goes_on_at_its_position_when_its_connections_fall_silent() {
    let (kafka, proxy) = own_kafka_behind(Network::default());
    let topic = kafka.topic("silent-group");
    let producer = Program::vidprod().args(["test", "--size", "320x180", "--fps", "25"]).on(&kafka, &topic).start();
    // With a shorter session the client would miss its heartbeats, and reconnect by itself before it is replaced.
    let member = ["--headless", "--every-frame", "--print", "-g", "watchers", "-X", "session.timeout.ms=30000"];
    let mut viewer = Program::vidcons().on(&kafka, &topic).args(member).start();
    viewer.until_stdout("the first frames", |out| out.lines().count() >= 25);
    proxy.silence();
    viewer.until_stderr("replacing the client");
    let before = viewer.stdout().lines().count();
    viewer.until_stdout("frames after that", |out| out.lines().count() >= before + 50);
    producer.interrupt().ok();
    let viewer = viewer.interrupt().ok();
    let labels = viewer.lines();
    assert_eq!(labels.len(), labels.iter().collect::<BTreeSet<_>>().len(), "a frame came twice\n{}", viewer.story());
    assert!(viewer.report().number("counts.reconnections") > 0, "{}", viewer.story());
}
