//! The only code in the broker that reads the clock; everything else gets time as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds of a monotonic clock.
pub type Ms = u64;

/// A reading of both clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// Time since the broker started, used for timeouts.
    pub ms: Ms,
    /// Time since 1970, used for the timestamps of records.
    pub wall_ms: i64,
}

#[derive(Clone, Copy, Debug)]
pub struct BrokerClock {
    began: Instant,
}

#[allow(clippy::disallowed_methods, reason = "the broker's one marked place; it knows nothing of the frames' clock")]
impl BrokerClock {
    pub fn start() -> BrokerClock {
        BrokerClock { began: Instant::now() }
    }

    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(Ms::MAX),
            wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX),
        }
    }
}
