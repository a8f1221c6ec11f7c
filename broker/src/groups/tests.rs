//! Tests of the groups, with a number as the clock.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};
use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopic};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, ListGroupsRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
    SyncGroupRequest, SyncGroupResponse, TopicName, leave_group_request::MemberIdentity as Identity,
};
use kafka_protocol::protocol::{Encodable, StrBytes};
use proptest::prelude::*;
use tokio::sync::oneshot;

use super::*;
use crate::request::Requester;

type Joining = oneshot::Receiver<JoinGroupResponse>;

pub(super) const SESSION: i32 = 100;
const REBALANCE: i32 = 300;

pub(super) fn limits() -> GroupLimits {
    GroupLimits {
        groups: 3,
        members: 4,
        offsets: 3,
        metadata_bytes: 1000,
        memory_bytes: 100_000,
        session_ms_min: 1,
        session_ms_max: 10_000,
        times: GroupTimes { session_ms: SESSION, heartbeat_ms: 10 },
    }
}

fn groups() -> Groups {
    Groups::new(limits(), &Memory::new(0))
}

pub(super) fn id(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(super) fn group() -> GroupId {
    GroupId(id("g"))
}

/// A subscription to one topic with a name of one letter.
fn subscribed(topic: &str) -> Bytes {
    Bytes::from([b"\0\0\0\0\0\x01\0\x01", topic.as_bytes(), b"\xff\xff\xff\xff"].concat())
}

fn join_request(member: &str) -> JoinGroupRequest {
    JoinGroupRequest::default()
        .with_group_id(group())
        .with_session_timeout_ms(SESSION)
        .with_rebalance_timeout_ms(REBALANCE)
        .with_member_id(id(member))
        .with_protocol_type(id("consumer"))
        .with_protocols(vec![JoinGroupRequestProtocol::default().with_name(id("range")).with_metadata(subscribed("t"))])
}

pub(super) fn requester(connection: u64) -> Requester {
    Requester { connection, client_id: "c".into(), host: "/127.0.0.1".into(), advertise: (StrBytes::new(), 0) }
}

/// Joins with version 3, which needs no round trip for an id.
pub(super) fn join(groups: &mut Groups, member: &str, now: Ms) -> Joining {
    groups.join(join_request(member), 3, &requester(1), now)
}

fn join_static(groups: &mut Groups, version: i16, now: Ms) -> Joining {
    groups.join(join_request("").with_group_instance_id(Some(id("s"))), version, &requester(1), now)
}

fn sync_request(member: &str, generation: i32, given: &[(&str, &'static str)]) -> SyncGroupRequest {
    let given = given.iter().map(|(to, what)| {
        SyncGroupRequestAssignment::default()
            .with_member_id(id(to))
            .with_assignment(Bytes::from_static(what.as_bytes()))
    });
    let request = SyncGroupRequest::default().with_group_id(group()).with_member_id(id(member));
    request.with_generation_id(generation).with_assignments(given.collect())
}

fn heartbeat(groups: &mut Groups, member: &str, generation: i32, now: Ms) -> i16 {
    let request = HeartbeatRequest::default().with_group_id(group()).with_member_id(id(member));
    groups.heartbeat(&request.with_generation_id(generation), now).error_code
}

pub(super) fn commit_request(member: &str, generation: i32, partition: i32, offset: i64) -> OffsetCommitRequest {
    let partition =
        OffsetCommitRequestPartition::default().with_partition_index(partition).with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default().with_name(TopicName(id("t"))).with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default().with_group_id(group()).with_member_id(id(member));
    request.with_generation_id_or_member_epoch(generation).with_topics(vec![topic])
}

fn commit(groups: &mut Groups, member: &str, generation: i32, partition: i32, offset: i64) -> i16 {
    let request = commit_request(member, generation, partition, offset);
    groups.commit(&request, 2, 0, |_, index| index < 9).topics[0].partitions[0].error_code
}

fn committed(groups: &Groups, partition: i32) -> i64 {
    let topic =
        OffsetFetchRequestTopic::default().with_name(TopicName(id("t"))).with_partition_indexes(vec![partition]);
    let request = OffsetFetchRequest::default().with_group_id(group()).with_topics(Some(vec![topic]));
    groups.fetch_offsets(&request, 1).topics[0].partitions[0].committed_offset
}

pub(super) fn state(groups: &Groups) -> String {
    let described = groups.describe(&DescribeGroupsRequest::default().with_groups(vec![group()]), 0);
    described.groups[0].group_state.to_string()
}

/// A group with one member that has its assignment.
pub(super) fn settled(groups: &mut Groups) -> String {
    let joined = join(groups, "", 0).try_recv().unwrap();
    let member = joined.member_id.to_string();
    let given = groups.sync(sync_request(&member, joined.generation_id, &[(&member, "all")]), 0, 0).try_recv();
    assert_eq!(given.unwrap().assignment, "all");
    member
}

/// A leader and a follower in generation 2, before their syncs.
fn two(groups: &mut Groups) -> (String, String) {
    let leader = settled(groups);
    let mut second = join(groups, "", 0);
    assert!(second.try_recv().is_err(), "waits for the first");
    let first = join(groups, &leader, 0).try_recv().unwrap();
    assert_eq!((first.generation_id, first.members.len(), &*first.leader), (2, 2, &*leader));
    let second = second.try_recv().unwrap();
    assert!(second.members.is_empty(), "only the leader is told who is in the group");
    (leader, second.member_id.to_string())
}

#[test]
fn one_member_gets_all_at_once() {
    let mut groups = groups();
    settled(&mut groups);
    assert_eq!(state(&groups), "Stable");
    groups.check_invariants();
}

#[test]
fn a_follower_waits_for_the_leaders_assignment() {
    let mut groups = groups();
    let (leader, follower) = two(&mut groups);
    let mut waits = groups.sync(sync_request(&follower, 2, &[]), 0, 0);
    assert!(waits.try_recv().is_err());
    let given = [(&*leader, "one"), (&*follower, "two")];
    assert_eq!(groups.sync(sync_request(&leader, 2, &given), 0, 0).try_recv().unwrap().assignment, "one");
    assert_eq!(waits.try_recv().unwrap().assignment, "two");
}

#[test]
fn who_is_silent_is_out_and_the_other_gets_all() {
    let mut groups = groups();
    let (leader, follower) = two(&mut groups);
    groups.sync(sync_request(&leader, 2, &[]), 0, 0);
    groups.sync(sync_request(&follower, 2, &[]), 0, 0);
    assert_eq!(heartbeat(&mut groups, &follower, 2, 60), 0);
    assert_eq!(groups.next_deadline(), Some(100));
    groups.tick(100);
    assert_eq!(heartbeat(&mut groups, &leader, 2, 110), ResponseError::UnknownMemberId.code());
    assert_eq!(heartbeat(&mut groups, &follower, 2, 110), ResponseError::RebalanceInProgress.code());
    let alone = join(&mut groups, &follower, 110).try_recv().unwrap();
    assert_eq!((alone.generation_id, &*alone.leader, alone.members.len()), (3, &*follower, 1));
    assert_eq!(heartbeat(&mut groups, &follower, 2, 110), ResponseError::IllegalGeneration.code());
}

#[test]
fn a_leader_that_dies_before_it_assigns_holds_nobody_up() {
    let mut groups = groups();
    let (_, follower) = two(&mut groups);
    let mut waits = groups.sync(sync_request(&follower, 2, &[]), 0, 0);
    groups.tick(100);
    assert_eq!(waits.try_recv().unwrap().error_code, ResponseError::RebalanceInProgress.code());
    assert_eq!(&*join(&mut groups, &follower, 110).try_recv().unwrap().leader, &*follower);
}

#[test]
fn who_does_not_rejoin_in_time_is_out() {
    let mut groups = groups();
    let first = settled(&mut groups);
    let mut second = join(&mut groups, "", 0);
    for now in (50..300).step_by(50) {
        assert_eq!(heartbeat(&mut groups, &first, 1, now), ResponseError::RebalanceInProgress.code());
        groups.tick(now);
    }
    assert!(second.try_recv().is_err());
    groups.tick(300);
    assert_eq!(second.try_recv().unwrap().members.len(), 1);
}

#[test]
fn a_join_that_nobody_reads_holds_up_nobody() {
    let mut groups = groups();
    let first = settled(&mut groups);
    drop(groups.join(join_request(""), 3, &requester(7), 0));
    groups.disconnected(7, 0);
    assert_eq!(join(&mut groups, &first, 0).try_recv().unwrap().members.len(), 1);
}

#[test]
fn a_member_needs_an_id_first() {
    let mut groups = groups();
    let told = groups.join(join_request(""), 4, &requester(1), 0).try_recv().unwrap();
    assert_eq!(told.error_code, ResponseError::MemberIdRequired.code());
    let joined = groups.join(join_request(&told.member_id), 4, &requester(1), 0).try_recv().unwrap();
    assert_eq!((joined.error_code, joined.generation_id), (0, 1));
}

#[test]
fn an_id_that_is_never_used_is_forgotten() {
    let mut groups = groups();
    let told = groups.join(join_request(""), 4, &requester(1), 0).try_recv().unwrap();
    groups.tick(groups.next_deadline().unwrap());
    assert!(groups.is_empty());
    let refused = groups.join(join_request(&told.member_id), 4, &requester(1), 0).try_recv().unwrap();
    assert_eq!(refused.error_code, ResponseError::UnknownMemberId.code());
}

#[test]
fn a_static_member_returns_without_a_rebalance() {
    let mut groups = groups();
    let old = join_static(&mut groups, 9, 0).try_recv().unwrap().member_id;
    groups.sync(sync_request(&old, 1, &[(&old, "all")]), 0, 0);
    let back = join_static(&mut groups, 9, 50).try_recv().unwrap();
    assert_eq!((back.generation_id, back.skip_assignment), (1, true));
    let given = groups.sync(sync_request(&back.member_id, 1, &[]), 0, 50).try_recv().unwrap();
    assert_eq!(given.assignment, "all");
    let request = HeartbeatRequest::default().with_group_id(group()).with_member_id(old).with_generation_id(1);
    let fenced = groups.heartbeat(&request.with_group_instance_id(Some(id("s"))), 50);
    assert_eq!(fenced.error_code, ResponseError::FencedInstanceId.code());
    let leaver = Identity::default().with_group_instance_id(Some(id("s")));
    let left = groups.leave(&LeaveGroupRequest::default().with_group_id(group()).with_members(vec![leaver]), 3, 50);
    assert_eq!((left.members[0].error_code, &*state(&groups)), (0, "Empty"));
}

#[test]
fn joins_that_do_not_fit_are_refused() {
    let mut groups = groups();
    settled(&mut groups);
    let cases = [
        (join_request("").with_group_id(GroupId::default()), ResponseError::InvalidGroupId),
        (join_request("").with_session_timeout_ms(0), ResponseError::InvalidSessionTimeout),
        (join_request("").with_protocol_type(id("connect")), ResponseError::InconsistentGroupProtocol),
        (join_request("").with_protocols(Vec::new()), ResponseError::InconsistentGroupProtocol),
        (join_request("stranger"), ResponseError::UnknownMemberId),
        (join_request("").with_protocol_type(id(&"x".repeat(1001))), ResponseError::InvalidRequest),
    ];
    for (request, expected) in cases {
        let answer = groups.join(request, 3, &requester(1), 0).try_recv().unwrap();
        assert_eq!(answer.error_code, expected.code(), "{expected:?}");
    }
    let _three: Vec<Joining> = (0..3).map(|_| join(&mut groups, "", 0)).collect();
    let full = join(&mut groups, "", 0).try_recv().unwrap();
    assert_eq!(full.error_code, ResponseError::GroupMaxSizeReached.code());
}

#[test]
fn offsets_are_kept_and_bounded() {
    let mut groups = groups();
    assert_eq!(committed(&groups, 0), -1);
    assert_eq!(commit(&mut groups, "", -1, 9, 5), ResponseError::UnknownTopicOrPartition.code());
    assert!(groups.is_empty(), "a commit of nothing makes no group");
    assert_eq!(commit(&mut groups, "", -1, 0, 5), 0);
    assert_eq!((committed(&groups, 0), &*state(&groups)), (5, "Empty"));
    let member = settled(&mut groups);
    assert_eq!(commit(&mut groups, "", -1, 0, 6), ResponseError::UnknownMemberId.code());
    assert_eq!(commit(&mut groups, &member, 0, 0, 6), ResponseError::IllegalGeneration.code());
    assert_eq!([0, 1, 2].map(|index| commit(&mut groups, &member, 1, index, 7)), [0, 0, 0]);
    assert_eq!(commit(&mut groups, &member, 1, 3, 7), ResponseError::InvalidCommitOffsetSize.code());
    groups.forget_topic("t");
    assert_eq!(committed(&groups, 0), -1);
}

#[test]
fn what_is_in_use_is_not_deleted() {
    let mut groups = groups();
    let delete = DeleteGroupsRequest::default().with_groups_names(vec![group()]);
    let partition = OffsetDeleteRequestPartition::default();
    let topic = OffsetDeleteRequestTopic::default().with_name(TopicName(id("t"))).with_partitions(vec![partition]);
    let offsets = OffsetDeleteRequest::default().with_group_id(group()).with_topics(vec![topic]);
    assert_eq!(groups.delete(&delete).results[0].error_code, ResponseError::GroupIdNotFound.code());
    let member = settled(&mut groups);
    commit(&mut groups, &member, 1, 0, 5);
    assert_eq!(groups.delete(&delete).results[0].error_code, ResponseError::NonEmptyGroup.code());
    let refused = groups.delete_offsets(&offsets).topics[0].partitions[0].error_code;
    assert_eq!(refused, ResponseError::GroupSubscribedToTopic.code());
    groups.tick(100);
    assert_eq!(state(&groups), "Empty");
    assert_eq!(groups.delete_offsets(&offsets).topics[0].partitions[0].error_code, 0);
    assert_eq!(groups.delete(&delete).results[0].error_code, 0);
    assert!(groups.is_empty());
}

#[test]
fn a_group_that_never_committed_stays_when_its_last_member_leaves() {
    let mut groups = groups();
    let member = settled(&mut groups);
    let leave = LeaveGroupRequest::default().with_group_id(group()).with_member_id(id(&member));
    assert_eq!(groups.leave(&leave, 0, 5).error_code, 0);
    assert_eq!(state(&groups), "Empty");
    let listed = groups.list(&ListGroupsRequest::default(), 5).groups.remove(0);
    assert_eq!((&*listed.group_state, &*listed.protocol_type), ("Empty", "consumer"));
    groups.tick(1_000_000);
    let delete = DeleteGroupsRequest::default().with_groups_names(vec![group()]);
    assert_eq!(groups.delete(&delete).results[0].error_code, 0);
    assert_eq!(state(&groups), "Dead");
}

#[test]
fn of_groups_without_members_the_one_that_was_left_first_makes_room() {
    let mut groups = groups();
    for (name, left) in [("a", 90), ("b", 70), ("c", 80)] {
        let request = join_request("").with_group_id(GroupId(id(name)));
        let member = groups.join(request, 3, &requester(1), 0).try_recv().unwrap().member_id;
        let leave = LeaveGroupRequest::default().with_group_id(GroupId(id(name))).with_member_id(member);
        groups.leave(&leave, 0, left);
    }
    settled(&mut groups);
    let names: Vec<_> =
        groups.list(&ListGroupsRequest::default(), 5).groups.into_iter().map(|g| g.group_id.0).collect();
    assert_eq!(names, ["a", "c", "g"].map(id));
}

pub(super) fn encodes(answer: &impl Encodable, version: i16) {
    answer.encode(&mut BytesMut::new(), version).unwrap_or_else(|error| panic!("version {version}: {error}"));
}

#[test]
fn every_answer_can_be_encoded() {
    for version in 0..=9 {
        let mut groups = groups();
        let mut joined = groups.join(join_request(""), version, &requester(1), 0).try_recv().unwrap();
        if version >= 4 {
            encodes(&joined, version);
            joined = groups.join(join_request(&joined.member_id), version, &requester(1), 0).try_recv().unwrap();
        }
        encodes(&joined, version);
        encodes(&groups.join(join_request("stranger"), version, &requester(1), 0).try_recv().unwrap(), version);
        let member = joined.member_id.to_string();
        for version in 0..=5 {
            encodes(
                &groups.sync(sync_request(&member, 1, &[(&member, "all")]), version, 0).try_recv().unwrap(),
                version,
            );
            encodes(&groups.sync(sync_request("stranger", 1, &[]), version, 0).try_recv().unwrap(), version);
            encodes(&groups.list(&ListGroupsRequest::default(), version), version);
        }
        (0..=4).for_each(|version| encodes(&groups.heartbeat(&HeartbeatRequest::default(), 0), version));
        (2..=9).for_each(|v| encodes(&groups.commit(&commit_request(&member, 1, 0, 5), v, 0, |_, _| true), v));
        for version in 1..=9 {
            let mut request = OffsetFetchRequest::default().with_group_id(group()).with_topics(None);
            request.groups = vec![OffsetFetchRequestGroup::default().with_group_id(group()).with_topics(None)];
            encodes(&groups.fetch_offsets(&request, version), version);
        }
        let asked = DescribeGroupsRequest::default().with_groups(vec![group(), GroupId(id("none"))]);
        (0..=6).for_each(|version| encodes(&groups.describe(&asked, version), version));
        let delete = DeleteGroupsRequest::default().with_groups_names(vec![group()]);
        (0..=2).for_each(|version| encodes(&groups.delete(&delete), version));
        encodes(&groups.delete_offsets(&OffsetDeleteRequest::default().with_group_id(group())), 0);
        let leaver = Identity::default().with_member_id(id(&member));
        for version in 0..=5 {
            let mut leave = LeaveGroupRequest::default().with_group_id(group()).with_member_id(id(&member));
            leave.members = vec![leaver.clone()];
            encodes(&groups.leave(&leave, version, 0), version);
        }
    }
}

/// The state of a random walk: its members' ids, and the answers that it waits for.
#[derive(Default)]
struct Walk {
    ids: Vec<String>,
    joins: Vec<Joining>,
    syncs: Vec<oneshot::Receiver<SyncGroupResponse>>,
    generation: i32,
}

impl Walk {
    fn step(&mut self, groups: &mut Groups, (what, which, version): (u8, usize, i16), now: Ms) {
        let member = self.ids.get(which % 5).cloned().unwrap_or_default();
        match what {
            0 | 1 => self.joins.push(groups.join(join_request(&member), version, &requester(which as u64 % 3), now)),
            2 => self.joins.push(join_static(groups, 5 + version % 5, now)),
            3 | 4 => self.syncs.push(groups.sync(sync_request(&member, self.generation, &[(&member, "x")]), 0, now)),
            5 => drop(heartbeat(groups, &member, self.generation, now)),
            6 => drop(groups.leave(
                &LeaveGroupRequest::default().with_group_id(group()).with_member_id(id(&member)),
                0,
                now,
            )),
            7 => drop(commit(groups, &member, self.generation, 0, 1)),
            8 => drop((!self.joins.is_empty()).then(|| self.joins.swap_remove(which % self.joins.len()))),
            9 => groups.disconnected(which as u64 % 3, now),
            _ => groups.tick(now),
        }
        self.syncs.retain_mut(|answer| answer.try_recv().is_err());
        self.joins.retain_mut(|answer| match answer.try_recv() {
            Ok(joined) => {
                self.ids.insert(0, joined.member_id.to_string());
                self.generation = self.generation.max(joined.generation_id);
                false
            }
            Err(_) => true,
        });
    }
}

proptest! {
    #[test]
    fn no_walk_breaks_a_group_or_leaves_a_question_open(
        steps in prop::collection::vec((0..12u8, any::<usize>(), 0..10i16, 0..120u64), 1..120)
    ) {
        let (mut groups, mut walk, mut now) = (groups(), Walk::default(), 0);
        for (what, which, version, waits) in steps {
            now += waits / 4;
            walk.step(&mut groups, (what, which, version), now);
            groups.check_invariants();
        }
        let mut ticks = 0;
        while let Some(deadline) = groups.next_deadline() {
            now = now.max(deadline);
            groups.tick(now);
            groups.check_invariants();
            ticks += 1;
            prop_assert!(ticks < 100, "each tick gets on");
        }
        prop_assert!(walk.joins.iter_mut().all(|a| a.try_recv() != Err(oneshot::error::TryRecvError::Empty)));
        prop_assert!(walk.syncs.iter_mut().all(|a| a.try_recv() != Err(oneshot::error::TryRecvError::Empty)));
    }
}

#[test]
fn what_members_send_is_counted_and_bounded() {
    let memory_bytes = 50_000;
    let mut groups = Groups::new(GroupLimits { groups: 1000, memory_bytes, ..limits() }, &Memory::new(0));
    let large = |nth: usize| {
        let protocol = JoinGroupRequestProtocol::default().with_name(id("range"));
        let protocols = vec![protocol.with_metadata(Bytes::from(vec![0; 900]))];
        join_request("").with_group_id(GroupId(id(&nth.to_string()))).with_protocols(protocols)
    };
    let refused = (0..100).find(|&nth| {
        let mut answer = groups.join(large(nth), 3, &requester(1), 0);
        answer.try_recv().unwrap().error_code == ResponseError::CoordinatorNotAvailable.code()
    });
    assert!(refused.is_some_and(|nth| nth > 10), "{refused:?}");
    assert!(groups.memory_used() <= memory_bytes && groups.memory_used() > memory_bytes / 2);
    groups.tick(100_000);
    assert_eq!(groups.memory_used(), 0);
    let long = join_request("").with_group_id(GroupId(id(&"g".repeat(2000))));
    assert_eq!(
        groups.join(long, 3, &requester(1), 0).try_recv().unwrap().error_code,
        ResponseError::InvalidGroupId.code()
    );
}

#[test]
fn at_the_limit_of_groups_the_one_without_members_for_longest_is_forgotten() {
    let mut groups = groups();
    let commit = |(nth, name)| commit_to(&mut groups, name, nth, "");
    assert_eq!([(1, "a"), (2, "b"), (3, "c"), (4, "d")].map(commit), [0; 4]);
    assert_eq!(groups.len(), 3);
    let asked = OffsetDeleteRequest::default().with_group_id(GroupId(id("a")));
    assert_eq!(groups.delete_offsets(&asked).error_code, ResponseError::GroupIdNotFound.code());
}

fn commit_to(groups: &mut Groups, name: &str, now: Ms, note: &str) -> i16 {
    let mut request = commit_request("", -1, 0, 5).with_group_id(GroupId(id(name)));
    request.topics[0].partitions[0].committed_metadata = Some(id(note));
    groups.commit(&request, 2, now, |topic, _| topic == "t").topics[0].partitions[0].error_code
}

/// Fills the memory with the offsets of groups without members. Returns the number of groups.
pub(super) fn fill_with_empty_groups(groups: &mut Groups) -> usize {
    let note = "n".repeat(1000);
    for nth in 0..1000 {
        if groups.memory.has_room(note.len() + 1) {
            assert_eq!(commit_to(groups, &format!("empty-{nth}"), 0, &note), 0);
        }
    }
    groups.len()
}

#[test]
fn groups_without_members_make_room_in_the_memory_and_others_do_not() {
    let mut groups = Groups::new(GroupLimits { groups: 1000, ..limits() }, &Memory::new(0));
    let member = settled(&mut groups);
    assert_eq!(commit(&mut groups, &member, 1, 0, 7), 0);
    let many = fill_with_empty_groups(&mut groups);
    assert!(many > 50, "{many}");
    // A commit of another group, and a member with much metadata.
    assert_eq!(commit_to(&mut groups, "another", 1, &"n".repeat(1000)), 0);
    assert_eq!(groups.len(), many, "one group made room for another");
    let large = JoinGroupRequestProtocol::default().with_name(id("range")).with_metadata(Bytes::from(vec![0; 900]));
    let request = join_request("").with_group_id(GroupId(id("joined"))).with_protocols(vec![large]);
    assert_eq!(groups.join(request, 3, &requester(1), 1).try_recv().unwrap().error_code, 0);
    assert!(groups.groups.contains_key("joined") && groups.groups.contains_key("another"));
    // No group is removed if that cannot suffice.
    let before = groups.len();
    let full = groups.memory.hold(limits().memory_bytes);
    assert_eq!(commit_to(&mut groups, "last", 2, ""), ResponseError::CoordinatorNotAvailable.code());
    assert_eq!((groups.len(), committed(&groups, 0)), (before, 7));
    // A commit that replaces an equal one needs no room.
    assert_eq!(commit(&mut groups, &member, 1, 0, 8), 0);
    drop(full);
    groups.check_invariants();
}

#[test]
fn a_refused_request_removes_no_group() {
    let mut groups = groups();
    for (name, now) in [("a", 1), ("b", 2), ("c", 3)] {
        assert_eq!(commit_to(&mut groups, name, now, ""), 0);
    }
    let new = |member: &str| join_request(member).with_group_id(GroupId(id("new")));
    for request in [new("").with_protocols(Vec::new()), new("").with_protocol_type(id("")), new("stranger")] {
        let answer = groups.join(request, 3, &requester(1), 5).try_recv().unwrap();
        assert_ne!(answer.error_code, 0);
    }
    let request = commit_request("", -1, 99, 5).with_group_id(GroupId(id("new")));
    let answer = groups.commit(&request, 2, 5, |_, index| index < 9);
    assert_eq!(answer.topics[0].partitions[0].error_code, ResponseError::UnknownTopicOrPartition.code());
    assert_eq!(groups.groups.keys().map(String::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(commit_to(&mut groups, "new", 5, ""), 0);
    assert_eq!(groups.groups.keys().map(String::as_str).collect::<Vec<_>>(), ["b", "c", "new"]);
}
