//! The state of a client's connections, for its watchdog and for callers that wait for a connection.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use crate::statistics::Connected;

/// Connection state, taken from the client's statistics.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// 0: not known yet, 1: not connected, 2: connected.
    state: AtomicU8,
    /// Number of statistics that showed traffic, and of answers from a broker.
    signs: AtomicU64,
    /// True if a broker is connected and none has sent anything for [`SILENCE_MAX`].
    silent: AtomicBool,
    /// Number of times that an advertised address could not be reached.
    unreachable: AtomicU64,
}

/// Longest normal silence of a broker towards a reader. A reader always waits for some answer: to a fetch (at most half
/// a second), or as a member of a group to a heartbeat (3 s).
const SILENCE_MAX: Duration = Duration::from_secs(4);

impl Link {
    const DOWN: u8 = 1;
    const UP: u8 = 2;

    pub fn is_connected(&self) -> bool {
        self.state.load(Ordering::Relaxed) == Self::UP
    }

    /// True if statistics have arrived and showed no connection.
    pub fn is_down(&self) -> bool {
        self.state.load(Ordering::Relaxed) == Self::DOWN
    }

    pub fn signs_of_life(&self) -> u64 {
        self.signs.load(Ordering::Relaxed)
    }

    /// Records that a broker has answered a request.
    pub fn answered(&self) {
        self.signs.fetch_add(1, Ordering::Relaxed);
    }

    /// Records that an address advertised by a broker cannot be reached.
    pub fn advertised_unreachable(&self) {
        self.unreachable.fetch_add(1, Ordering::Relaxed);
    }

    pub fn times_advertised_unreachable(&self) -> u64 {
        self.unreachable.load(Ordering::Relaxed)
    }

    /// True if a broker is connected and sends nothing. This shows a fault of the broker only if the client is a
    /// reader.
    pub fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    pub fn enter(&self, connected: Connected, received_us: Option<u64>) {
        self.silent.store(received_us.is_some_and(|us| us >= SILENCE_MAX.as_micros() as u64), Ordering::Relaxed);
        let state = if connected == Connected::No { Self::DOWN } else { Self::UP };
        self.state.store(state, Ordering::Relaxed);
        self.signs.fetch_add(u64::from(connected == Connected::Active), Ordering::Relaxed);
    }
}
