//! Consumer groups: who is in them, who reads what, and how far they got. In memory; time is an argument.
//!
//! ```text
//! Empty ─join▶ Preparing ─all joined, or time─▶ Completing ─the leader's sync▶ Stable
//!                  ▲─────── join, leave, a session's end ──────┴────────────────┘
//! ```
//! Kafka's classic protocol without its initial delay: a group's first member has its partitions as soon as it asks.
//! Two things wait, joins for the other members and syncs for the leader; their answers go through a `oneshot`.

mod describe;
mod group;
mod join;
mod member;
mod offsets;
mod subscription;
mod sync;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, GroupId,
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse,
    ListGroupsRequest, ListGroupsResponse, OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest,
    OffsetDeleteResponse, OffsetFetchRequest, OffsetFetchResponse, SyncGroupRequest, SyncGroupResponse,
};
use tokio::sync::oneshot;

use crate::clock::Ms;
use crate::memory::{Memory, OVERHEAD_BYTES};
use group::{Group, State};
use member::Join;

/// What clients may make us keep.
#[derive(Clone, Debug)]
pub struct Limits {
    pub groups: usize,
    /// Of one group, with those that were given an id and have not joined yet.
    pub members: usize,
    /// Committed partitions of one group.
    pub offsets: usize,
    /// Of one join, all names and metadata; of one sync, all assignments.
    pub metadata_bytes: usize,
    /// All that the groups keep of what clients sent.
    pub memory_bytes: usize,
    pub session_ms_min: i32,
    /// Also the most that a rebalance waits for a member.
    pub session_ms_max: i32,
}

/// Who sent a join.
#[derive(Clone, Debug)]
pub struct Who {
    pub client_id: String,
    pub host: String,
    pub connection: u64,
}

#[derive(Debug)]
pub struct Groups {
    limits: Limits,
    /// Of the groups alone: what they keep makes no reader wait, and no reader's slowness a group.
    memory: Memory,
    groups: BTreeMap<String, Group>,
}

impl Groups {
    pub fn new(limits: Limits) -> Groups {
        Groups { memory: Memory::new(limits.memory_bytes), limits, groups: BTreeMap::new() }
    }

    /// What is kept of what clients sent.
    pub fn memory_used(&self) -> usize {
        self.memory.used()
    }

    pub fn join(
        &mut self,
        mut request: JoinGroupRequest,
        version: i16,
        who: &Who,
        now: Ms,
    ) -> oneshot::Receiver<JoinGroupResponse> {
        let (sender, answer) = oneshot::channel();
        if let Err(error) = self.may_join(&mut request, who) {
            let refused = JoinGroupResponse::default().with_member_id(request.member_id).with_error_code(error.code());
            sender.send(refused).ok();
            return answer;
        }
        let join = Join::new(&request, version, who, Ms::try_from(self.limits.session_ms_max).unwrap_or(1));
        let group = self.groups.entry(request.group_id.to_string()).or_default();
        group.touched = now;
        group.join(&join, self.limits.members, sender, now);
        self.forget_if_vacant(&request.group_id);
        answer
    }

    fn may_join(&mut self, request: &mut JoinGroupRequest, who: &Who) -> Result<(), ResponseError> {
        check_id(&request.group_id)?;
        let session = self.limits.session_ms_min..=self.limits.session_ms_max;
        if !session.contains(&request.session_timeout_ms) {
            return Err(ResponseError::InvalidSessionTimeout);
        }
        let instance = request.group_instance_id.as_ref().map_or(0, |id| id.len());
        let of_member = request.protocol_type.len() + who.client_id.len() + who.host.len() + instance;
        let names = of_member + request.protocols.iter().map(|p| p.name.len()).sum::<usize>();
        let metadata: usize = request.protocols.iter().map(|p| p.metadata.len()).sum();
        if names + metadata > self.limits.metadata_bytes {
            return Err(ResponseError::InvalidRequest);
        }
        self.may_enter(&request.group_id, request.member_id.is_empty())?;
        if !self.memory.has_room(names + metadata + request.protocols.len() * OVERHEAD_BYTES) {
            return Err(ResponseError::CoordinatorNotAvailable);
        }
        let mut beside = names;
        for protocol in &mut request.protocols {
            // The names are counted with the first, as all of a member goes at once.
            protocol.metadata = kept(&self.memory, &protocol.metadata, std::mem::take(&mut beside));
        }
        Ok(())
    }

    /// Whether there is such a group, or may be.
    fn may_enter(&mut self, group: &str, anew: bool) -> Result<(), ResponseError> {
        match self.groups.contains_key(group) {
            true => Ok(()),
            false if !anew => Err(ResponseError::UnknownMemberId),
            false if self.groups.len() >= self.limits.groups && !self.forget_oldest() => {
                Err(ResponseError::CoordinatorNotAvailable)
            }
            false => Ok(()),
        }
    }

