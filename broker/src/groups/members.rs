//! The members of a group, which all use the same protocol. The group can change its protocol when it has no members.

use std::collections::BTreeSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::OffsetCommitRequest;
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::protocol::StrBytes;

use super::classic::{ClassicGroup, Join};
use super::consumer::ConsumerGroup;
use crate::clock::Ms;

/// First version in which members of the consumer protocol can commit.
pub const EPOCHS_SINCE: i16 = 9;

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there are hundreds of groups, not millions")]
pub enum Members {
    Classic(ClassicGroup),
    Consumer(ConsumerGroup),
}

impl Default for Members {
    /// A group that is only committed to is a classic one, as in Kafka.
    fn default() -> Members {
        Members::Classic(ClassicGroup::default())
    }
}

impl Members {
    /// Number of members, including clients that got an id and have not joined yet.
    pub fn count(&self) -> usize {
        match self {
            Members::Classic(group) => group.count(),
            Members::Consumer(group) => group.count(),
        }
    }

    pub fn is_empty(&self) -> bool {
        match self {
            Members::Classic(group) => group.is_empty(),
            Members::Consumer(group) => group.is_empty(),
        }
    }

    /// True if the group has no members and expects none.
    pub fn is_deserted(&self) -> bool {
        self.count() == 0
    }

    /// True if no client has ever joined.
    pub fn is_new(&self) -> bool {
        match self {
            Members::Classic(group) => group.is_new(),
            Members::Consumer(group) => group.is_new(),
        }
    }

    pub fn disconnected(&mut self, connection: u64, now: Ms) {
        // Members of the consumer protocol have sessions, and none of their requests waits for an answer.
        if let Members::Classic(group) = self {
            group.disconnected(connection, now);
        }
    }

    pub fn tick(&mut self, now: Ms) {
        match self {
            Members::Classic(group) => group.tick(now),
            Members::Consumer(group) => group.tick(now),
        }
    }

    pub fn next_deadline(&self) -> Option<Ms> {
        match self {
            Members::Classic(group) => group.next_deadline(),
            Members::Consumer(group) => group.next_deadline(),
        }
    }

    pub fn state_name(&self) -> &'static str {
        match self {
            Members::Classic(group) => group.state_name(),
            Members::Consumer(group) => group.state_name(),
        }
    }

    /// Kafka's name for the type of the group.
    pub fn type_name(&self) -> &'static str {
        match self {
            Members::Classic(_) => "classic",
            Members::Consumer(_) => "consumer",
        }
    }

    pub fn protocol_type(&self) -> StrBytes {
        match self {
            Members::Classic(group) => group.protocol_type(),
            Members::Consumer(_) => "consumer".into(),
        }
    }

    /// Those of the topics to which a member is, or may be, subscribed.
    pub fn read_topics<'a>(&self, topics: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
        match self {
            Members::Classic(group) => topics.filter(|topic| group.reads(topic)).collect(),
            Members::Consumer(group) => group.read_topics(topics),
        }
    }

    /// Checks that a client may join with the classic protocol.
    pub fn check_join(&self, join: &Join, members_max: usize) -> Result<(), ResponseError> {
        match self {
            Members::Classic(group) => group.check_join(join, members_max),
            Members::Consumer(group) if !group.is_empty() => Err(ResponseError::InconsistentGroupProtocol),
            Members::Consumer(_) if !join.member_id.is_empty() => Err(ResponseError::UnknownMemberId),
            Members::Consumer(_) => ClassicGroup::default().check_join(join, members_max),
        }
    }

    /// The group as one of the classic protocol. If it was of the other one, it becomes one without members.
    pub fn become_classic(&mut self) -> &mut ClassicGroup {
        if let Members::Consumer(_) = self {
            *self = Members::default();
        }
        match self {
            Members::Classic(group) => group,
            Members::Consumer(_) => unreachable!("the group has just changed its protocol"),
        }
    }

    /// As `become_classic`, for the consumer protocol.
    pub fn become_consumer(&mut self) -> &mut ConsumerGroup {
        if let Members::Classic(_) = self {
            *self = Members::Consumer(ConsumerGroup::default());
        }
        match self {
            Members::Consumer(group) => group,
            Members::Classic(_) => unreachable!("the group has just changed its protocol"),
        }
    }

    pub fn may_commit(&mut self, request: &OffsetCommitRequest, version: i16, now: Ms) -> Result<(), ResponseError> {
        let epoch = request.generation_id_or_member_epoch;
        match self {
            Members::Classic(group) => group.may_commit(request, now),
            Members::Consumer(group) if epoch < 0 && group.is_empty() => Ok(()),
            Members::Consumer(group) => {
                let may = group.may_use_offsets(&request.member_id, epoch);
                // In older versions the field is a generation, which the group does not have.
                if version < EPOCHS_SINCE && may != Err(ResponseError::UnknownMemberId) {
                    return Err(ResponseError::UnsupportedVersion);
                }
                may
            }
        }
    }

    /// Checks that a client may fetch offsets. Operators may do so without being members.
    pub fn may_fetch(&self, request: &OffsetFetchRequestGroup) -> Result<(), ResponseError> {
        match (self, &request.member_id) {
            (Members::Classic(_), _) => Ok(()),
            (Members::Consumer(_), None) if request.member_epoch < 0 => Ok(()),
            (Members::Consumer(group), id) => {
                group.may_use_offsets(&id.clone().unwrap_or_default(), request.member_epoch)
            }
        }
    }

    /// Panics if an invariant is violated.
    pub fn check_invariants(&self) {
        match self {
            Members::Classic(group) => group.check_invariants(),
            Members::Consumer(group) => group.check_invariants(),
        }
    }
}
