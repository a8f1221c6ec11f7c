//! Tests of the consumer protocol, with a number as the clock.

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
use crate::groups::GroupLimits;
use crate::groups::tests::{
    SESSION, commit_request, encodes, fill_with_empty_groups, group, id, join, limits, requester, settled, state,
};
use crate::memory::Memory;
use crate::options;

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

#[test]
fn the_first_member_has_all_with_its_first_answer() {
    let (mut rig, mut a) = (Rig::new(), Client::new("a"));
    rig.beat(&mut a);
    assert_eq!((a.epoch, a.partitions()), (1, vec![0, 1, 2, 3]));
    assert_eq!(state_of(&rig), "Stable");
    let small = ConsumerGroupHeartbeatRequest::default().with_group_id(group()).with_member_id(a.id.clone());
    let answer = rig.send(&small.with_member_epoch(1).with_rebalance_timeout_ms(-1));
    assert_eq!((answer.error_code, answer.assignment, answer.heartbeat_interval_ms), (0, None, 10));
}

#[test]
fn a_partition_goes_to_its_new_owner_once_the_old_one_has_given_it_up() {
    let (mut rig, mut a, mut b) = (Rig::new(), Client::new("a"), Client::new("b"));
    rig.beat(&mut a);
    rig.beat(&mut b);
    assert_eq!((b.epoch, b.partitions()), (2, vec![]), "the first still has all");
    assert_eq!(state_of(&rig), "Reconciling");
    let held = a.clone();
    rig.beat(&mut a);
    assert_eq!((a.epoch, a.partitions()), (1, vec![0, 1]), "in its old epoch until it has given the others up");
    let still_has_all = rig.send(&held.request());
    assert_eq!(still_has_all.member_epoch, 1);
    rig.beat(&mut b);
    assert!(b.partitions().is_empty());
    rig.beat(&mut a);
    rig.beat(&mut b);
    assert_eq!((a.epoch, a.partitions(), b.epoch, b.partitions()), (2, vec![0, 1], 2, vec![2, 3]));
    assert_eq!(state_of(&rig), "Stable");
}

#[test]
fn who_never_gives_up_is_out_after_its_rebalance_timeout() {
    let (mut rig, mut a, mut b) = (Rig::new(), Client::new("a"), Client::new("b"));
    rig.beat(&mut a);
    rig.beat(&mut b);
    assert_eq!(rig.send(&a.request()).error_code, 0);
    for now in [20, 40] {
        rig.now = now;
        rig.groups.tick(now);
        assert_eq!(rig.send(&a.request()).error_code, 0, "{now}");
        rig.beat(&mut b);
    }
    assert_eq!(rig.groups.next_deadline(), Some(50));
    rig.now = 50;
    rig.groups.tick(50);
    assert_eq!(rig.error(&a.request()), Some(UnknownMemberId));
    rig.beat(&mut b);
    assert_eq!(b.partitions(), [0, 1, 2, 3]);
}

#[test]
fn who_is_silent_is_out_and_who_leaves_is_out_at_once() {
    let mut rig = Rig::new();
    let (mut a, mut b) = rig.two();
    rig.now = SESSION_MS - 1;
    rig.groups.tick(rig.now);
    rig.beat(&mut b);
    rig.now = SESSION_MS;
    rig.groups.tick(rig.now);
    rig.beat(&mut b);
    assert_eq!(b.partitions(), [0, 1, 2, 3]);
    assert_eq!(rig.error(&a.request()), Some(UnknownMemberId));
    a.epoch = 0;
    a.holds.clear();
    rig.beat(&mut a);
    assert_eq!(rig.leave(&b, -1), 0);
    rig.beat(&mut a);
    assert_eq!(a.partitions(), [0, 1, 2, 3]);
    assert_eq!(rig.leave(&a, -1), 0);
    assert_eq!((state_of(&rig), rig.groups.next_deadline()), ("Empty".to_owned(), None));
    assert_eq!(rig.leave(&a, -1), UnknownMemberId.code());
}

