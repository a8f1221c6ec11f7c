//! Finds the member that sends a heartbeat, and admits new members.

use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::ConsumerGroup;
use crate::groups::consumer::member::ConsumerMember;
use crate::groups::consumer::request::{Heartbeat, Rejection};
use crate::groups::kept::copied;

impl ConsumerGroup {
    /// Finds the sender among the members, or the static member that it replaces. `None` if it may become a new member.
    pub fn find(&self, beat: &Heartbeat<'_>, members_max: usize) -> Result<Option<StrBytes>, Rejection> {
        let known = match &beat.request.instance_id {
            Some(instance) => self.static_member(beat, instance)?,
            None => self.members.get_key_value(&beat.request.member_id),
        };
        match known {
            Some((id, member)) => {
                if !beat.is_first() {
                    check_epoch(member, beat)?;
                }
                // The group's own copy of the id: that of the request would keep the whole request in memory.
                Ok(Some(id.clone()))
            }
            None if !beat.is_first() => {
                let words = format!(
                    "Member {} is not a member of group {}.",
                    beat.request.member_id.as_str(),
                    beat.request.group_id.as_str()
                );
                Err(Rejection::new(ResponseError::UnknownMemberId, words))
            }
            None if self.members.len() >= members_max => {
                let words = format!("The consumer group has reached its maximum capacity of {members_max} members.");
                Err(Rejection::new(ResponseError::GroupMaxSizeReached, words))
            }
            None => Ok(None),
        }
    }

    /// Accepts a sender that `find` has found, or a new member. Returns its id.
    pub fn admit(&mut self, known: Option<StrBytes>, beat: &Heartbeat<'_>) -> StrBytes {
        let mut member = match &known {
            Some(id) if *id == beat.request.member_id && !beat.is_first() => return id.clone(),
            Some(id) => self.members.remove(id).unwrap_or_default(),
            None => ConsumerMember::default(),
        };
        // A static member that returns with a new id keeps its partitions, so nothing changes for the group.
        self.changed |= known.is_none();
        member.rejoin();
        let id = known.filter(|id| *id == beat.request.member_id).unwrap_or_else(|| new_member_id(beat));
        self.members.insert(id.clone(), member);
        id
    }

    /// The member with this instance id: the sender, or the one that it replaces.
    fn static_member(
        &self,
        beat: &Heartbeat<'_>,
        instance: &StrBytes,
    ) -> Result<Option<(&StrBytes, &ConsumerMember)>, Rejection> {
        let known = self.by_instance(instance).and_then(|id| self.members.get_key_value(id));
        let Some((id, member)) = known else { return Ok(None) };
        if *id == beat.request.member_id {
            return Ok(known);
        }
        let names = |what: &str| {
            format!(
                "Static member {} with instance id {} {what} member {}.",
                beat.request.member_id.as_str(),
                instance.as_str(),
                id.as_str()
            )
        };
        match (beat.is_first(), member.is_away()) {
            (true, true) => Ok(known),
            (true, false) => Err(Rejection::new(
                ResponseError::UnreleasedInstanceId,
                names("cannot join the group because the instance id is owned by"),
            )),
            (false, _) => Err(Rejection::new(ResponseError::FencedInstanceId, names("was fenced by"))),
        }
    }
}

/// The id of a new member. Its client chooses it, except in version 0.
fn new_member_id(beat: &Heartbeat<'_>) -> StrBytes {
    let chosen = &beat.request.member_id;
    if chosen.is_empty() { StrBytes::from_string(Uuid::new_v4().to_string()) } else { copied(chosen) }
}

/// Checks the epoch of a heartbeat. The previous epoch is accepted if the answer with the new one was lost.
fn check_epoch(member: &ConsumerMember, beat: &Heartbeat<'_>) -> Result<(), Rejection> {
    let (theirs, ours) = (beat.request.member_epoch, member.epoch);
    let missed_the_answer =
        theirs == member.previous_epoch && beat.owned.as_ref().is_some_and(|owned| owned.is_within(&member.assigned));
    if theirs == ours || (theirs < ours && missed_the_answer) {
        return Ok(());
    }
    let than = if theirs > ours { "greater" } else { "smaller" };
    let words = format!(
        "The consumer group member has a {than} member epoch ({theirs}) than the one known by the group coordinator ({ours}). \
         The member must abandon all its partitions and rejoin."
    );
    Err(Rejection::new(ResponseError::FencedMemberEpoch, words))
}
