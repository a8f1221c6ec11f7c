//! Whether a client is connected, for its watchdog and for who waits.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use crate::statistics::Connected;

/// What the client's statistics say of its connections.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// 0: nothing yet, 1: not connected, 2: connected.
    state: AtomicU8,
    /// How many statistics showed that something had been sent or received.
    signs: AtomicU64,
    /// A broker is connected, and none has sent anything for [`MUTE`].
    mute: AtomicBool,
    /// How often an advertised address could not be reached.
    misled: AtomicU64,
}

/// A reader always waits for an answer: to a fetch, for half a second, or as a member of a group to a heartbeat, for three.
const MUTE: Duration = Duration::from_secs(4);

impl Link {
    const DOWN: u8 = 1;
    const UP: u8 = 2;

    pub fn is_connected(&self) -> bool {
        self.state.load(Ordering::Relaxed) == Self::UP
    }

    /// The statistics have come, and showed no connection.
    pub fn is_down(&self) -> bool {
        self.state.load(Ordering::Relaxed) == Self::DOWN
    }

    pub fn signs_of_life(&self) -> u64 {
        self.signs.load(Ordering::Relaxed)
    }

    /// A broker has answered a question.
    pub fn answered(&self) {
        self.signs.fetch_add(1, Ordering::Relaxed);
    }

    /// A broker sends us to an address that cannot be reached.
    pub fn misled(&self) {
        self.misled.fetch_add(1, Ordering::Relaxed);
    }

    pub fn times_misled(&self) -> u64 {
        self.misled.load(Ordering::Relaxed)
    }

    /// A broker is connected and sends nothing. Only of a reader does that say that the broker is at fault.
    pub fn is_mute(&self) -> bool {
        self.mute.load(Ordering::Relaxed)
    }

    pub fn enter(&self, connected: Connected, received_us: Option<u64>) {
        self.mute.store(received_us.is_some_and(|us| us >= MUTE.as_micros() as u64), Ordering::Relaxed);
        let state = if connected == Connected::No { Self::DOWN } else { Self::UP };
        self.state.store(state, Ordering::Relaxed);
        self.signs.fetch_add(u64::from(connected == Connected::Active), Ordering::Relaxed);
    }
}
