//! A group of the classic protocol: its members, its generation, and the rebalance from one generation to the next.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::{JoinGroupResponse, SyncGroupResponse};
use kafka_protocol::protocol::StrBytes;

use super::member::ClassicMember;
use crate::clock::Ms;
use crate::groups::kept::by_instance;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClassicState {
    #[default]
    Empty,
    /// Waiting for the members to join.
    Preparing {
        ends: Ms,
    },
    /// Waiting for the leader's assignment.
    Completing,
    Stable,
}

impl ClassicState {
    pub fn name(self) -> &'static str {
        match self {
            ClassicState::Empty => "Empty",
            ClassicState::Preparing { .. } => "PreparingRebalance",
            ClassicState::Completing => "CompletingRebalance",
            ClassicState::Stable => "Stable",
        }
    }
}

#[derive(Debug, Default)]
pub struct ClassicGroup {
    pub state: ClassicState,
    pub generation: i32,
    pub protocol_type: StrBytes,
    /// Protocol of this generation; empty before the first.
    pub protocol: StrBytes,
    pub leader: Option<StrBytes>,
    pub members: BTreeMap<StrBytes, ClassicMember>,
    /// Member ids that were given out but not used yet, each with its expiry.
    pub pending: BTreeMap<StrBytes, Ms>,
    /// Time by which members must have requested their assignment.
    pub sync_ends: Ms,
}

