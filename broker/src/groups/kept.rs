//! The data that groups keep: copies, which are counted in memory, and ids.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;

use crate::memory::Memory;

/// Longest id, of a group or of a member.
pub const ID_BYTES_MAX: usize = 1024;

pub fn code(result: Result<(), ResponseError>) -> i16 {
    result.map_or_else(|error| error.code(), |()| 0)
}

/// Copies a string. A decoded string is a slice of the whole request, which would stay in memory with it.
pub fn copied(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A copy that is counted for as long as it is kept, together with `beside` further bytes.
pub fn kept(memory: &Memory, bytes: &[u8], beside: usize) -> Bytes {
    memory.hold(bytes.len() + beside).keep(bytes.to_vec())
}

/// Checks a group's name, which is kept for as long as the group.
pub fn check_id(group: &str) -> Result<(), ResponseError> {
    if is_group_id(group) { Ok(()) } else { Err(ResponseError::InvalidGroupId) }
}

pub fn is_group_id(group: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&group.len())
}

/// The id of the member with this instance id, among the ids and instance ids of all members.
pub fn by_instance<'a>(
    mut members: impl Iterator<Item = (&'a StrBytes, &'a Option<StrBytes>)>,
    instance: &str,
) -> Option<&'a StrBytes> {
    members.find(|(_, known)| known.as_deref() == Some(instance)).map(|(id, _)| id)
}