    /// Makes room by forgetting how far the group got that nobody has been in for longest.
    fn forget_oldest(&mut self) -> bool {
        let deserted = self.groups.iter().filter(|(_, g)| g.members.is_empty() && g.pending.is_empty());
        let oldest = deserted.min_by_key(|(_, g)| g.touched).map(|(id, _)| id.clone());
        oldest.is_some_and(|id| self.groups.remove(&id).is_some())
    }

    pub fn sync(
        &mut self,
        mut request: SyncGroupRequest,
        _version: i16,
        now: Ms,
    ) -> oneshot::Receiver<SyncGroupResponse> {
        let (sender, answer) = oneshot::channel();
        let bytes: usize = request.assignments.iter().map(|a| a.assignment.len()).sum();
        let cost = bytes + request.assignments.len() * OVERHEAD_BYTES;
        let refused = if bytes > self.limits.metadata_bytes {
            Some(ResponseError::InvalidRequest)
        } else if !self.memory.has_room(cost) {
            Some(ResponseError::CoordinatorNotAvailable)
        } else {
            None
        };
        if refused.is_none() {
            let copies = request.assignments.iter_mut();
            copies.for_each(|a| a.assignment = kept(&self.memory, &a.assignment, 0));
        }
        let group = self.member_group(&request.group_id);
        match group.and_then(|group| refused.map_or(Ok(group), Err)) {
            Err(error) => drop(sender.send(SyncGroupResponse::default().with_error_code(error.code()))),
            Ok(group) => group.sync(&request, sender, now),
        }
        answer
    }

    pub fn heartbeat(&mut self, request: &HeartbeatRequest, now: Ms) -> HeartbeatResponse {
        let group = self.member_group(&request.group_id);
        HeartbeatResponse::default().with_error_code(code(group.and_then(|group| group.heartbeat(request, now))))
    }

    pub fn leave(&mut self, request: &LeaveGroupRequest, version: i16, now: Ms) -> LeaveGroupResponse {
        if request.group_id.is_empty() {
            return LeaveGroupResponse::default().with_error_code(ResponseError::InvalidGroupId.code());
        }
        let alone = [MemberIdentity::default().with_member_id(request.member_id.clone())];
        let leaving = if version < 3 { &alone[..] } else { &request.members[..] };
        let members: Vec<MemberResponse> =
            leaving.iter().map(|leaver| self.leave_one(&request.group_id, leaver)).collect();
        if members.iter().any(|m| m.error_code == 0)
            && let Some(group) = self.groups.get_mut(&**request.group_id)
        {
            group.after_removal(now);
        }
        self.forget_if_vacant(&request.group_id);
        match version {
            ..3 => LeaveGroupResponse::default().with_error_code(members.first().map_or(0, |m| m.error_code)),
            _ => LeaveGroupResponse::default().with_members(members),
        }
    }

    fn leave_one(&mut self, group: &GroupId, leaver: &MemberIdentity) -> MemberResponse {
        let group = self.groups.get_mut(&***group).ok_or(ResponseError::UnknownMemberId);
        let left = group.and_then(|group| group.leave(&leaver.member_id, leaver.group_instance_id.as_ref()));
        MemberResponse::default()
            .with_member_id(leaver.member_id.clone())
            .with_group_instance_id(leaver.group_instance_id.clone())
            .with_error_code(code(left))
    }

    /// The group of a request that only a member may send.
    fn member_group(&mut self, group: &GroupId) -> Result<&mut Group, ResponseError> {
        if group.is_empty() {
            return Err(ResponseError::InvalidGroupId);
        }
        self.groups.get_mut(&***group).ok_or(ResponseError::UnknownMemberId)
    }

