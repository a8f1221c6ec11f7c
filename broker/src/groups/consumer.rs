//! The consumer group protocol of KIP-848 (`group.protocol=consumer`): the broker assigns, and heartbeats do the rest.
//!
//! ```text
//! heartbeat ─▶ [request: checks] ─▶ [group: members and the target] ─▶ [member: from its current assignment to the target] ─▶ answer
//!                                      └─ subscription (names, regex) and assignor (uniform, range)
//! ```
//! Every change of the members, of their subscriptions or of the topics raises the group's epoch, and the next heartbeat
//! of any member makes a new target assignment. Each member then reaches it by itself: it first revokes what it must
//! give up, and it is given a partition only when no other member holds that partition any more.
//!
//! Not served is Kafka's online migration, members of both protocols in one group: a group changes its protocol when it
//! has no members. Until then a member of the other protocol is refused with an error that its client reports.

mod assignment;
mod assignor;
mod describe;
mod group;
mod member;
mod request;
mod subscription;
#[cfg(test)]
mod tests;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use kafka_protocol::protocol::StrBytes;

use super::{Groups, Members, Who, copied};
use crate::clock::Ms;
use crate::topics::Topics;
use describe::not_of_this_protocol;
pub(super) use group::ConsumerGroup;
use request::{Beat, Departure, Wish};

/// Times of members that speak this protocol: the broker's, not the client's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// A member that is silent for that long is out.
    pub session_ms: i32,
    /// How often a member is to send its heartbeat.
    pub heartbeat_ms: i32,
}

/// An error, and words for the client's log.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Refused {
    error: ResponseError,
    words: String,
}

impl Refused {
    fn new(error: ResponseError, words: impl Into<String>) -> Refused {
        Refused { error, words: words.into() }
    }
}

impl Groups {
    pub fn consumer_heartbeat(
        &mut self,
        request: &ConsumerGroupHeartbeatRequest,
        version: i16,
        who: &Who,
        topics: &Topics,
        now: Ms,
    ) -> ConsumerGroupHeartbeatResponse {
        let answer = match request::wish(request, version) {
            Ok(Wish::Leave(departure)) => self.depart(&departure, now),
            Ok(Wish::Beat(beat)) => self.beat(&beat, who, topics, now),
            Err(refused) => Err(refused),
        };
        self.forget_if_vacant(&request.group_id);
        answer.unwrap_or_else(|Refused { error, words }| {
            let answer = ConsumerGroupHeartbeatResponse::default().with_error_code(error.code());
            answer.with_error_message(Some(StrBytes::from_string(words)))
        })
    }

    fn beat(
        &mut self,
        beat: &Beat<'_>,
        who: &Who,
        topics: &Topics,
        now: Ms,
    ) -> Result<ConsumerGroupHeartbeatResponse, Refused> {
        self.may_beat(beat, who)?;
        let (memory, times) = (self.memory.clone(), self.limits.times);
        let longest = Ms::try_from(self.limits.session_ms_max).unwrap_or(1);
        let members_max = self.limits.members;
        let group = self.groups.entry(beat.group.to_owned()).or_default();
        group.touched = now;
        let group = group.members.consumer(beat.is_first())?;
        let id = group.admit(beat, who, members_max)?;
        let before = group.update(&id, beat, longest, &memory);
        let before = before.unwrap_or_default();
        group.heard(&id, now, times);
        group.refresh(topics, &memory)?;
        let member = group.reconcile(&id, beat.owned.as_ref(), now);
        let mut answer = ConsumerGroupHeartbeatResponse::default()
            .with_member_id(Some(id))
            .with_member_epoch(member.epoch)
            .with_heartbeat_interval_ms(times.heartbeat_ms);
        if beat.is_full() || member.assigned != before {
            answer.assignment = Some(assignment::answered(&member.assigned));
        }
        Ok(answer)
    }

    fn depart(&mut self, departure: &Departure<'_>, now: Ms) -> Result<ConsumerGroupHeartbeatResponse, Refused> {
        let Some(group) = self.groups.get_mut(departure.group) else {
            return Err(Refused::new(ResponseError::GroupIdNotFound, format!("Group {} not found.", departure.group)));
        };
        group.touched = now;
        let Members::Consumer(members) = &mut group.members else {
            return Err(Refused::new(ResponseError::GroupIdNotFound, not_of_this_protocol(departure.group)));
        };
        members.depart(departure)?;
        let answer = ConsumerGroupHeartbeatResponse::default().with_member_id(Some(copied(departure.member)));
        Ok(answer.with_member_epoch(departure.epoch()))
    }

    /// Whether there is room for what this member sends, and for its group.
    fn may_beat(&mut self, beat: &Beat<'_>, who: &Who) -> Result<(), Refused> {
        let bytes = beat.kept_bytes(who);
        if bytes > self.limits.metadata_bytes {
            return Err(Refused::new(ResponseError::InvalidRequest, format!("a subscription of {bytes} bytes")));
        }
        let full =
            || Refused::new(ResponseError::CoordinatorNotAvailable, "this broker has no room for more of groups");
        if !self.memory.has_room(bytes) {
            return Err(full());
        }
        self.may_enter(beat.group, beat.is_first()).map_err(|error| match error {
            // Kafka's groups outlive it. Here this is a broker that was started anew, and its clients must join again:
            // they do so for this error, and not for Kafka's GROUP_ID_NOT_FOUND.
            ResponseError::UnknownMemberId => Refused::new(error, format!("Group {} not found.", beat.group)),
            _ => full(),
        })
    }
}

impl Members {
    /// The group as one of this protocol; a first member makes it so where nobody is in it.
    fn consumer(&mut self, first: bool) -> Result<&mut ConsumerGroup, Refused> {
        if let Members::Classic(group) = self {
            let deserted = group.is_deserted();
            if !deserted {
                // Clients take this error for the end, and Kafka's GROUP_ID_NOT_FOUND for a reason to retry for ever.
                let words = "The group has members of the classic protocol: let them leave first, or join with group.protocol=classic.";
                return Err(Refused::new(ResponseError::InvalidRequest, words));
            }
            if !first {
                return Err(Refused::new(ResponseError::UnknownMemberId, "The group has no members."));
            }
            *self = Members::Consumer(ConsumerGroup::default());
        }
        match self {
            Members::Consumer(group) => Ok(group),
            Members::Classic(_) => Err(Refused::new(ResponseError::UnknownMemberId, "The group has no members.")),
        }
    }
}
