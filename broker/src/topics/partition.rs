//! A partition: its log, and the fetches that wait for its next batch.

use std::rc::{Rc, Weak};

use tokio::sync::Notify;

use crate::log::Log;

/// A log, and the fetches that wait for its next batch.
#[derive(Debug)]
pub struct Partition {
    pub log: Log,
    waiting: Vec<Weak<Notify>>,
}

impl Partition {
    pub(super) fn new() -> Partition {
        Partition { log: Log::new(), waiting: Vec::new() }
    }

    /// Wakes every waiting fetch.
    pub fn wake(&mut self) {
        for waiting in self.waiting.drain(..).filter_map(|w| w.upgrade()) {
            waiting.notify_one();
        }
    }

    /// Notifies `change` once, at the next change of the partition.
    pub fn wait(&mut self, change: &Rc<Notify>) {
        self.waiting.retain(|w| w.strong_count() > 0);
        // A fetch that was woken by another partition and waits again is already in the list.
        if !self.waiting.iter().any(|w| std::ptr::eq(w.as_ptr(), Rc::as_ptr(change))) {
            self.waiting.push(Rc::downgrade(change));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_that_waits_on_waits_once() {
        let mut partition = Partition::new();
        let bells = [Rc::new(Notify::new()), Rc::new(Notify::new())];
        (0..10).for_each(|nth| partition.wait(&bells[nth % 2]));
        assert_eq!(partition.waiting.len(), 2);
    }
}
