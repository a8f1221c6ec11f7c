//! Tests of the consumer protocol, with a number as the clock.

mod memory;
mod operators;
mod rebalance;
mod requests;
mod walk;

use bytes::Bytes;
use kafka_protocol::ResponseError::{self, *};
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, DeleteGroupsRequest,
    DescribeGroupsRequest, GroupId, HeartbeatRequest, LeaveGroupRequest, ListGroupsRequest, OffsetDeleteRequest,
    OffsetFetchRequest, TopicName, leave_group_request::MemberIdentity,
};
use kafka_protocol::protocol::StrBytes;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::config::TopicConfig;
use crate::groups::tests::{
    SESSION, commit_request, encodes, fill_with_empty_groups, group, id, join, limits, requester, settled, state,
};
use crate::memory::Memory;
use crate::options;
use crate::options::GroupLimits;

const SESSION_MS: Ms = SESSION as Ms;
const REBALANCE: i32 = 50;

/// The groups, the topics that they read, and the time.
struct Rig {
    groups: Groups,
    topics: Topics,
    now: Ms,
}

/// A client that follows every answer at once, and sends all fields in each heartbeat.
#[derive(Clone, Debug)]
struct Client {
    id: StrBytes,
    instance: Option<StrBytes>,
    epoch: i32,
    holds: Vec<(Uuid, i32)>,
}

impl Client {
    fn new(name: &str) -> Client {
        Client { id: id(name), instance: None, epoch: 0, holds: Vec::new() }
    }

    fn of_instance(name: &str, instance: &str) -> Client {
        Client { instance: Some(id(instance)), ..Client::new(name) }
    }

    fn request(&self) -> ConsumerGroupHeartbeatRequest {
        let one = |&(topic, partition): &(Uuid, i32)| {
            TopicPartitions::default().with_topic_id(topic).with_partitions(vec![partition])
        };
        ConsumerGroupHeartbeatRequest::default()
            .with_group_id(group())
            .with_member_id(self.id.clone())
            .with_member_epoch(self.epoch)
            .with_instance_id(self.instance.clone())
            .with_rebalance_timeout_ms(REBALANCE)
            .with_subscribed_topic_names(Some(vec![TopicName(id("t"))]))
            .with_topic_partitions(Some(self.holds.iter().map(one).collect()))
    }

    /// Follows an answer, and gives up revoked partitions at once.
    fn follow(&mut self, answer: &ConsumerGroupHeartbeatResponse) {
        assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
        self.epoch = answer.member_epoch;
        if let Some(assignment) = &answer.assignment {
            let topics = assignment.topic_partitions.iter();
            self.holds = topics.flat_map(|t| t.partitions.iter().map(|p| (t.topic_id, *p))).collect();
        }
    }

    fn partitions(&self) -> Vec<i32> {
        self.holds.iter().map(|(_, partition)| *partition).collect()
    }
}

impl Rig {
    fn new() -> Rig {
        Rig::with(limits())
    }

    fn with(limits: GroupLimits) -> Rig {
        let options = options::Options::default();
        let mut topics = Topics::new(options.defaults, &options.limits);
        topics.make("t", 4, TopicConfig::default()).unwrap();
        Rig { groups: Groups::new(limits, &Memory::new(0)), topics, now: 0 }
    }

    fn send(&mut self, request: &ConsumerGroupHeartbeatRequest) -> ConsumerGroupHeartbeatResponse {
        let answer = self.groups.consumer_heartbeat(request, 1, &requester(1), &self.topics, self.now);
        self.groups.check_invariants();
        answer
    }

    fn error(&mut self, request: &ConsumerGroupHeartbeatRequest) -> Option<ResponseError> {
        ResponseError::try_from_code(self.send(request).error_code)
    }

    fn beat(&mut self, client: &mut Client) {
        let answer = self.send(&client.request());
        client.follow(&answer);
    }

    fn leave(&mut self, client: &Client, epoch: i32) -> i16 {
        self.send(&client.request().with_member_epoch(epoch)).error_code
    }

    /// Two members, each with half of the partitions.
    fn two(&mut self) -> (Client, Client) {
        let (mut a, mut b) = (Client::new("a"), Client::new("b"));
        self.beat(&mut a);
        self.beat(&mut b);
        self.beat(&mut a);
        self.beat(&mut a);
        self.beat(&mut b);
        assert_eq!((a.partitions().len(), b.partitions().len()), (2, 2));
        (a, b)
    }

    fn commit(&mut self, client: &Client, epoch: i32, version: i16) -> i16 {
        let request = commit_request(&client.id, epoch, 0, 5);
        self.groups.commit(&request, version, self.now, |_, _| true).topics[0].partitions[0].error_code
    }
}

fn described(rig: &Rig) -> kafka_protocol::messages::consumer_group_describe_response::DescribedGroup {
    let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group(), group()]);
    let mut answer = rig.groups.consumer_describe(&request, &rig.topics);
    assert_eq!(answer.groups.len(), 1);
    answer.groups.remove(0)
}

fn state_of(rig: &Rig) -> String {
    described(rig).group_state.to_string()
}