#[test]
fn epochs_that_do_not_fit_are_fenced() {
    let mut rig = Rig::new();
    let (a, b) = rig.two();
    let with = |client: &Client, epoch| client.request().with_member_epoch(epoch);
    assert_eq!(rig.error(&with(&a, 3)), Some(FencedMemberEpoch));
    // The previous epoch with the partitions of the member, or fewer, means that the answer was lost.
    assert_eq!(rig.error(&with(&a, 1)), None);
    assert_eq!(rig.error(&with(&a, 1).with_topic_partitions(None)), Some(FencedMemberEpoch));
    let others = b.request().topic_partitions;
    assert_eq!(rig.error(&with(&a, 1).with_topic_partitions(others)), Some(FencedMemberEpoch));
    // A fenced member joins again with its own id.
    let mut again = Client::new("a");
    rig.beat(&mut again);
    assert_eq!(again.partitions().len(), 2);
    assert_eq!(rig.error(&Client { epoch: 2, ..Client::new("nobody") }.request()), Some(UnknownMemberId));
    let elsewhere = a.request().with_group_id(GroupId(id("other")));
    assert_eq!(rig.error(&elsewhere), Some(UnknownMemberId), "a broker that was started anew knows no groups");
    let commit = |rig: &mut Rig, version| {
        let request = commit_request("a", 2, 0, 5).with_group_id(GroupId(id("other")));
        let answer = rig.groups.commit(&request, version, 0, |_, _| true);
        ResponseError::try_from_code(answer.topics[0].partitions[0].error_code)
    };
    assert_eq!((commit(&mut rig, 8), commit(&mut rig, 9)), (Some(IllegalGeneration), Some(UnknownMemberId)));
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let mut rig = Rig::new();
    let first = || Client::new("a").request();
    let some = || Some(vec![TopicPartitions::default()]);
    let cases = [
        (first().with_group_id(GroupId(id(""))), InvalidRequest),
        (first().with_group_id(GroupId(id(&"g".repeat(2000)))), InvalidGroupId),
        (first().with_member_id(id("")), InvalidRequest),
        (first().with_instance_id(Some(id(""))), InvalidRequest),
        (first().with_rack_id(Some(id(""))), InvalidRequest),
        (first().with_rebalance_timeout_ms(-1), InvalidRequest),
        (first().with_topic_partitions(None), InvalidRequest),
        (first().with_topic_partitions(some()), InvalidRequest),
        (first().with_subscribed_topic_names(None), InvalidRequest),
        (first().with_member_epoch(-2), InvalidRequest),
        (first().with_member_epoch(-3), InvalidRequest),
        (first().with_member_epoch(-1), GroupIdNotFound),
        (first().with_server_assignor(Some(id("sticky"))), UnsupportedAssignor),
        (first().with_subscribed_topic_regex(Some(id("("))), InvalidRegularExpression),
        (first().with_subscribed_topic_regex(Some(id(&"r".repeat(1025)))), InvalidRegularExpression),
        (first().with_subscribed_topic_names(Some(vec![TopicName(id(&"t".repeat(1001)))])), InvalidRequest),
        (first().with_rack_id(Some(id(&"r".repeat(1025)))), InvalidRequest),
        (first().with_member_id(id(&"m".repeat(1025))), InvalidRequest),
        (first().with_instance_id(Some(id(&"i".repeat(1025)))), InvalidRequest),
    ];
    for (request, expected) in cases {
        assert_eq!(rig.error(&request), Some(expected), "{request:?}");
        assert!(rig.groups.is_empty(), "a request that is refused makes no group");
    }
    // In version 0 members cannot choose their ids.
    let answer = rig.groups.consumer_heartbeat(&first().with_member_id(id("")), 0, &requester(1), &rig.topics, 0);
    assert!(answer.error_code == 0 && answer.member_id.is_some_and(|id| !id.is_empty()));
}

#[test]
fn a_static_member_of_version_0_returns_with_a_new_id() {
    let mut rig = Rig::new();
    let first = Client::of_instance("", "one").request();
    let heartbeat = |rig: &mut Rig, request: &ConsumerGroupHeartbeatRequest| {
        let answer = rig.groups.consumer_heartbeat(request, 0, &requester(1), &rig.topics, 0);
        assert_eq!(answer.error_code, 0, "{:?}", answer.error_message);
        answer.member_id.unwrap()
    };
    let before = heartbeat(&mut rig, &first);
    let leaves = first.clone().with_member_id(before.clone()).with_member_epoch(-2);
    heartbeat(&mut rig, &leaves);
    let back = heartbeat(&mut rig, &first);
    assert!(!back.is_empty() && back != before, "{back:?} {before:?}");
    assert_eq!(described(&rig).members.len(), 1);
}

