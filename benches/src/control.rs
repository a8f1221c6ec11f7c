//! The clock, and whether the user pressed Ctrl-C.

use std::time::Duration;

use anyhow::{Result, ensure};
use cli::shutdown::Shutdown;
use common::time::Clock;

/// The longest sleep, so that Ctrl-C is noticed soon.
const NAP: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
pub struct Control<'a> {
    pub clock: &'a dyn Clock,
    pub shutdown: &'a Shutdown,
}

impl Control<'_> {
    pub fn interrupted(&self) -> bool {
        self.shutdown.requested()
    }

    /// Fails after Ctrl-C. An experiment does not count that as a failed run.
    pub fn check(&self) -> Result<()> {
        ensure!(!self.interrupted(), "interrupted");
        Ok(())
    }

    /// Sleeps for this time, or until Ctrl-C.
    pub fn sleep(&self, time: Duration) {
        let until = self.clock.now().plus(time);
        while self.clock.now() < until && !self.interrupted() {
            self.clock.sleep_until(until.min(self.clock.now().plus(NAP)));
        }
    }
}