impl ClassicGroup {
    /// Number of members, including clients that got an id and have not joined yet.
    pub fn count(&self) -> usize {
        self.members.len() + self.pending.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// True if the group has no members and expects none.
    pub fn is_deserted(&self) -> bool {
        self.members.is_empty() && self.pending.is_empty()
    }

    /// True if no client has ever joined.
    pub fn is_new(&self) -> bool {
        self.generation == 0 && self.is_deserted()
    }

    pub fn is_leader(&self, id: &StrBytes) -> bool {
        self.leader.as_ref() == Some(id)
    }

    pub fn by_instance(&self, instance: &str) -> Option<&StrBytes> {
        by_instance(self.members.iter().map(|(id, member)| (id, &member.instance)), instance)
    }

    /// Finds the member that sent a request, by the id and instance in it.
    pub fn claimed(&mut self, id: &StrBytes, instance: Option<&StrBytes>) -> Result<&mut ClassicMember, ResponseError> {
        self.check_claim(id, instance)?;
        self.members.get_mut(id).ok_or(ResponseError::UnknownMemberId)
    }

    /// Checks that there is a member with this id and this instance.
    pub fn check_claim(&self, id: &StrBytes, instance: Option<&StrBytes>) -> Result<(), ResponseError> {
        if let Some(instance) = instance {
            let known = self.by_instance(instance).ok_or(ResponseError::UnknownMemberId)?;
            if known != id {
                return Err(ResponseError::FencedInstanceId);
            }
        }
        if self.members.contains_key(id) { Ok(()) } else { Err(ResponseError::UnknownMemberId) }
    }

    /// Starts a rebalance: all members have to join again, and pending syncs are answered with an error.
    pub fn prepare(&mut self, now: Ms) {
        for member in self.members.values_mut() {
            member.synced = false;
            let error = ResponseError::RebalanceInProgress.code();
            member.answer_sync(SyncGroupResponse::default().with_error_code(error), now);
        }
        self.state = ClassicState::Preparing { ends: now.saturating_add(self.rebalance_ms()) };
        self.complete_if_all_joined(now);
    }

    pub fn complete_if_all_joined(&mut self, now: Ms) {
        self.drop_gone();
        if self.members.values().all(|m| m.joining.is_some()) {
            self.complete(now);
        }
    }

    /// Removes a member; its pending requests are answered with `error`.
    pub fn remove(&mut self, id: &StrBytes, error: ResponseError) -> Option<ClassicMember> {
        let mut member = self.members.remove(id)?;
        member.refuse(error, id);
        if self.is_leader(id) {
            self.leader = None;
        }
        Some(member)
    }

    /// Removes the members for which `is_over` returns true. Returns true if there were any.
    fn remove_all(&mut self, is_over: impl Fn(&ClassicMember) -> bool) -> bool {
        let ids: Vec<StrBytes> = self.members.iter().filter(|(_, m)| is_over(m)).map(|(id, _)| id.clone()).collect();
        for id in &ids {
            self.remove(id, ResponseError::UnknownMemberId);
        }
        !ids.is_empty()
    }

    /// Starts or completes a rebalance after a removal, if needed.
    pub fn after_removal(&mut self, now: Ms) {
        match self.state {
            ClassicState::Empty => {}
            ClassicState::Preparing { .. } => self.complete_if_all_joined(now),
            ClassicState::Completing | ClassicState::Stable => self.prepare(now),
        }
    }

    pub fn tick(&mut self, now: Ms) {
        self.pending.retain(|_, ends| *ends > now);
        let sync_over = self.waits_for_syncs() && self.sync_ends <= now;
        let late = |m: &ClassicMember| (sync_over && !m.synced) || m.session_ends().is_some_and(|ends| ends <= now);
        if self.remove_all(late) {
            self.after_removal(now);
        }
        if matches!(self.state, ClassicState::Preparing { ends } if ends <= now) {
            self.complete(now);
        }
    }

    pub fn next_deadline(&self) -> Option<Ms> {
        let pending = self.pending.values().copied();
        let sessions = self.members.values().filter_map(ClassicMember::session_ends);
        let phase = match self.state {
            ClassicState::Preparing { ends } => Some(ends),
            _ => self.waits_for_syncs().then_some(self.sync_ends),
        };
        pending.chain(sessions).chain(phase).min()
    }

    fn waits_for_syncs(&self) -> bool {
        matches!(self.state, ClassicState::Completing | ClassicState::Stable)
            && self.members.values().any(|m| !m.synced)
    }

    fn rebalance_ms(&self) -> Ms {
        self.members.values().map(|m| m.profile.rebalance_ms).max().unwrap_or(1)
    }

    /// Removes members that have disconnected while joining. A static member is kept, because it may come back.
    fn drop_gone(&mut self) {
        self.remove_all(|m| m.instance.is_none() && m.gone_from_join());
    }

    /// Ends the join phase with the members that have joined.
    fn complete(&mut self, now: Ms) {
        self.drop_gone();
        self.remove_all(|m| m.joining.is_none() && m.instance.is_none());
        if self.members.is_empty() {
            self.next_generation(ClassicState::Empty, StrBytes::new());
            return;
        }
        self.leader = self.elect();
        if self.leader.is_none() {
            // Only static members are left, and all have disconnected: they stay until their sessions end.
            self.state = ClassicState::Preparing { ends: now.saturating_add(self.rebalance_ms()) };
            return;
        }
        self.next_generation(ClassicState::Completing, self.vote());
        self.sync_ends = now.saturating_add(self.rebalance_ms());
        self.answer_joins(now);
    }

    fn next_generation(&mut self, state: ClassicState, protocol: StrBytes) {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.state = state;
        self.protocol = protocol;
        for member in self.members.values_mut() {
            member.synced = false;
            member.assignment.clear();
        }
    }

    /// Elects the leader; it stays the same if it has joined again.
    fn elect(&self) -> Option<StrBytes> {
        let joined = |id: &&StrBytes| self.members.get(*id).is_some_and(ClassicMember::waits_in_join);
        self.leader.as_ref().filter(joined).or_else(|| self.members.keys().find(joined)).cloned()
    }

    /// Elects the protocol: each member votes for the first of its protocols that all members support.
    pub fn vote(&self) -> StrBytes {
        let mut votes: BTreeMap<&StrBytes, usize> = BTreeMap::new();
        for member in self.members.values() {
            let all_support = |name: &StrBytes| self.members.values().all(|m| m.supports(name));
            if let Some(choice) = member.profile.protocols.iter().map(|p| &p.name).find(|name| all_support(name)) {
                *votes.entry(choice).or_default() += 1;
            }
        }
        votes.into_iter().max_by_key(|(_, count)| *count).map(|(name, _)| name.clone()).unwrap_or_default()
    }

    fn answer_joins(&mut self, now: Ms) {
        let ids: Vec<StrBytes> = self.members.keys().cloned().collect();
        for id in ids {
            let answer = self.joined(&id);
            if let Some(member) = self.members.get_mut(&id) {
                member.last_heard = now;
                member.answer_join(answer, now);
            }
        }
    }

    /// The answer to a member's join.
    pub fn joined(&self, id: &StrBytes) -> JoinGroupResponse {
        JoinGroupResponse::default()
            .with_generation_id(self.generation)
            .with_protocol_type(Some(self.protocol_type.clone()))
            .with_protocol_name(Some(self.protocol.clone()))
            .with_leader(self.leader.clone().unwrap_or_default())
            .with_member_id(id.clone())
            .with_members(if self.is_leader(id) { self.roster() } else { Vec::new() })
    }

    fn roster(&self) -> Vec<JoinGroupResponseMember> {
        let entry = |(id, member): (&StrBytes, &ClassicMember)| {
            JoinGroupResponseMember::default()
                .with_member_id(id.clone())
                .with_group_instance_id(member.instance.clone())
                .with_metadata(member.metadata(&self.protocol))
        };
        self.members.iter().map(entry).collect()
    }

    /// Panics if an invariant is violated.
    pub fn check_invariants(&self) {
        let members = || self.members.values();
        assert_eq!(
            self.state == ClassicState::Empty,
            self.members.is_empty(),
            "a group is Empty exactly if it has no members"
        );
        let led = self.leader.as_ref().is_some_and(|id| self.members.contains_key(id));
        match self.state {
            ClassicState::Empty => assert!(self.leader.is_none(), "a group without members has no leader"),
            ClassicState::Preparing { .. } => {
                assert!(members().all(|m| m.syncing.is_none()), "no sync waits while members join");
                assert!(!members().all(ClassicMember::waits_in_join), "when all have joined, the join phase is over");
            }
            ClassicState::Completing | ClassicState::Stable => {
                assert!(led, "the leader is a member");
                assert!(members().all(|m| m.joining.is_none()), "no join waits after the join phase");
                assert!(members().all(|m| m.supports(&self.protocol)), "every member supports the chosen protocol");
            }
        }
        if self.state == ClassicState::Stable {
            assert!(members().all(|m| m.syncing.is_none()), "no sync waits after the leader's assignment");
        }
        for (id, member) in &self.members {
            let same = |other: &&ClassicMember| other.instance.is_some() && other.instance == member.instance;
            assert!(members().filter(same).count() <= 1, "an instance id belongs to one member");
            assert!(!self.pending.contains_key(id), "the id of a member is not pending");
        }
    }
}