#[test]
fn a_static_member_that_will_be_back_keeps_its_partitions() {
    let (mut rig, mut a, mut b) = (Rig::new(), Client::of_instance("a", "one"), Client::new("b"));
    rig.beat(&mut a);
    rig.beat(&mut b);
    (0..2).for_each(|_| rig.beat(&mut a));
    rig.beat(&mut b);
    let (epoch, had) = (a.epoch, a.partitions());
    let mut back = Client::of_instance("a2", "one");
    assert_eq!(rig.error(&back.request()), Some(UnreleasedInstanceId));
    assert_eq!(rig.leave(&back, -2), FencedInstanceId.code());
    assert_eq!(rig.leave(&a, -2), 0);
    rig.beat(&mut b);
    assert_eq!(b.partitions().len(), 2, "nothing of the one that is away");
    assert_eq!(rig.error(&a.request()), Some(FencedMemberEpoch));
    rig.beat(&mut back);
    assert_eq!((back.epoch, back.partitions()), (epoch, had));
    assert_eq!(rig.error(&a.request()), Some(FencedInstanceId));
    assert_eq!(rig.error(&Client { epoch: 1, ..Client::of_instance("x", "none") }.request()), Some(UnknownMemberId));
    // A member that stays away is removed when its session ends.
    assert_eq!(rig.leave(&back, -2), 0);
    rig.now = SESSION_MS - 1;
    rig.beat(&mut b);
    rig.now = SESSION_MS;
    rig.groups.tick(rig.now);
    rig.beat(&mut b);
    assert_eq!(b.partitions(), [0, 1, 2, 3]);
}

#[test]
fn topics_come_grow_and_go() {
    let (mut rig, mut a) = (Rig::new(), Client::new("a"));
    let both = |client: &Client| {
        client.request().with_subscribed_topic_names(Some(vec![TopicName(id("t")), TopicName(id("new"))]))
    };
    let answer = rig.send(&both(&a));
    a.follow(&answer);
    assert_eq!((a.epoch, a.partitions().len()), (1, 4));
    rig.topics.make("unread", 1, TopicConfig::default()).unwrap();
    let answer = rig.send(&both(&a));
    assert_eq!(answer.member_epoch, 1, "what nobody reads changes nothing");
    rig.topics.make("new", 2, TopicConfig::default()).unwrap();
    rig.topics.grow("t", 5).unwrap();
    let answer = rig.send(&both(&a));
    a.follow(&answer);
    assert_eq!((a.epoch, a.partitions().len()), (2, 7));
    rig.topics.remove("new");
    for _ in 0..2 {
        let answer = rig.send(&both(&a));
        a.follow(&answer);
    }
    assert_eq!((a.epoch, a.partitions()), (3, vec![0, 1, 2, 3, 4]));
}

#[test]
fn a_regular_expression_subscribes_to_topics_that_come_later() {
    let (mut rig, mut a) = (Rig::new(), Client::new("a"));
    rig.topics.make("cam1", 1, TopicConfig::default()).unwrap();
    let request = |client: &Client| {
        client.request().with_subscribed_topic_names(None).with_subscribed_topic_regex(Some(id("^cam.*")))
    };
    let answer = rig.send(&request(&a));
    a.follow(&answer);
    assert_eq!(a.partitions(), [0]);
    rig.topics.make("cam2", 2, TopicConfig::default()).unwrap();
    let answer = rig.send(&request(&a));
    a.follow(&answer);
    assert_eq!(a.partitions().len(), 3);
}

#[test]
fn most_members_choose_the_assignor() {
    let (mut rig, a) = (Rig::new(), Client::new("a"));
    rig.topics.make("u", 1, TopicConfig::default()).unwrap();
    let named = |request: ConsumerGroupHeartbeatRequest| {
        request.with_subscribed_topic_names(Some(vec![TopicName(id("t")), TopicName(id("u"))]))
    };
    rig.send(&named(a.request().with_server_assignor(Some(id("range")))));
    assert_eq!(described(&rig).assignor_name, *"range");
    for name in ["b", "c"] {
        rig.send(&named(Client::new(name).request().with_server_assignor(Some(id("uniform")))));
    }
    assert_eq!(described(&rig).assignor_name, *"uniform");
}

