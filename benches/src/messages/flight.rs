//! Messages in flight, from the send call to the acknowledgement, and their number at the end.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use kafka::Delivery;

#[derive(Default, Debug)]
struct Count {
    in_flight: u64,
    failed: Option<Delivery>,
    /// Number of messages sent; set after the last one.
    sent: Option<u64>,
}

/// Counts messages in flight; the client's own thread reports when one is acknowledged.
#[derive(Clone, Default, Debug)]
pub struct Flight(Arc<(Mutex<Count>, Condvar)>);

impl Flight {
    fn count(&self) -> MutexGuard<'_, Count> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn take_off(&self) {
        self.count().in_flight += 1;
    }

    pub fn land(&self, delivery: Delivery) {
        let mut count = self.count();
        count.in_flight -= 1;
        if delivery != Delivery::Acknowledged {
            count.failed.get_or_insert(delivery);
        }
        self.0.1.notify_one();
    }

    /// Announces to the consumers that no more messages follow.
    pub fn close(&self, sent: u64) {
        self.count().sent = Some(sent);
    }

    /// Number of messages sent, once the last one was sent.
    pub fn closed(&self) -> Option<u64> {
        self.count().sent
    }

    /// Waits until fewer than `max` are in flight. Fails if one was not acknowledged, or if no acknowledgement comes
    /// within `patience`.
    pub fn wait_below(&self, max: u64, patience: Duration) -> anyhow::Result<()> {
        let mut count = self.count();
        while count.in_flight >= max && count.failed.is_none() {
            let (woken, slept) = self.0.1.wait_timeout(count, patience).unwrap_or_else(PoisonError::into_inner);
            count = woken;
            ensure!(!slept.timed_out(), "no acknowledgement within {} s", patience.as_secs());
        }
        match &count.failed {
            None => Ok(()),
            Some(Delivery::Refused(why)) => anyhow::bail!("a message was refused: {why}"),
            Some(Delivery::TooLarge) => anyhow::bail!("a message was refused: it is larger than the topic takes"),
            Some(Delivery::NoTopic) => anyhow::bail!("the topic is gone"),
            Some(_) => anyhow::bail!("a message was not acknowledged in time: the broker does not keep up"),
        }
    }
}
