//! Requests of a member that has joined: for its assignment, heartbeats, and leaving.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{HeartbeatRequest, OffsetCommitRequest, SyncGroupRequest, SyncGroupResponse};
use kafka_protocol::protocol::StrBytes;
use tokio::sync::oneshot::Sender;

use super::group::{ClassicGroup, ClassicState};
use super::member::ClassicMember;
use crate::clock::Ms;

impl ClassicGroup {
    /// Handles a sync that `check_sync` has accepted.
    pub fn sync(&mut self, request: &SyncGroupRequest, sender: Sender<SyncGroupResponse>, now: Ms) {
        let id = &request.member_id;
        let leads = self.is_leader(id);
        let Some(member) = self.members.get_mut(id) else { return };
        member.synced = true;
        member
            .answer_sync(SyncGroupResponse::default().with_error_code(ResponseError::RebalanceInProgress.code()), now);
        member.syncing = Some(sender);
        if self.state == ClassicState::Completing && leads {
            self.assign(request);
        }
        if self.state == ClassicState::Stable {
            self.answer_syncs(now);
        }
    }

    pub fn check_sync(&mut self, request: &SyncGroupRequest, now: Ms) -> Result<(), ResponseError> {
        self.current(&request.member_id, request.group_instance_id.as_ref(), request.generation_id)?.last_heard = now;
        let differs = |theirs: &Option<StrBytes>, ours: &StrBytes| theirs.as_ref().is_some_and(|theirs| theirs != ours);
        if differs(&request.protocol_type, &self.protocol_type) || differs(&request.protocol_name, &self.protocol) {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        match self.state {
            ClassicState::Completing | ClassicState::Stable => Ok(()),
            ClassicState::Empty | ClassicState::Preparing { .. } => Err(ResponseError::RebalanceInProgress),
        }
    }

    /// Finds the member that sent a request, if it belongs to this generation.
    pub fn current(
        &mut self,
        id: &StrBytes,
        instance: Option<&StrBytes>,
        generation: i32,
    ) -> Result<&mut ClassicMember, ResponseError> {
        let ours = self.generation;
        let member = self.claimed(id, instance)?;
        if generation == ours { Ok(member) } else { Err(ResponseError::IllegalGeneration) }
    }

    fn assign(&mut self, request: &SyncGroupRequest) {
        for given in &request.assignments {
            if let Some(member) = self.members.get_mut(&given.member_id) {
                member.assignment = given.assignment.clone();
            }
        }
        self.state = ClassicState::Stable;
    }

    fn answer_syncs(&mut self, now: Ms) {
        for member in self.members.values_mut() {
            let answer = SyncGroupResponse::default()
                .with_protocol_type(Some(self.protocol_type.clone()))
                .with_protocol_name(Some(self.protocol.clone()))
                .with_assignment(member.assignment.clone());
            member.answer_sync(answer, now);
        }
    }

    pub fn heartbeat(&mut self, request: &HeartbeatRequest, now: Ms) -> Result<(), ResponseError> {
        let instance = request.group_instance_id.as_ref();
        self.current(&request.member_id, instance, request.generation_id)?.last_heard = now;
        match self.state {
            ClassicState::Preparing { .. } => Err(ResponseError::RebalanceInProgress),
            ClassicState::Empty | ClassicState::Completing | ClassicState::Stable => Ok(()),
        }
    }

    pub fn may_commit(&mut self, request: &OffsetCommitRequest, now: Ms) -> Result<(), ResponseError> {
        let generation = request.generation_id_or_member_epoch;
        // A consumer that assigns partitions to itself, or an operator's tool. Allowed only while the group has no
        // members.
        if generation < 0 && self.state == ClassicState::Empty {
            return Ok(());
        }
        self.current(&request.member_id, request.group_instance_id.as_ref(), generation)?.last_heard = now;
        match self.state {
            ClassicState::Completing => Err(ResponseError::RebalanceInProgress),
            ClassicState::Empty | ClassicState::Preparing { .. } | ClassicState::Stable => Ok(()),
        }
    }

    /// Removes a member. The caller starts the rebalance once all members that leave together are removed.
    pub fn leave(&mut self, id: &StrBytes, instance: Option<&StrBytes>) -> Result<(), ResponseError> {
        if instance.is_none() && self.pending.remove(id).is_some() {
            return Ok(());
        }
        let known = instance.and_then(|instance| self.by_instance(instance).cloned());
        // An operator gives only the instance; a member gives both.
        let id = if id.is_empty() { known.unwrap_or_default() } else { id.clone() };
        self.claimed(&id, instance)?;
        self.remove(&id, ResponseError::UnknownMemberId);
        Ok(())
    }

    /// Removes pending requests of a closed connection.
    pub fn disconnected(&mut self, connection: u64, now: Ms) {
        for member in self.members.values_mut() {
            if member.syncing.as_ref().is_some_and(Sender::is_closed) {
                member.syncing = None;
                member.last_heard = now;
            }
        }
        let gone =
            |m: &ClassicMember| m.joining.is_some() && (m.profile.connection == connection || m.gone_from_join());
        let gone: Vec<StrBytes> = self.members.iter().filter(|(_, m)| gone(m)).map(|(id, _)| id.clone()).collect();
        for id in &gone {
            self.lost_in_join(id, now);
        }
        if !gone.is_empty() {
            self.after_removal(now);
        }
    }

    /// A static member may come back until its session ends; another member has to join again.
    fn lost_in_join(&mut self, id: &StrBytes, now: Ms) {
        let Some(member) = self.members.get_mut(id) else { return };
        if member.instance.is_some() {
            member.joining = None;
            member.last_heard = now;
        } else {
            self.remove(id, ResponseError::UnknownMemberId);
        }
    }
}