#[test]
fn offsets_are_a_members_in_its_epoch() {
    let mut rig = Rig::new();
    let (a, _) = rig.two();
    assert_eq!(rig.commit(&a, 2, 9), 0);
    assert_eq!(rig.commit(&a, 1, 9), StaleMemberEpoch.code());
    assert_eq!(rig.commit(&a, 2, 8), UnsupportedVersion.code());
    assert_eq!(rig.commit(&Client::new("x"), 2, 9), UnknownMemberId.code());
    assert_eq!(rig.commit(&Client::new(""), -1, 9), UnknownMemberId.code(), "an operator waits until nobody is in it");
    let fetch = |rig: &Rig, member: Option<&str>, epoch| {
        let asked = OffsetFetchRequestGroup::default().with_group_id(group()).with_topics(None);
        let asked = asked.with_member_id(member.map(id)).with_member_epoch(epoch);
        rig.groups.fetch_offsets(&OffsetFetchRequest::default().with_groups(vec![asked]), 9).groups.remove(0)
    };
    let offset = |group: kafka_protocol::messages::offset_fetch_response::OffsetFetchResponseGroup| {
        (group.error_code, group.topics.first().map(|t| t.partitions[0].committed_offset))
    };
    assert_eq!(offset(fetch(&rig, Some("a"), 2)), (0, Some(5)));
    assert_eq!(offset(fetch(&rig, None, -1)), (0, Some(5)));
    assert_eq!(offset(fetch(&rig, Some("a"), 1)), (StaleMemberEpoch.code(), None));
    assert_eq!(offset(fetch(&rig, Some("x"), 1)), (UnknownMemberId.code(), None));
}

