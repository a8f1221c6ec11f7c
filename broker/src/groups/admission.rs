//! Limits on the data that clients make us keep, admission of new members, and the groups that make room for them.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::JoinGroupRequest;

use super::classic::{ClassicGroup, Join};
use super::kept::check_id;
use super::{Group, Groups};
use crate::clock::Ms;
use crate::memory::OVERHEAD_BYTES;
use crate::request::Requester;

/// Longest protocol type. It is kept as long as the group, but the counted memory only as long as the member.
const PROTOCOL_TYPE_BYTES_MAX: usize = 255;

impl Groups {
    /// Checks a join of the classic protocol, makes room for its data, and copies them.
    pub(super) fn admit(
        &mut self,
        request: &JoinGroupRequest,
        version: i16,
        requester: &Requester,
    ) -> Result<Join, ResponseError> {
        let group = &request.group_id;
        check_id(group)?;
        let (names, metadata) = self.join_bytes(request, requester)?;
        let mut join = Join::new(request, version, requester, Ms::try_from(self.limits.session_ms_max).unwrap_or(1));
        match self.groups.get(&***group) {
            Some(group) => group.members.check_join(&join, self.limits.members)?,
            None if !request.member_id.is_empty() => return Err(ResponseError::UnknownMemberId),
            None => ClassicGroup::default().check_join(&join, self.limits.members)?,
        }
        self.check_place(group)?;
        if !self.make_room(names + metadata + request.protocols.len() * OVERHEAD_BYTES, group) {
            return Err(ResponseError::CoordinatorNotAvailable);
        }
        join.keep_metadata(&self.memory, names);
        Ok(join)
    }

    /// The bytes of all names in a join, and of all metadata, if both are within the limits.
    fn join_bytes(&self, request: &JoinGroupRequest, requester: &Requester) -> Result<(usize, usize), ResponseError> {
        let session = self.limits.session_ms_min..=self.limits.session_ms_max;
        if !session.contains(&request.session_timeout_ms) {
            return Err(ResponseError::InvalidSessionTimeout);
        }
        let instance = request.group_instance_id.as_ref().map_or(0, |id| id.len());
        let of_member = request.protocol_type.len() + requester.client_id.len() + requester.host.len() + instance;
        let names = of_member + request.protocols.iter().map(|p| p.name.len()).sum::<usize>();
        let metadata: usize = request.protocols.iter().map(|p| p.metadata.len()).sum();
        if names + metadata > self.limits.metadata_bytes || request.protocol_type.len() > PROTOCOL_TYPE_BYTES_MAX {
            return Err(ResponseError::InvalidRequest);
        }
        Ok((names, metadata))
    }

    /// Checks that the group exists or may be created. Another group is removed for it only when it is complete, in
    /// `finish`, so that a refused request removes none.
    pub(super) fn check_place(&self, group: &str) -> Result<(), ResponseError> {
        let has_place = self.groups.contains_key(group)
            || self.groups.len() < self.limits.groups
            || self.without_members(group).next().is_some();
        if has_place { Ok(()) } else { Err(ResponseError::CoordinatorNotAvailable) }
    }

    /// Must be called after a request that may have created a group: removes the group if the request failed, and
    /// otherwise the oldest group if there are too many.
    pub(super) fn finish(&mut self, group: &str) {
        if self.groups.get(group).is_some_and(Group::is_vacant) {
            self.groups.remove(group);
        }
        while self.groups.len() > self.limits.groups && self.forget_oldest(group, |_| true) {}
    }

    /// Makes room for `bytes` of data of a group. While there is none, removes the group that has been without members
    /// for longest; but it removes none if all of them together would not suffice. Returns true if there is room.
    pub(super) fn make_room(&mut self, bytes: usize, group: &str) -> bool {
        if self.memory.has_room(bytes) {
            return true;
        }
        let freed = self.without_members(group).map(|(_, group)| group.offsets.bytes()).sum();
        if !self.memory.has_room_after(freed, bytes) {
            return false;
        }
        while !self.memory.has_room(bytes) {
            if !self.forget_oldest(group, |group| group.offsets.bytes() > 0) {
                return false;
            }
        }
        true
    }

    /// The groups without members, except the one that needs room.
    fn without_members<'a>(&'a self, except: &'a str) -> impl Iterator<Item = (&'a String, &'a Group)> {
        self.groups.iter().filter(move |(id, group)| group.members.is_deserted() && *id != except)
    }

    /// Removes the group that has been without members for longest, of those that `helps` accepts.
    fn forget_oldest(&mut self, except: &str, helps: impl Fn(&Group) -> bool) -> bool {
        let groups = self.without_members(except).filter(|(_, group)| helps(group));
        let Some(id) = groups.min_by_key(|(_, group)| group.touched).map(|(id, _)| id.clone()) else { return false };
        let offsets = self.groups.remove(&id).map_or(0, |group| group.offsets.len());
        tracing::info!(
            event = "group_forgotten",
            group = id,
            offsets,
            "group {id} and its {offsets} committed offsets are removed: it has been without members for longest, and \
             the memory or the number of groups is limited"
        );
        true
    }
}
