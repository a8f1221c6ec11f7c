//! Counts the bytes that the broker holds, from their allocation until the last reader releases them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// Cost of a request besides its bytes, in the allocator and the log.
pub const OVERHEAD_BYTES: usize = 256;
/// Largest number of bytes that may use the reserve, so that small requests are served while large ones wait for room.
const SMALL_BYTES_MAX: usize = 4096;
const RESERVE_OF_BOUND: usize = 16;

/// The limit for all data that came from clients or is being sent to them, and the bytes in use.
#[derive(Clone, Debug)]
pub struct Memory {
    used: Arc<AtomicUsize>,
    peak: Arc<AtomicUsize>,
    bound: usize,
}

impl Memory {
    pub fn new(bound: usize) -> Memory {
        Memory { used: Arc::default(), peak: Arc::default(), bound }
    }

    /// The largest amount held at any time.
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub fn bound(&self) -> usize {
        self.bound
    }

    /// True if `more` bytes and their overhead would stay within the limit.
    pub fn has_room(&self, more: usize) -> bool {
        let reserve = if more <= SMALL_BYTES_MAX { 0 } else { self.bound / RESERVE_OF_BOUND };
        self.used().saturating_add(more).saturating_add(OVERHEAD_BYTES + reserve) <= self.bound
    }

    /// The part for requests and answers in progress. The rest belongs to the logs, and only producers use it.
    pub fn of_clients(&self) -> usize {
        self.bound / 2
    }

    /// Counts a buffer that is about to be filled. The caller must check for room before.
    pub fn hold(&self, bytes: usize) -> Held {
        let bytes = bytes + OVERHEAD_BYTES;
        let used = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.peak.fetch_max(used, Ordering::Relaxed);
        Held { used: self.used.clone(), bytes }
    }
}

/// Bytes that are counted for as long as this lives.
#[derive(Debug)]
pub struct Held {
    used: Arc<AtomicUsize>,
    bytes: usize,
}

impl Held {
    /// Counts both as one.
    pub fn join(&mut self, mut more: Held) {
        self.bytes += std::mem::take(&mut more.bytes);
    }

    /// Bytes that stay counted until their last slice is dropped.
    pub fn keep(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Counted { bytes, _held: self })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

struct Counted {
    bytes: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_keeps_all_counted_until_it_is_gone() {
        let memory = Memory::new(1000);
        let mut held = memory.hold(100);
        held.join(memory.hold(50));
        let bytes = held.keep(vec![7; 150]);
        let slice = bytes.slice(10..20);
        drop(bytes);
        assert_eq!(memory.used(), 150 + 2 * OVERHEAD_BYTES);
        assert!(memory.has_room(82) && !memory.has_room(83));
        drop(slice);
        assert_eq!((memory.used(), memory.peak()), (0, 150 + 2 * OVERHEAD_BYTES));
    }

    #[test]
    fn the_reserve_is_for_what_is_small() {
        let memory = Memory::new(160_000);
        let _held = memory.hold(150_000);
        assert!(memory.has_room(SMALL_BYTES_MAX) && !memory.has_room(SMALL_BYTES_MAX + 1));
    }
}
