//! A Kafka client's own figures over a run.

use serde::{Deserialize, Serialize};

/// Durations of one kind, from the windows of the client's statistics.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Waits {
    pub count: u64,
    pub min_us: u64,
    pub mean_us: u64,
    /// The largest p99 of any window.
    pub p99_us: u64,
}

impl Waits {
    /// Adds a window; an empty one is ignored.
    pub fn enter(&mut self, window: Waits) {
        if window.count == 0 {
            return;
        }
        let count = self.count + window.count;
        let sum = self.mean_us.saturating_mul(self.count).saturating_add(window.mean_us.saturating_mul(window.count));
        let min_us = if self.count == 0 { window.min_us } else { self.min_us.min(window.min_us) };
        *self = Waits { count, min_us, mean_us: sum / count, p99_us: self.p99_us.max(window.p99_us) };
    }
}

/// The client's own figures. If `statistics_read` is 0, all are zero and meaningless.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct ClientFacts {
    /// Number of statistics that the client has reported.
    #[serde(rename = "tellings")]
    pub statistics_read: u64,
    /// Time of records in the producer's queue, before they are put into a request.
    pub queued: Waits,
    /// Time of requests in the client, before the socket has taken them.
    pub unsent: Waits,
    /// Time from request to response. A fetch waits at the broker for records, so for a reader only the minimum is
    /// meaningful.
    pub round_trip: Waits,
    /// Time for which the broker delayed answers because of a quota.
    pub throttled: Waits,
    /// Number of brokers that the client knew, without the bootstrap addresses.
    #[serde(default)]
    pub brokers: u64,
    /// True if all their addresses are on this machine.
    #[serde(default)]
    pub loopback: bool,
    /// Number of connections that broke.
    pub disconnects: u64,
    /// Number of times that the client stayed without a connection and was replaced.
    pub reconnections: u64,
    /// Largest number of records that were fetched and not yet processed.
    pub fetched_max: u64,
}
