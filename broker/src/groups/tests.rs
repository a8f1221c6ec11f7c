//! Tests of the groups, with a number as the clock.

mod answers;
mod limits;
mod membership;
mod offsets;
mod walk;

use bytes::{Bytes, BytesMut};
use kafka_protocol::ResponseError;
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
use crate::options::GroupTimes;
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

pub(super) fn encodes(answer: &impl Encodable, version: i16) {
    answer.encode(&mut BytesMut::new(), version).unwrap_or_else(|error| panic!("version {version}: {error}"));
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
