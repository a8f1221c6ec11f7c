//! Passes the number of sent messages to the consumers.

use std::sync::atomic::{AtomicU64, Ordering};

const NOT_YET: u64 = u64::MAX;

/// The number of messages sent; set once, after the last message.
#[derive(Debug)]
pub struct Ending(AtomicU64);

impl Default for Ending {
    fn default() -> Self {
        Ending(AtomicU64::new(NOT_YET))
    }
}

impl Ending {
    pub fn set(&self, sent: u64) {
        self.0.store(sent, Ordering::Release);
    }

    pub fn sent(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Acquire)).filter(|n| *n != NOT_YET)
    }
}
