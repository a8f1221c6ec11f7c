//! The options of a broker, and the limits on all data from the wire.

use std::time::Duration;

pub use crate::config::Defaults;

/// Kafka's own default, so that a message that is accepted here is accepted there.
pub const MESSAGE_BYTES_MAX: usize = 1_048_588;
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
/// Kafka's defaults of `group.min.session.timeout.ms` and `group.max.session.timeout.ms`.
pub const SESSION_MS_MIN: i32 = 6000;
pub const SESSION_MS_MAX: i32 = 1_800_000;
/// Members of one group. The 5000 connections suffice for at least as many clients.
pub const GROUP_MEMBERS_MAX: usize = 1000;
const MEMORY_BYTES_MIN: u64 = 64 << 20;
const MEMORY_BYTES_MAX: u64 = 4 << 30;

/// The options of a broker.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address that clients are given; `None` for the address at which each of them reached us.
    pub advertise: Option<(String, u16)>,
    /// Limit of all memory. Half of it is for the logs; requests and answers in progress share the rest.
    pub memory_bytes: usize,
    /// Defaults for topics.
    pub defaults: Defaults,
    /// Number of partitions of a topic that is created automatically, or without a number.
    pub partitions: i32,
    /// True if a missing topic is created when a client requests it.
    pub auto_create: bool,
    /// Time after the start for which the broker behaves like a Kafka that is still starting: its metadata name topics
    /// but no brokers. For tests of clients.
    pub starting: Duration,
    pub limits: BrokerLimits,
}

/// Limits that protect clients from each other.
#[derive(Clone, Debug)]
pub struct BrokerLimits {
    pub connections: usize,
    /// Advice for more connections, for the warning when their limit is reached.
    pub more_connections: &'static str,
    /// Largest request, as Kafka's socket.request.max.bytes; also limited to a quarter of the memory.
    pub request_bytes: usize,
    pub topics: usize,
    /// Partitions of all topics together.
    pub partitions: usize,
    /// Time after which a client is cut off that has begun a request or an answer and does nothing. If its memory is
    /// needed, it is cut off after a second.
    pub stall: Duration,
    /// Time after which a silent client is cut off, as Kafka's connections.max.idle.ms.
    pub idle: Duration,
    /// Longest time that a fetch waits, whatever it requests.
    pub wait: Duration,
    pub groups: GroupLimits,
}

/// Limits on the number of groups, and on the data of each group.
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

impl Default for Options {
    fn default() -> Options {
        Options {
            advertise: None,
            memory_bytes: memory_bytes(machine_bytes()),
            defaults: Defaults {
                retention: Some(RETENTION),
                partition_bytes: None,
                message_bytes_max: MESSAGE_BYTES_MAX,
            },
            partitions: 1,
            auto_create: true,
            starting: Duration::ZERO,
            limits: BrokerLimits::default(),
        }
    }
}

impl Default for BrokerLimits {
    fn default() -> BrokerLimits {
        BrokerLimits {
            // A Kafka client has two or more connections, so 5000 allow for at least a thousand clients. An idle one
            // takes some kB.
            connections: 5000,
            more_connections: "vidbroker --max-connections",
            request_bytes: 100 << 20,
            topics: 1000,
            partitions: 10_000,
            stall: Duration::from_secs(30),
            idle: Duration::from_secs(600),
            wait: Duration::from_secs(60),
            groups: GroupLimits {
                groups: 500,
                members: GROUP_MEMBERS_MAX,
                offsets: 5000,
                metadata_bytes: 1 << 20,
                // Replaced by the groups' share of the memory.
                memory_bytes: 0,
                session_ms_min: SESSION_MS_MIN,
                session_ms_max: SESSION_MS_MAX,
                times: GroupTimes { session_ms: 6000, heartbeat_ms: 500 },
            },
        }
    }
}

/// An eighth of the machine's memory, within limits.
fn memory_bytes(of_machine: u64) -> usize {
    let bytes = (of_machine / 8).clamp(MEMORY_BYTES_MIN, MEMORY_BYTES_MAX);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(not(target_os = "linux"))]
fn machine_bytes() -> u64 {
    8 << 30
}

#[cfg(target_os = "linux")]
fn machine_bytes() -> u64 {
    let info = rustix::system::sysinfo();
    #[allow(clippy::useless_conversion, reason = "the field's type is not the same on every platform")]
    u64::from(info.totalram).saturating_mul(u64::from(info.mem_unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_an_eighth_of_the_machines() {
        assert_eq!(memory_bytes(8 << 30), 1 << 30);
        assert_eq!(memory_bytes(0), 64 << 20);
        assert_eq!(memory_bytes(1 << 40), 4 << 30);
    }
}