    pub fn commit(
        &mut self,
        request: &OffsetCommitRequest,
        _version: i16,
        now: Ms,
        known: impl Fn(&str, i32) -> bool,
    ) -> OffsetCommitResponse {
        let (offsets_max, memory) = (self.limits.offsets, self.memory.clone());
        let mut group = self.commit_group(request, now);
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                let result = match &mut group {
                    Err(error) => Err(*error),
                    Ok(_) if !known(&topic.name, partition.partition_index) => {
                        Err(ResponseError::UnknownTopicOrPartition)
                    }
                    Ok(group) => group.offsets.commit(&topic.name, partition, offsets_max, &memory),
                };
                let answer = OffsetCommitResponsePartition::default().with_partition_index(partition.partition_index);
                answer.with_error_code(code(result))
            });
            OffsetCommitResponseTopic::default().with_name(topic.name.clone()).with_partitions(partitions.collect())
        });
        let topics = topics.collect();
        self.forget_if_vacant(&request.group_id);
        OffsetCommitResponse::default().with_topics(topics)
    }

    fn commit_group(&mut self, request: &OffsetCommitRequest, now: Ms) -> Result<&mut Group, ResponseError> {
        check_id(&request.group_id)?;
        let alone = request.generation_id_or_member_epoch < 0;
        self.may_enter(&request.group_id, alone).map_err(|error| match error {
            ResponseError::UnknownMemberId => ResponseError::IllegalGeneration,
            other => other,
        })?;
        let group = self.groups.entry(request.group_id.to_string()).or_default();
        group.touched = now;
        group.may_commit(request, now)?;
        Ok(group)
    }

    pub fn fetch_offsets(&self, request: &OffsetFetchRequest, version: i16) -> OffsetFetchResponse {
        let asked = offsets::asked(request, version);
        let groups = asked
            .iter()
            .map(|asked| offsets::answer(asked, self.groups.get(&**asked.group_id).map(|group| &group.offsets)));
        let mut groups: Vec<_> = groups.collect();
        if version >= 8 {
            return OffsetFetchResponse::default().with_groups(groups);
        }
        let group = groups.pop().expect("an older request asks for one group");
        let topics = offsets::older(group.topics);
        OffsetFetchResponse::default().with_topics(topics).with_error_code(group.error_code)
    }

    pub fn describe(&self, request: &DescribeGroupsRequest, version: i16) -> DescribeGroupsResponse {
        let described = request.groups.iter().map(|id| match self.groups.get(&***id) {
            Some(group) => group.described(id),
            None => describe::unknown(id, version),
        });
        DescribeGroupsResponse::default().with_groups(described.collect())
    }

    pub fn list(&self, request: &ListGroupsRequest, version: i16) -> ListGroupsResponse {
        let listed = self.groups.iter().filter_map(|(id, group)| group.listed(id, request, version));
        ListGroupsResponse::default().with_groups(listed.collect())
    }

    pub fn delete(&mut self, request: &DeleteGroupsRequest) -> DeleteGroupsResponse {
        let results = request.groups_names.iter().map(|id| {
            let result = DeletableGroupResult::default().with_group_id(id.clone());
            result.with_error_code(code(self.delete_one(id)))
        });
        let results = results.collect();
        DeleteGroupsResponse::default().with_results(results)
    }

    fn delete_one(&mut self, id: &str) -> Result<(), ResponseError> {
        let group = self.groups.get(id).ok_or(ResponseError::GroupIdNotFound)?;
        if group.state != State::Empty {
            return Err(ResponseError::NonEmptyGroup);
        }
        self.groups.remove(id);
        Ok(())
    }

    pub fn delete_offsets(&mut self, request: &OffsetDeleteRequest) -> OffsetDeleteResponse {
        let Some(group) = self.groups.get_mut(&**request.group_id) else {
            return OffsetDeleteResponse::default().with_error_code(ResponseError::GroupIdNotFound.code());
        };
        let answer = group.delete_offsets(request);
        self.forget_if_vacant(&request.group_id);
        answer
    }

    /// A deleted topic's offsets mean nothing in the next topic of that name.
    pub fn forget_topic(&mut self, topic: &str) {
        for group in self.groups.values_mut() {
            group.offsets.forget_topic(topic);
        }
        self.forget_vacant();
    }

    /// Call it once the connection's receivers are dropped.
    pub fn disconnected(&mut self, connection: u64, now: Ms) {
        for group in self.groups.values_mut() {
            group.disconnected(connection, now);
        }
        self.forget_vacant();
    }

    /// Ends the sessions and the rebalances that are over time.
    pub fn tick(&mut self, now: Ms) {
        for group in self.groups.values_mut() {
            group.tick(now);
        }
        self.forget_vacant();
    }

    /// When `tick` has something to do; None while nothing can run out.
    pub fn next_deadline(&self) -> Option<Ms> {
        self.groups.values().filter_map(Group::next_deadline).min()
    }

    pub fn len(&self) -> usize {
        self.groups.len()
    }

    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn forget_if_vacant(&mut self, group: &str) {
        if self.groups.get(group).is_some_and(Group::is_vacant) {
            self.groups.remove(group);
        }
    }

    fn forget_vacant(&mut self) {
        self.groups.retain(|_, group| !group.is_vacant());
    }

    /// Panics if something that always holds does not.
    pub fn check_invariants(&self) {
        assert!(self.groups.len() <= self.limits.groups, "no more groups than allowed");
        for group in self.groups.values() {
            assert!(!group.is_vacant(), "a group of nothing is forgotten");
            assert!(group.members.len() + group.pending.len() <= self.limits.members, "no more members than allowed");
            assert!(group.offsets.len() <= self.limits.offsets, "no more offsets than allowed");
            group.check_invariants();
        }
    }
}

/// A copy that is counted as long as it is kept, with what is kept `beside` it.
fn kept(memory: &Memory, bytes: &[u8], beside: usize) -> Bytes {
    memory.hold(bytes.len() + beside).keep(bytes.to_vec())
}

/// A group's name is kept as long as the group is.
fn check_id(group: &str) -> Result<(), ResponseError> {
    (1..=ID_BYTES_MAX).contains(&group.len()).then_some(()).ok_or(ResponseError::InvalidGroupId)
}

const ID_BYTES_MAX: usize = 1024;

fn code(result: Result<(), ResponseError>) -> i16 {
    result.map_or_else(|error| error.code(), |()| 0)
}
