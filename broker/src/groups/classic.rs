//! Kafka's classic protocol: members join, their leader assigns the partitions, and each member requests its
//! assignment.
//!
//! ```text
//! Empty ─join▶ Preparing ─all joined, or time─▶ Completing ─the leader's sync▶ Stable
//!                  ▲─────── join, leave, a session's end ──────┴────────────────┘
//! ```
//! There is no initial delay: a group's first member gets its partitions as soon as it requests them. Two kinds of
//! requests wait: joins for the other members, and syncs for the leader. Their answers go through a `oneshot`.

mod describe;
mod group;
mod join;
mod member;
mod subscription;
mod sync;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{
    GroupId, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use tokio::sync::oneshot;

use super::kept::{code, kept};
use super::{Groups, Members};
use crate::clock::Ms;
use crate::memory::OVERHEAD_BYTES;
use crate::request::Requester;
pub use group::ClassicGroup;
pub use member::Join;

impl Groups {
    pub fn join(
        &mut self,
        request: JoinGroupRequest,
        version: i16,
        requester: &Requester,
        now: Ms,
    ) -> oneshot::Receiver<JoinGroupResponse> {
        let (sender, answer) = oneshot::channel();
        match self.admit(&request, version, requester) {
            Ok(join) => {
                let group = self.groups.entry(request.group_id.to_string()).or_default();
                group.touched = now;
                group.members.become_classic().join(&join, sender, now);
            }
            Err(error) => {
                let refused = JoinGroupResponse::default().with_member_id(request.member_id);
                sender.send(refused.with_error_code(error.code())).ok();
            }
        }
        self.finish(&request.group_id);
        answer
    }

    pub fn sync(
        &mut self,
        mut request: SyncGroupRequest,
        _version: i16,
        now: Ms,
    ) -> oneshot::Receiver<SyncGroupResponse> {
        let (sender, answer) = oneshot::channel();
        let kept = self.keep_assignments(&mut request, now);
        match kept.and_then(|()| self.member_group(&request.group_id)) {
            Err(error) => drop(sender.send(SyncGroupResponse::default().with_error_code(error.code()))),
            Ok(group) => group.sync(&request, sender, now),
        }
        answer
    }

    /// Checks a sync, makes room for its assignments, and copies them.
    fn keep_assignments(&mut self, request: &mut SyncGroupRequest, now: Ms) -> Result<(), ResponseError> {
        self.member_group(&request.group_id)?.check_sync(request, now)?;
        let bytes: usize = request.assignments.iter().map(|a| a.assignment.len()).sum();
        if bytes > self.limits.metadata_bytes {
            return Err(ResponseError::InvalidRequest);
        }
        let cost = bytes + request.assignments.len() * OVERHEAD_BYTES;
        if cost > 0 && !self.make_room(cost, &request.group_id) {
            return Err(ResponseError::CoordinatorNotAvailable);
        }
        for given in &mut request.assignments {
            given.assignment = kept(&self.memory, &given.assignment, 0);
        }
        Ok(())
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
            group.touched = now;
            if let Members::Classic(members) = &mut group.members {
                members.after_removal(now);
            }
        }
        self.finish(&request.group_id);
        match version {
            ..3 => LeaveGroupResponse::default().with_error_code(members.first().map_or(0, |m| m.error_code)),
            _ => LeaveGroupResponse::default().with_members(members),
        }
    }

    fn leave_one(&mut self, group: &GroupId, leaver: &MemberIdentity) -> MemberResponse {
        let (id, instance) = (&leaver.member_id, leaver.group_instance_id.as_ref());
        let left = match self.groups.get_mut(&***group).map(|group| &mut group.members) {
            Some(Members::Classic(group)) => group.leave(id, instance),
            Some(Members::Consumer(group)) => group.expel(id, instance),
            None => Err(ResponseError::UnknownMemberId),
        };
        MemberResponse::default()
            .with_member_id(leaver.member_id.clone())
            .with_group_instance_id(leaver.group_instance_id.clone())
            .with_error_code(code(left))
    }

    /// Finds the group of a request that only a member may send.
    fn member_group(&mut self, group: &GroupId) -> Result<&mut ClassicGroup, ResponseError> {
        if group.is_empty() {
            return Err(ResponseError::InvalidGroupId);
        }
        match self.groups.get_mut(&***group).map(|group| &mut group.members) {
            Some(Members::Classic(group)) => Ok(group),
            Some(Members::Consumer(_)) | None => Err(ResponseError::UnknownMemberId),
        }
    }
}
