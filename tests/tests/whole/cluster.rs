//! A Kafka started with `scripts/kafka`: three nodes, of which one is killed, and the examples of the script's help.

use tempfile::TempDir;
use testkit::cluster::Cluster;
use testkit::kafka::only;
use testkit::media::{clip_720p25, folder};
use testkit::node::java_and_jars;
use testkit::{BrokerKind, Program, need, root};

/// Starts this many nodes, with their data in this folder.
fn start(nodes: u16, folder: &TempDir) -> Cluster {
    only(BrokerKind::Real, "scripts/kafka starts a real Kafka");
    java_and_jars();
    Cluster::start(nodes, &folder.path().join("nodes")).unwrap()
}

#[test]
fn three_nodes_replace_a_leader_that_is_killed_and_lose_no_frame() {
    need(&["ffmpeg"]);
    let folder = folder();
    let cluster = start(3, &folder);
    let on = |program: Program| program.unnamed("video").args(["-b", cluster.bootstrap()]);
    let viewer = on(Program::vidcons()).args(["--headless", "--every-frame", "-e", "--print"]);
    let mut viewer = viewer.start_before_topic();
    let producer = on(Program::vidprod()).arg(clip_720p25()).start();
    viewer.until_stdout("the first frames", |out| out.lines().count() >= 50);

    let killed = testkit::until("the topic has a leader", || cluster.leader("video"));
    cluster.script(&["kill", &killed.to_string()]).ok();
    let status = cluster.script(&["status"]).ok();
    assert!(status.stderr.contains("2 of 3 nodes up"), "{}", status.story());
    let producer = producer.wait().ok();
    let viewer = viewer.wait().ok();
    assert_eq!(producer.report().number("frames.acknowledged"), 250, "{}", producer.story());
    assert_eq!(viewer.report().number("frames.shown"), 250, "{}", viewer.story());
    assert_ne!(cluster.leader("video"), Some(killed));

    // Without a number, `up` continues with the three nodes that exist.
    cluster.script(&["up"]).ok();
    let status = cluster.script(&["status"]).ok();
    assert!(status.stderr.contains("3 of 3 nodes up"), "{}", status.story());
    cluster.script(&["kill", "1"]).ok();
    let status = cluster.script(&["status"]).ok();
    assert!(status.stderr.contains("2 of 3 nodes up"), "{}", status.story());
}

#[test]
fn the_examples_of_the_tools_work_as_typed() {
    let folder = folder();
    let cluster = start(1, &folder);
    let help = Program::at(root().join("scripts/kafka")).arg("tool").run().ok().text();
    let examples: Vec<_> = help.lines().filter(|line| line.starts_with("  ")).collect();
    assert!(examples.len() >= 15, "{help}");

    let card = ["test", "--size", "320x180", "--duration", "1", "-b", cluster.bootstrap()];
    Program::vidprod().args(card).unnamed("video").run().ok();
    for example in examples {
        let here = example
            .replace("localhost:9092", cluster.bootstrap())
            .replace(".kafka/nodes-1", &cluster.dir().display().to_string());
        let script = format!("cd '{}'; {here}", root().display());
        Program::at("bash").args(["-c", &script]).run().ok();
    }
}

#[test]
fn wrong_arguments_of_the_script_are_named() {
    let script = |args: &[&str]| Program::at(root().join("scripts/kafka")).args(args).run();
    script(&["tool", "tropics"]).assert_fails(2, "no tool called tropics");
    script(&["kill"]).assert_fails(2, "which node?");
    script(&["up", "-X", "retention"]).assert_fails(2, "-X takes a property");
    script(&["kill", "9", "--dir", "/nowhere"]).assert_fails(1, "node 9 is not up");
}
