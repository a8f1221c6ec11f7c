//! What a broker is told to do, and the limits on everything that comes from the wire.

use std::time::Duration;

use crate::groups;

/// As Kafka's own default, so that what fits here fits there.
pub const MESSAGE_BYTES_MAX: usize = 1_048_588;
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
/// Kafka's `group.min.session.timeout.ms`, and its `group.max.session.timeout.ms`.
pub const SESSION_MS_MIN: i32 = 6000;
pub const SESSION_MS_MAX: i32 = 1_800_000;
const MEMORY_BYTES_MIN: u64 = 64 << 20;
const MEMORY_BYTES_MAX: u64 = 4 << 30;

/// Everything a broker is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// What clients are told to connect to; `None`: the address at which each of them reached us.
    pub advertise: Option<(String, u16)>,
    /// The bound on all that is held in memory. Half of it is the logs'; requests and answers under way share the rest.
    pub memory_bytes: usize,
    /// What a topic has that says nothing else.
    pub defaults: Defaults,
    /// Partitions of a topic that is made by asking for it, or without a number.
    pub partitions: i32,
    /// Whether asking for a topic makes it.
    pub auto_create: bool,
    /// For so long after its start the broker behaves like a Kafka that is still starting: metadata names topics and no
    /// brokers. For tests of clients.
    pub starting: Duration,
    pub limits: Limits,
}

/// What a topic has that says nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Defaults {
    /// How long it keeps records; `None`: as long as there is room.
    pub retention: Option<Duration>,
    /// How many bytes a partition keeps; `None`: as many as there is room for.
    pub partition_bytes: Option<usize>,
    pub message_bytes_max: usize,
}

/// What one client may do to the others.
#[derive(Clone, Debug)]
pub struct Limits {
    pub connections: usize,
    /// One request, as Kafka's socket.request.max.bytes; and never more than a quarter of the memory.
    pub request_bytes: usize,
    pub topics: usize,
    /// Of all topics together.
    pub partitions: usize,
    /// A client that begins a request or an answer and then does nothing is cut off after that long; where its memory
    /// is needed, after a second.
    pub stall: Duration,
    /// A client that says nothing at all is cut off after that long, as Kafka's connections.max.idle.ms.
    pub idle: Duration,
    /// The longest that a fetch waits, whatever it asks for.
    pub wait: Duration,
    pub groups: groups::Limits,
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
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            // A client of Kafka's has two or more: 5000 are at least a thousand clients. One that is idle takes some kB.
            connections: 5000,
            request_bytes: 100 << 20,
            topics: 1000,
            partitions: 10_000,
            stall: Duration::from_secs(30),
            idle: Duration::from_secs(600),
            wait: Duration::from_secs(60),
            groups: groups::Limits {
                groups: 500,
                members: 250,
                offsets: 5000,
                metadata_bytes: 1 << 20,
                // Replaced by the groups' part of the memory.
                memory_bytes: 0,
                session_ms_min: SESSION_MS_MIN,
                session_ms_max: SESSION_MS_MAX,
                times: groups::Times { session_ms: 6000, heartbeat_ms: 500 },
            },
        }
    }
}

/// An eighth of the machine's memory, within reason.
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
