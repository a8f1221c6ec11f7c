//! Limits on the data that clients make us keep, and admission of new members.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::JoinGroupRequest;

use super::{Groups, Times, Who};
use crate::memory::{Memory, OVERHEAD_BYTES};

const ID_BYTES_MAX: usize = 1024;
/// Longest protocol type. It is kept as long as the group, but the counted memory only as long as the member.
const PROTOCOL_TYPE_BYTES_MAX: usize = 255;

/// The largest number of each.
#[derive(Clone, Debug)]
pub struct Limits {
    pub groups: usize,
    /// Members of one group, including ids that were given out but not used yet.
    pub members: usize,
    /// Committed partitions of one group.
    pub offsets: usize,
    /// Bytes of all names and metadata in one join, or of all assignments in one sync.
    pub metadata_bytes: usize,
    /// Bytes of all data that groups keep from clients' requests.
    pub memory_bytes: usize,
    /// Shortest session timeout that a member may request.
    pub session_ms_min: i32,
    /// Longest session timeout, and longest time that a rebalance waits for a member.
    pub session_ms_max: i32,
    /// Times of members of the consumer protocol.
    pub times: Times,
}

impl Groups {
    pub(super) fn may_join(&mut self, request: &mut JoinGroupRequest, who: &Who) -> Result<(), ResponseError> {
        check_id(&request.group_id)?;
        let session = self.limits.session_ms_min..=self.limits.session_ms_max;
        if !session.contains(&request.session_timeout_ms) {
            return Err(ResponseError::InvalidSessionTimeout);
        }
        let instance = request.group_instance_id.as_ref().map_or(0, |id| id.len());
        let of_member = request.protocol_type.len() + who.client_id.len() + who.host.len() + instance;
        let names = of_member + request.protocols.iter().map(|p| p.name.len()).sum::<usize>();
        let metadata: usize = request.protocols.iter().map(|p| p.metadata.len()).sum();
        if names + metadata > self.limits.metadata_bytes || request.protocol_type.len() > PROTOCOL_TYPE_BYTES_MAX {
            return Err(ResponseError::InvalidRequest);
        }
        self.may_enter(&request.group_id, request.member_id.is_empty())?;
        if !self.memory.has_room(names + metadata + request.protocols.len() * OVERHEAD_BYTES) {
            return Err(ResponseError::CoordinatorNotAvailable);
        }
        let mut beside = names;
        for protocol in &mut request.protocols {
            // The names are counted with the first metadata, because all data of a member are freed together.
            protocol.metadata = kept(&self.memory, &protocol.metadata, std::mem::take(&mut beside));
        }
        Ok(())
    }

    /// Checks that the group exists or may be created.
    pub(super) fn may_enter(&mut self, group: &str, anew: bool) -> Result<(), ResponseError> {
        match self.groups.contains_key(group) {
            true => Ok(()),
            false if !anew => Err(ResponseError::UnknownMemberId),
            false if self.groups.len() >= self.limits.groups && !self.forget_oldest() => {
                Err(ResponseError::CoordinatorNotAvailable)
            }
            false => Ok(()),
        }
    }

    /// Makes room by removing the group that has been without members for longest.
    fn forget_oldest(&mut self) -> bool {
        let deserted = self.groups.iter().filter(|(_, group)| group.members.is_deserted());
        let oldest = deserted.min_by_key(|(_, group)| group.touched).map(|(id, _)| id.clone());
        oldest.is_some_and(|id| self.groups.remove(&id).is_some())
    }
}

/// A copy that is counted for as long as it is kept, together with `beside` further bytes.
pub(super) fn kept(memory: &Memory, bytes: &[u8], beside: usize) -> Bytes {
    memory.hold(bytes.len() + beside).keep(bytes.to_vec())
}

/// Checks a group's name, which is kept for as long as the group.
pub(super) fn check_id(group: &str) -> Result<(), ResponseError> {
    if is_group_id(group) { Ok(()) } else { Err(ResponseError::InvalidGroupId) }
}

pub(super) fn is_group_id(group: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&group.len())
}