#[test]
fn a_group_changes_its_protocol_when_nobody_is_in_it() {
    let mut rig = Rig::new();
    let (a, b) = rig.two();
    rig.commit(&a, 2, 9);
    let refused = join(&mut rig.groups, "", 0).try_recv().unwrap();
    assert_eq!(refused.error_code, InconsistentGroupProtocol.code());
    let beat = HeartbeatRequest::default().with_group_id(group()).with_member_id(a.id.clone());
    assert_eq!(rig.groups.heartbeat(&beat, 0).error_code, UnknownMemberId.code());
    // The first member leaves by itself, and an operator removes the other.
    rig.leave(&a, -1);
    let leaver = MemberIdentity::default().with_member_id(b.id);
    let request = LeaveGroupRequest::default().with_group_id(group()).with_members(vec![leaver]);
    assert_eq!(rig.groups.leave(&request, 3, 0).members[0].error_code, 0);
    let member = settled(&mut rig.groups);
    assert_eq!(state(&rig.groups), "Stable");
    let first = Client::new("c").request();
    let refused = rig.send(&first);
    assert_eq!(refused.error_code, InvalidRequest.code());
    assert!(refused.error_message.unwrap().contains("classic protocol"));
    rig.groups.leave(&LeaveGroupRequest::default().with_group_id(group()).with_member_id(id(&member)), 0, 0);
    let mut c = Client::new("c");
    rig.beat(&mut c);
    assert_eq!(c.partitions().len(), 4);
    let asked = OffsetFetchRequestGroup::default().with_group_id(group()).with_topics(None);
    let fetched = rig.groups.fetch_offsets(&OffsetFetchRequest::default().with_groups(vec![asked]), 8);
    assert_eq!(fetched.groups[0].topics[0].partitions[0].committed_offset, 5, "how far it got is kept");
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

#[test]
fn operators_list_describe_and_delete_it() {
    let mut rig = Rig::new();
    assert_eq!(described(&rig).error_code, GroupIdNotFound.code());
    let (a, b) = rig.two();
    let group_described = described(&rig);
    assert_eq!((group_described.group_epoch, group_described.assignment_epoch), (2, 2));
    let member = &group_described.members[0];
    assert_eq!((&*member.member_id, member.member_epoch, member.member_type), ("a", 2, 1));
    assert_eq!(member.assignment, member.target_assignment);
    assert_eq!(member.assignment.topic_partitions[0].topic_name, TopicName(id("t")));
    let types = |types: &[&str]| {
        let request = ListGroupsRequest::default().with_types_filter(types.iter().map(|t| id(t)).collect());
        rig.groups.list(&request, 5).groups.len()
    };
    assert_eq!((types(&[]), types(&["consumer"]), types(&["classic"])), (1, 1, 0));
    let classic = |version| {
        let request = DescribeGroupsRequest::default().with_groups(vec![group()]);
        rig.groups.describe(&request, version).groups.remove(0)
    };
    assert_eq!((classic(6).error_code, &*classic(5).group_state), (GroupIdNotFound.code(), "Dead"));
    let delete = DeleteGroupsRequest::default().with_groups_names(vec![group()]);
    assert_eq!(rig.groups.delete(&delete).results[0].error_code, NonEmptyGroup.code());
    rig.leave(&a, -1);
    assert_eq!(state_of(&rig), "Assigning");
    rig.leave(&b, -1);
    assert_eq!(state_of(&rig), "Empty");
    assert_eq!(rig.groups.delete(&delete).results[0].error_code, 0);
    assert!(rig.groups.is_empty());
}

#[test]
fn what_members_make_the_broker_keep_is_counted_and_bounded() {
    let mut rig = Rig::with(GroupLimits { memory_bytes: 20_000, ..limits() });
    for nth in 0..4 {
        let mut client = Client::new(&nth.to_string());
        rig.beat(&mut client);
    }
    assert_eq!(rig.error(&Client::new("4").request()), Some(GroupMaxSizeReached));
    let used = rig.groups.memory_used();
    assert!(used > 1000, "{used}");
    rig.topics.make("large", 5000, TopicConfig::default()).unwrap();
    let large = Client::new("0").request().with_subscribed_topic_names(Some(vec![TopicName(id("large"))]));
    assert_eq!(rig.error(&large), Some(CoordinatorNotAvailable));
    rig.groups.tick(1_000_000);
    assert_eq!(rig.groups.memory_used(), 0);
}

/// A string that is a part of a large request.
fn part(request: &Bytes, text: &str) -> StrBytes {
    let at = request.windows(text.len()).position(|bytes| bytes == text.as_bytes()).unwrap();
    StrBytes::from_utf8(request.slice(at..at + text.len())).unwrap()
}

#[test]
fn a_member_keeps_nothing_of_its_requests() {
    let mut rig = Rig::new();
    let memory = Memory::new(1 << 20);
    let large = [b"member instance rack topic name.*".as_slice(), &[0; 100_000]].concat();
    for epoch in [0, 1, 1, 0, 1] {
        let bytes = memory.hold(large.len()).keep(large.clone());
        let request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(group())
            .with_member_id(part(&bytes, "member"))
            .with_member_epoch(epoch)
            .with_instance_id(Some(part(&bytes, "instance")))
            .with_rack_id(Some(part(&bytes, "rack")))
            .with_rebalance_timeout_ms(REBALANCE)
            .with_subscribed_topic_names(Some(vec![TopicName(part(&bytes, "topic"))]))
            .with_subscribed_topic_regex(Some(part(&bytes, "name.*")))
            .with_topic_partitions(Some(Vec::new()));
        drop(bytes);
        assert_eq!(rig.error(&request), None, "{epoch}");
        drop(request);
        assert_eq!(memory.used(), 0, "{epoch}");
    }
}

#[test]
fn all_data_of_a_member_are_counted() {
    let mut rig = Rig::with(GroupLimits { metadata_bytes: 10_000, ..limits() });
    rig.beat(&mut Client::of_instance("a", "one"));
    let before = rig.groups.memory_used();
    let a = Client { epoch: 1, ..Client::of_instance("a", "one") };
    let later = a.request().with_topic_partitions(None).with_rack_id(Some(id(&"r".repeat(900))));
    assert_eq!(rig.error(&later), None);
    assert_eq!(rig.groups.memory_used(), before + 900);
    assert_eq!(rig.leave(&a, -2), 0);
    rig.beat(&mut Client::of_instance(&"b".repeat(801), "one"));
    assert_eq!(rig.groups.memory_used(), before + 900 + 800);
    let regex = Client { epoch: 1, ..Client::of_instance(&"b".repeat(801), "one") }.request();
    assert_eq!(rig.error(&regex.with_topic_partitions(None).with_subscribed_topic_regex(Some(id("name.*")))), None);
    assert_eq!(rig.groups.memory_used(), before + 900 + 800 + 6);
}

#[test]
fn members_stay_in_their_group_while_the_memory_is_full() {
    let (mut rig, mut a) = (Rig::new(), Client::new("a"));
    rig.beat(&mut a);
    let full = rig.groups.memory.hold(limits().memory_bytes);
    for step in 1..5 {
        rig.now = step * (SESSION_MS - 1);
        rig.groups.tick(rig.now);
        // A heartbeat that adds nothing is answered, and one that adds something is refused; both extend the session.
        match step % 2 {
            0 => rig.beat(&mut a),
            _ => assert_eq!(rig.error(&a.request().with_rack_id(Some(id("rack")))), Some(CoordinatorNotAvailable)),
        }
    }
    assert_eq!(rig.error(&Client::new("b").request()), Some(CoordinatorNotAvailable));
    drop(full);
    rig.beat(&mut a);
    rig.beat(&mut Client::new("b"));
    assert_eq!(described(&rig).members.len(), 2);
}

#[test]
fn groups_without_members_make_room_for_a_member_and_its_assignment() {
    let mut rig = Rig::with(GroupLimits { groups: 1000, ..limits() });
    let many = fill_with_empty_groups(&mut rig.groups);
    rig.beat(&mut Client::new("a"));
    assert!(rig.groups.len() < many + 1, "{many}");
    rig.topics.make("large", 3000, TopicConfig::default()).unwrap();
    fill_with_empty_groups(&mut rig.groups);
    let large = Client::new("a").request().with_subscribed_topic_names(Some(vec![TopicName(id("large"))]));
    assert_eq!(rig.error(&large), None);
    assert_eq!(described(&rig).members[0].assignment.topic_partitions[0].partitions.len(), 3000);
}

#[test]
fn offsets_of_topics_that_match_no_expression_can_be_deleted() {
    let (mut rig, a) = (Rig::new(), Client::new("a"));
    let regex = |request: ConsumerGroupHeartbeatRequest| request.with_subscribed_topic_regex(Some(id("cam.*")));
    assert_eq!(rig.error(&regex(a.request())), None);
    let topic = |name: &str| {
        let partitions = vec![OffsetDeleteRequestPartition::default()];
        OffsetDeleteRequestTopic::default().with_name(TopicName(id(name))).with_partitions(partitions)
    };
    let topics = ["cam1", "t", "other", "xcam"].map(topic).to_vec();
    let request = OffsetDeleteRequest::default().with_group_id(group()).with_topics(topics);
    let answer = rig.groups.delete_offsets(&request);
    let codes: Vec<i16> = answer.topics.iter().map(|topic| topic.partitions[0].error_code).collect();
    let read = GroupSubscribedToTopic.code();
    assert_eq!(codes, [read, read, 0, 0]);
}

#[test]
fn every_answer_can_be_encoded() {
    let mut rig = Rig::new();
    rig.two();
    for version in 0..=1 {
        let answer = rig.groups.consumer_heartbeat(&Client::new("a").request(), version, &requester(1), &rig.topics, 0);
        encodes(&answer, version);
        let wrong = Client { epoch: 9, ..Client::new("x") }.request();
        encodes(&rig.groups.consumer_heartbeat(&wrong, version, &requester(1), &rig.topics, 0), version);
        let asked = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group(), GroupId(id("none"))]);
        encodes(&rig.groups.consumer_describe(&asked, &rig.topics), version);
    }
}

