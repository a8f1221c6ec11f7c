//! Tests of the consumer protocol (KIP-848) over sockets.

use broker::Options;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
    DescribeConfigsRequest, GroupId,
};

use crate::client::{Client, start, text, topic_name, wait_for};

/// All operations on a group, as bits at Kafka's numbers for them.
const ALL_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;

fn beat(client: &mut Client, member: &str, epoch: i32) -> ConsumerGroupHeartbeatResponse {
    let request = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_member_id(text(member))
        .with_member_epoch(epoch)
        .with_rebalance_timeout_ms(20_000)
        .with_subscribed_topic_names(Some(vec![topic_name("a")]))
        .with_topic_partitions(Some(Vec::new()));
    client.ask(&request, 1)
}

#[test]
fn the_broker_assigns_describes_and_ends_a_session_by_itself() {
    let mut options = Options::default();
    options.limits.groups.times.session_ms = 300;
    let broker = start(options);
    let mut client = Client::new(broker.address);
    client.make("a", 2, &[]);
    let first = beat(&mut client, "one", 0);
    assert_eq!((first.error_code, first.member_epoch, first.heartbeat_interval_ms), (0, 1, 500));
    assert_eq!(first.assignment.unwrap().topic_partitions[0].partitions, [0, 1]);
    let request = ConsumerGroupDescribeRequest::default()
        .with_group_ids(vec![GroupId(text("g")), GroupId(text("missing"))])
        .with_include_authorized_operations(true);
    for version in 0..=1 {
        let groups = client.ask(&request, version).groups;
        assert_eq!((groups[0].error_code, &*groups[0].assignor_name), (0, "uniform"));
        assert_eq!(groups[0].authorized_operations, ALL_OPERATIONS);
        assert_eq!(groups[1].error_code, 69);
    }
    wait_for("the session's end", || &*client.ask(&request, 1).groups[0].group_state == "Empty");
    assert_eq!(beat(&mut client, "one", 1).error_code, 25);
}

#[test]
fn its_times_are_described() {
    let broker = start(Options::default());
    let mut client = Client::new(broker.address);
    let names = ["group.consumer.heartbeat.interval.ms", "group.consumer.session.timeout.ms"];
    let resource = DescribeConfigsResource::default().with_resource_type(4).with_resource_name(text("1"));
    let resource = resource.with_configuration_keys(Some(names.map(text).to_vec()));
    let answer = client.ask(&DescribeConfigsRequest::default().with_resources(vec![resource]), 4);
    let values: Vec<_> = answer.results[0].configs.iter().map(|c| c.value.clone().unwrap()).collect();
    assert_eq!(values, ["500", "6000"].map(text));
}
