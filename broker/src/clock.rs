//! The broker's only readings of the clock; all below it gets time as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds of a clock that never goes back.
pub type Ms = u64;

/// One reading of both clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// Since the broker began: for time-outs.
    pub ms: Ms,
    /// Since 1970: what records are stamped with.
    pub wall_ms: i64,
}

#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the broker's one marked place; it knows nothing of the frames' clock"
    )]
    pub fn start() -> Clock {
        Clock { began: Instant::now() }
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the broker's one marked place; it knows nothing of the frames' clock"
    )]
    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(Ms::MAX),
            wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX),
        }
    }
}
