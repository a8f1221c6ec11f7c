//! What a Kafka client counted of itself over a run.

use serde::{Deserialize, Serialize};

/// Times of one kind that the client told of, in windows.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Waits {
    pub count: u64,
    pub min_us: u64,
    pub mean_us: u64,
    /// Of the window where it was largest.
    pub p99_us: u64,
}

impl Waits {
    /// Takes a window; an empty one says nothing.
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

/// The client's own figures; without any tellings all are zero and mean nothing.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct ClientFacts {
    pub tellings: u64,
    /// Records in the producer's queue, before they are put into a request.
    pub queued: Waits,
    /// Requests in the client, before the socket has taken them.
    pub unsent: Waits,
    /// Request → response. A fetch waits at the broker for records, so of a reader only the least means something.
    pub round_trip: Waits,
    /// What the broker held answers back for a quota.
    pub throttled: Waits,
    /// Brokers that the client knew, besides the addresses it was given to begin with.
    #[serde(default)]
    pub brokers: u64,
    /// All their addresses are on this machine.
    #[serde(default)]
    pub loopback: bool,
    /// Connections that broke.
    pub disconnects: u64,
    /// How often the client stayed without a connection and was replaced by a new one.
    pub reconnections: u64,
    /// Records that were fetched and not yet taken, at most.
    pub fetched_max: u64,
}
