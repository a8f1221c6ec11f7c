//! Consumer groups: members share the partitions.

use std::collections::HashSet;

use testkit::kafka::only;
use testkit::{BrokerKind, Program, kafka};

#[test]
fn two_members_of_a_group_share_the_partitions() {
    members_share("session.timeout.ms=6000");
}

#[test]
fn two_members_of_a_group_that_the_broker_assigns_share_the_partitions() {
    members_share("group.protocol=consumer");
}

fn members_share(property: &str) {
    let kafka = kafka();
    let topic = kafka.topic("group");
    kafka.create_topic(&topic, 2, &[]);
    let member = || {
        let args = ["--headless", "--every-frame", "--print", "-g", &topic, "-X", property];
        Program::vidcons().on(kafka, &topic).args(args).start()
    };
    let producer = |source: &str, partition: &str| {
        let args = ["test", "--size", "320x180", "--fps", "10", "--source", source, "-p", partition];
        Program::vidprod().args(args).on(kafka, &topic).start()
    };
    let (a, b) = (producer("A", "0"), producer("B", "1"));
    let (mut one, mut two) = (member(), member());
    let enough = |out: &str| out.lines().count() >= 20;
    one.until_stdout("frames at one member", enough);
    two.until_stdout("frames at the other", enough);
    // Once both have joined, each has a partition of its own.
    let (from_one, from_two) = (one.stdout().len(), two.stdout().len());
    let sources =
        |out: &str| out.lines().filter_map(|line| line.split(':').next().map(str::to_owned)).collect::<HashSet<_>>();
    one.until_stdout("more at one", |out| enough(&out[from_one..]));
    two.until_stdout("more at the other", |out| enough(&out[from_two..]));
    let (seen_by_one, seen_by_two) = (sources(&one.stdout()[from_one..]), sources(&two.stdout()[from_two..]));
    assert!(seen_by_one.is_disjoint(&seen_by_two), "{seen_by_one:?} and {seen_by_two:?}");
    a.interrupt().ok().report();
    b.interrupt().ok().report();
    one.interrupt().ok().report();
    two.interrupt().ok().report();
}

#[test]
fn a_second_client_of_one_instance_gets_an_explanation() {
    let kafka = kafka();
    let topic = kafka.topic("group-twins");
    kafka.create_topic(&topic, 1, &[]);
    let member = || {
        let args = ["--headless", "-g", &topic, "-X", "group.protocol=consumer", "-X", "group.instance.id=one"];
        Program::vidcons().on(kafka, &topic).args(args)
    };
    let mut first = member().arg("-v").start();
    first.until_stderr("assigned");
    member().run().assert_fails(1, "group.instance.id");
    first.interrupt();
}

#[test]
fn a_group_has_members_of_one_protocol() {
    only(BrokerKind::Embedded, "a real Kafka lets members of both protocols into one group");
    let kafka = kafka();
    let topic = kafka.topic("group-mixed");
    kafka.create_topic(&topic, 1, &[]);
    let member = |protocol: &str| {
        let protocol = format!("group.protocol={protocol}");
        Program::vidcons().on(kafka, &topic).args(["--headless", "-g", &topic, "-X", &protocol])
    };
    let mut first = member("classic").arg("-v").start();
    first.until_stderr("assigned");
    member("consumer").run().assert_fails(1, "classic protocol");
    first.interrupt();
}

#[test]
fn frames_that_another_member_took_are_not_lost() {
    let kafka = kafka();
    let topic = kafka.topic("group-takes");
    kafka.create_topic(&topic, 2, &[]);
    let member = || {
        let args = ["--headless", "--every-frame", "--print", "-g", "takers", "-X", "session.timeout.ms=6000"];
        Program::vidcons().on(kafka, &topic).args(args).start()
    };
    let producer = |source: &str, partition: &str| {
        let args = ["test", "--size", "320x180", "--fps", "20", "--source", source, "-p", partition];
        Program::vidprod().args(args).on(kafka, &topic).start()
    };
    let (a, b) = (producer("A", "0"), producer("B", "1"));
    let count = |out: &str, source: &str| out.lines().filter(|line| line.starts_with(source)).count();
    let mut one = member();
    one.until_stdout("frames of both sources", |out| count(out, "A") >= 10 && count(out, "B") >= 10);
    let mut two = member();
    two.until_stdout("frames at the other", |out| out.lines().count() >= 20);
    let taken = if count(&two.stdout(), "A") > 0 { "A" } else { "B" };
    two.interrupt().ok().report();
    // The first member takes the partition over again, after the records that the other has read.
    let before = count(&one.stdout(), taken);
    one.until_stdout("frames of both again", |out| count(out, taken) >= before + 20);
    a.interrupt().ok();
    b.interrupt().ok();
    let one = one.interrupt().ok();
    let report = one.report();
    assert_eq!(report.number("frames.lost.lost"), 0, "{}", one.story());
    assert_eq!(report.number("frames.expected"), report.number("frames.received"), "{}", one.story());
}
