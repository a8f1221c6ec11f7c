//! Consumer groups: who is in them, who reads what, and how far they got. In memory; time is an argument.
//!
//! ```text
//! Empty ─join▶ Preparing ─all joined, or time─▶ Completing ─the leader's sync▶ Stable
//!                  ▲─────── join, leave, a session's end ──────┴────────────────┘
//! ```
//! Kafka's classic protocol without its initial delay: a group's first member has its partitions as soon as it asks.
//! Two things wait, joins for the other members and syncs for the leader; their answers go through a `oneshot`.

mod admission;
mod describe;
mod group;
mod join;
mod member;
mod offsets;
mod progress;
mod subscription;
mod sync;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, GroupId,
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse,
    ListGroupsRequest, ListGroupsResponse, SyncGroupRequest, SyncGroupResponse,
};
use tokio::sync::oneshot;

use crate::clock::Ms;
use crate::memory::{Memory, OVERHEAD_BYTES};
pub use admission::Limits;
use admission::kept;
use group::{Group, State};
use member::Join;

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

fn code(result: Result<(), ResponseError>) -> i16 {
    result.map_or_else(|error| error.code(), |()| 0)
}
