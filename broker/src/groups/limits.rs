//! Limits on groups and their members.

/// The largest number of groups, and of what each group may keep.
#[derive(Clone, Debug)]
pub struct GroupLimits {
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
    pub times: GroupTimes,
}

/// Times of members of this protocol, which the broker sets, not the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupTimes {
    /// Time of silence after which a member is removed.
    pub session_ms: i32,
    /// Interval at which a member must send heartbeats.
    pub heartbeat_ms: i32,
}
