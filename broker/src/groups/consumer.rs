//! The consumer group protocol of KIP-848 (`group.protocol=consumer`): the broker assigns partitions, and heartbeats
//! carry all other information.
//!
//! ```text
//! heartbeat ─▶ [request: checks] ─▶ [group: members and the target] ─▶ [member: from its current assignment to the target] ─▶ answer
//!                                      └─ subscription (names, regex) and assignor (uniform, range)
//! ```
//! Every change of the members, their subscriptions or the topics increments the group's epoch, and the next heartbeat
//! of any member makes a new target assignment. Each member then reaches its target independently: it first revokes the
//! partitions that it must give up, and it gets a partition only when no other member holds it any more.
//!
//! Kafka's online migration, with members of both protocols in one group, is not supported: a group can change its
//! protocol only when it has no members. Until then a member of the other protocol is refused with an error that its
//! client reports.

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

/// Times of members of this protocol, which the broker sets, not the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// Time of silence after which a member is removed.
    pub session_ms: i32,
    /// Interval at which a member must send heartbeats.
    pub heartbeat_ms: i32,
}

/// An error, with a message for the client's log.
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

    /// Checks that there is room for the member's data, and for its group.
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
            // Kafka's groups survive a restart, ours do not, so after a restart the clients must join again. They do so
            // for this error, and not for Kafka's GROUP_ID_NOT_FOUND.
            ResponseError::UnknownMemberId => Refused::new(error, format!("Group {} not found.", beat.group)),
            _ => full(),
        })
    }
}

impl Members {
    /// The group as one of the consumer protocol. The first member of an empty group makes it one.
    fn consumer(&mut self, first: bool) -> Result<&mut ConsumerGroup, Refused> {
        if let Members::Classic(group) = self {
            let deserted = group.is_deserted();
            if !deserted {
                // Clients give up on this error, but would retry forever on Kafka's GROUP_ID_NOT_FOUND.
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
