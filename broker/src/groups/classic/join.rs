//! Joining a group: as a new member, with an id received before, or as a static instance that comes back.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::JoinGroupResponse;
use kafka_protocol::protocol::StrBytes;
use tokio::sync::oneshot::Sender;
use uuid::Uuid;

use super::group::{ClassicGroup, ClassicState};
use super::member::{ClassicMember, Join};
use super::subscription;
use crate::clock::Ms;

/// Limits a member id, whatever the client's name, so that it can be encoded as a string in old versions.
const ID_NAME_CHARS_MAX: usize = 200;

impl ClassicGroup {
    /// Handles a join that `check_join` has accepted.
    pub fn join(&mut self, join: &Join, sender: Sender<JoinGroupResponse>, now: Ms) {
        let known = join.instance.as_deref().and_then(|instance| self.by_instance(instance).cloned());
        if !join.member_id.is_empty() {
            if self.pending.remove(&join.member_id).is_some() {
                return self.enter(join.member_id.clone(), join, sender, now);
            }
            self.rejoin(join, sender, now);
        } else if let Some(old) = known {
            self.replace(&old, join, sender, now);
        } else if join.version >= 4 && join.instance.is_none() {
            let id = new_id(join);
            self.pending.insert(id.clone(), now.saturating_add(join.profile.session_ms));
            let error = ResponseError::MemberIdRequired.code();
            sender.send(JoinGroupResponse::default().with_error_code(error).with_member_id(id)).ok();
        } else {
            self.enter(new_id(join), join, sender, now);
        }
    }

    pub fn check_join(&self, join: &Join, members_max: usize) -> Result<(), ResponseError> {
        let speaks = !join.protocol_type.is_empty() && !join.profile.protocols.is_empty();
        let all_support = |name: &StrBytes| self.members.values().all(|m| m.supports(name));
        let fits = self.members.is_empty()
            || (join.protocol_type == self.protocol_type
                && join.profile.protocols.iter().any(|p| all_support(&p.name)));
        if !speaks || !fits {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        let instance_known = join.instance.as_deref().is_some_and(|instance| self.by_instance(instance).is_some());
        let comes_anew = join.member_id.is_empty() && !instance_known;
        if comes_anew && self.members.len() + self.pending.len() >= members_max {
            return Err(ResponseError::GroupMaxSizeReached);
        }
        let is_expected = join.member_id.is_empty() || self.pending.contains_key(&join.member_id);
        if is_expected { Ok(()) } else { self.check_claim(&join.member_id, join.instance.as_ref()) }
    }

    fn enter(&mut self, id: StrBytes, join: &Join, sender: Sender<JoinGroupResponse>, now: Ms) {
        if self.members.is_empty() {
            self.protocol_type = join.protocol_type.clone();
        }
        let mut member = ClassicMember { instance: join.instance.clone(), ..ClassicMember::default() };
        member.update(join, now);
        member.joining = Some(sender);
        self.members.insert(id, member);
        self.rebalance(now);
    }

    fn rejoin(&mut self, join: &Join, sender: Sender<JoinGroupResponse>, now: Ms) {
        let id = &join.member_id;
        let leads = self.is_leader(id);
        let Some(member) = self.members.get_mut(id) else { return };
        let same = member.profile.protocols == join.profile.protocols;
        let missed_the_answer = match self.state {
            ClassicState::Completing => same,
            ClassicState::Stable => same && !leads,
            ClassicState::Empty | ClassicState::Preparing { .. } => false,
        };
        if missed_the_answer {
            member.last_heard = now;
            sender.send(self.joined(id)).ok();
            return;
        }
        // The answers of a connection come in order, so the join that this one replaces needs an answer as well.
        member.refuse(ResponseError::RebalanceInProgress, id);
        member.update(join, now);
        member.joining = Some(sender);
        self.rebalance(now);
    }

    /// A static instance comes back: it becomes the same member with a new id, and the old id is fenced.
    fn replace(&mut self, old: &StrBytes, join: &Join, sender: Sender<JoinGroupResponse>, now: Ms) {
        let led = self.is_leader(old);
        let Some(mut member) = self.remove(old, ResponseError::FencedInstanceId) else { return };
        let id = new_id(join);
        let wants_the_same = subscription::same_topics(&member.profile.protocols, &join.profile.protocols);
        member.update(join, now);
        self.members.insert(id.clone(), member);
        if led {
            self.leader = Some(id.clone());
        }
        if self.state == ClassicState::Stable && wants_the_same && self.vote() == self.protocol {
            sender.send(self.returned(&id, old, join.version)).ok();
            return;
        }
        if let Some(member) = self.members.get_mut(&id) {
            member.joining = Some(sender);
        }
        self.rebalance(now);
    }

    /// The answer to a leader that comes back, which must not assign again. It is told to skip the assignment or, in
    /// versions without that field, that another member leads.
    fn returned(&self, id: &StrBytes, old: &StrBytes, version: i16) -> JoinGroupResponse {
        let answer = self.joined(id);
        match self.is_leader(id) {
            true if version >= 9 => answer.with_skip_assignment(true),
            true => answer.with_leader(old.clone()).with_members(Vec::new()),
            false => answer,
        }
    }

    fn rebalance(&mut self, now: Ms) {
        match self.state {
            ClassicState::Preparing { .. } => self.complete_if_all_joined(now),
            ClassicState::Empty | ClassicState::Completing | ClassicState::Stable => self.prepare(now),
        }
    }
}

fn new_id(join: &Join) -> StrBytes {
    let name = join.instance.as_ref().unwrap_or(&join.profile.client_id);
    let name: String = name.chars().take(ID_NAME_CHARS_MAX).collect();
    StrBytes::from_string(format!("{name}-{}", Uuid::new_v4()))
}
