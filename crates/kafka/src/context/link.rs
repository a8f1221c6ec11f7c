//! The state of a client's connections, for its watchdog and for callers that wait for a connection.

use std::time::Duration;

use crate::statistics::Connected;

/// Connection state, taken from the client's statistics.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Link {
    /// `None` until statistics have arrived.
    pub connected: Option<bool>,
    /// Number of statistics that showed traffic, and of answers from a broker.
    pub signs_of_life: u64,
    /// True if a broker is connected and none has sent anything for [`SILENCE_MAX`]. This shows a fault of the broker
    /// only if the client is a reader.
    pub silent: bool,
    /// Number of times that an address advertised by a broker could not be reached.
    pub times_unreachable: u64,
}

/// Longest normal silence of a broker towards a reader. A reader always waits for some answer: to a fetch (at most half
/// a second), or as a member of a group to a heartbeat (3 s).
const SILENCE_MAX: Duration = Duration::from_secs(4);

impl Link {
    pub fn is_connected(self) -> bool {
        self.connected == Some(true)
    }

    pub fn enter(&mut self, connected: Connected, received_us: Option<u64>) {
        self.silent = received_us.is_some_and(|us| us >= SILENCE_MAX.as_micros() as u64);
        self.connected = Some(connected != Connected::No);
        self.signs_of_life += u64::from(connected == Connected::Active);
    }
}