proptest! {
    /// Whatever members do, no partition has two holders. Once they follow all answers, every partition is read.
    #[test]
    fn any_walk_ends_with_every_partition_at_one_member(
        steps in prop::collection::vec((0..10u8, 0..4usize, 0..60u64), 1..80)
    ) {
        let mut rig = Rig::new();
        let mut clients: Vec<Client> = ["a", "b", "c"].map(Client::new).into();
        clients.push(Client::of_instance("d", "one"));
        for (what, which, wait) in steps {
            rig.now += wait / 4;
            let client = &mut clients[which];
            match what {
                0 => drop(rig.leave(client, -1)),
                1 => drop(rig.leave(client, -2)),
                // A member that revokes nothing, or whose answer is lost.
                2 => drop(rig.send(&client.request())),
                3 => rig.groups.tick(rig.now),
                4 => drop(rig.topics.grow("t", rig.topics.get("t").unwrap().partitions.len() + 1)),
                _ => beat_or_begin_again(&mut rig, client),
            }
            rig.groups.check_invariants();
        }
        for _ in 0..12 {
            rig.now += 5;
            rig.groups.tick(rig.now);
            clients.iter_mut().for_each(|client| beat_or_begin_again(&mut rig, client));
        }
        let mut all: Vec<i32> = clients.iter().flat_map(Client::partitions).collect();
        all.sort_unstable();
        let count = i32::try_from(rig.topics.get("t").unwrap().partitions.len()).unwrap();
        prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
        prop_assert_eq!(state_of(&rig), "Stable");
    }
}

fn beat_or_begin_again(rig: &mut Rig, client: &mut Client) {
    let answer = rig.send(&client.request());
    if answer.error_code == 0 {
        client.follow(&answer);
    } else {
        client.epoch = 0;
        client.holds.clear();
    }
}
