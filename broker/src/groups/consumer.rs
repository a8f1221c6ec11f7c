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

use super::kept::copied;
use super::{Groups, Members};
use crate::clock::Ms;
use crate::request::Requester;
use crate::topics::Topics;
use describe::not_of_this_protocol;
pub use group::ConsumerGroup;
use group::NoRoom;
use member::ConsumerMember;
use request::{Heartbeat, LEAVES, Rejection, WILL_BE_BACK};

impl Groups {
    pub fn consumer_heartbeat(
        &mut self,
        request: &ConsumerGroupHeartbeatRequest,
        version: i16,
        requester: &Requester,
        topics: &Topics,
        now: Ms,
    ) -> ConsumerGroupHeartbeatResponse {
        let checked = request::check(request, version, requester);
        let answer = checked.and_then(|()| match request.member_epoch {
            LEAVES | WILL_BE_BACK => self.depart(request, now),
            _ => self.beat(&Heartbeat::parse(request, requester)?, topics, now),
        });
        self.finish(&request.group_id);
        answer.unwrap_or_else(|Rejection { error, words }| {
            let answer = ConsumerGroupHeartbeatResponse::default().with_error_code(error.code());
            answer.with_error_message(Some(StrBytes::from_string(words)))
        })
    }

    fn beat(
        &mut self,
        beat: &Heartbeat<'_>,
        topics: &Topics,
        now: Ms,
    ) -> Result<ConsumerGroupHeartbeatResponse, Rejection> {
        let group_id = &*beat.request.group_id;
        let known = self.check_beat(beat)?;
        self.make_room_for(known.as_ref(), beat, now)?;
        let (memory, times) = (self.memory.clone(), self.limits.times);
        let longest = Ms::try_from(self.limits.session_ms_max).unwrap_or(1);
        let group = self.consumer_group(group_id, now);
        let id = group.admit(known, beat);
        let before = group.update(&id, beat, longest, &memory).unwrap_or_default();
        group.note_heartbeat(&id, now, times);
        self.refresh(group_id, topics, now)?;
        let member = self.consumer_group(group_id, now).reconcile(&id, beat.owned.as_ref(), now);
        let mut answer = ConsumerGroupHeartbeatResponse::default()
            .with_member_id(Some(id))
            .with_member_epoch(member.epoch)
            .with_heartbeat_interval_ms(times.heartbeat_ms);
        if beat.is_full() || member.assigned != before {
            answer.assignment = Some(assignment::answered(&member.assigned));
        }
        Ok(answer)
    }

    /// Checks a heartbeat. Returns the id of the sender, or of the static member that it replaces; `None` for a new
    /// member.
    fn check_beat(&self, beat: &Heartbeat<'_>) -> Result<Option<StrBytes>, Rejection> {
        let id = beat.request.group_id.as_str();
        let (bytes, most) = (ConsumerMember::default().cost_after(beat), self.limits.metadata_bytes);
        if bytes > most {
            let words = format!("The subscription has {bytes} bytes; at most {most} are allowed.");
            return Err(Rejection::new(ResponseError::InvalidRequest, words));
        }
        match self.groups.get(id).map(|group| &group.members) {
            Some(Members::Consumer(group)) => group.find(beat, self.limits.members),
            Some(Members::Classic(group)) if !group.is_deserted() => {
                // Clients give up on this error, but would retry forever on Kafka's GROUP_ID_NOT_FOUND.
                let words = "The group has members of the classic protocol: let them leave first, or join with group.protocol=classic.";
                Err(Rejection::new(ResponseError::InvalidRequest, words))
            }
            Some(Members::Classic(_)) if !beat.is_first() => {
                Err(Rejection::new(ResponseError::UnknownMemberId, "The group has no members."))
            }
            // Kafka's groups survive a restart, ours do not, so after a restart the clients must join again. They do so
            // for this error, and not for Kafka's GROUP_ID_NOT_FOUND.
            None if !beat.is_first() => {
                Err(Rejection::new(ResponseError::UnknownMemberId, format!("Group {id} not found.")))
            }
            Some(Members::Classic(_)) | None => match self.check_place(id) {
                Ok(()) => Ok(None),
                Err(error) => {
                    Err(Rejection::new(error, "The broker has as many groups as it may, and all have members."))
                }
            },
        }
    }

    /// Makes room for the data that a heartbeat adds. The session of a known member is extended in any case, so that
    /// members stay in their groups while the memory is full.
    fn make_room_for(&mut self, known: Option<&StrBytes>, beat: &Heartbeat<'_>, now: Ms) -> Result<(), Rejection> {
        let id = &*beat.request.group_id;
        let mut more = ConsumerMember::default().cost_after(beat);
        if let Some(member) = known {
            let times = self.limits.times;
            let group = self.consumer_group(id, now);
            group.note_heartbeat(member, now, times);
            more = group.added_bytes(member, beat);
        }
        if (known.is_some() && more == 0) || self.make_room(more, id) { Ok(()) } else { Err(no_room()) }
    }

    /// Makes a group's targets if they are due. Their size is known only then, so this may need a second attempt, once
    /// other groups have made room.
    fn refresh(&mut self, group: &str, topics: &Topics, now: Ms) -> Result<(), Rejection> {
        let memory = self.memory.clone();
        let Err(NoRoom { bytes }) = self.consumer_group(group, now).refresh(topics, &memory) else { return Ok(()) };
        if !self.make_room(bytes, group) {
            return Err(no_room());
        }
        self.consumer_group(group, now).refresh(topics, &memory).map_err(|_| no_room())
    }

    /// The group, which becomes one of this protocol.
    fn consumer_group(&mut self, group: &str, now: Ms) -> &mut ConsumerGroup {
        let group = self.groups.entry(group.to_owned()).or_default();
        group.touched = now;
        group.members.become_consumer()
    }

    fn depart(
        &mut self,
        request: &ConsumerGroupHeartbeatRequest,
        now: Ms,
    ) -> Result<ConsumerGroupHeartbeatResponse, Rejection> {
        let id = request.group_id.as_str();
        let Some(group) = self.groups.get_mut(id) else {
            return Err(Rejection::new(ResponseError::GroupIdNotFound, format!("Group {id} not found.")));
        };
        group.touched = now;
        let Members::Consumer(members) = &mut group.members else {
            return Err(Rejection::new(ResponseError::GroupIdNotFound, not_of_this_protocol(id)));
        };
        members.depart(request)?;
        let answer = ConsumerGroupHeartbeatResponse::default().with_member_id(Some(copied(&request.member_id)));
        Ok(answer.with_member_epoch(request.member_epoch))
    }
}

fn no_room() -> Rejection {
    let words = "The memory that this broker has for consumer groups is full (--memory).";
    Rejection::new(ResponseError::CoordinatorNotAvailable, words)
}
