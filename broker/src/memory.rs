//! Counts the bytes that the broker holds, from their allocation until the last reader releases them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// Cost of a request besides its bytes, in the allocator and the log.
pub const OVERHEAD_BYTES: usize = 256;
/// Largest number of bytes that may use the reserve, so that small requests are served while large ones wait for room.
const SMALL_BYTES_MAX: usize = 4096;
const RESERVE_OF_BOUND: usize = 16;

/// A part of the broker's memory: its limit, and the bytes in use. The parts are counted together for their peak.
#[derive(Clone, Debug)]
pub struct Memory {
    count: Arc<Count>,
    bound: usize,
}

#[derive(Debug, Default)]
struct Count {
    used: AtomicUsize,
    all_parts: Arc<Sum>,
}

#[derive(Debug, Default)]
struct Sum {
    used: AtomicUsize,
    peak: AtomicUsize,
}

impl Memory {
    pub fn new(bound: usize) -> Memory {
        Memory { count: Arc::default(), bound }
    }

    /// Another part, with a limit of its own.
    pub fn beside(&self, bound: usize) -> Memory {
        let all_parts = self.count.all_parts.clone();
        Memory { count: Arc::new(Count { used: AtomicUsize::new(0), all_parts }), bound }
    }

    /// The largest amount that all parts together held at any time.
    pub fn peak(&self) -> usize {
        self.count.all_parts.peak.load(Ordering::Relaxed)
    }

    pub fn used(&self) -> usize {
        self.count.used.load(Ordering::Relaxed)
    }

    /// The bytes in use in all parts together.
    pub fn used_in_all_parts(&self) -> usize {
        self.count.all_parts.used.load(Ordering::Relaxed)
    }

    pub fn bound(&self) -> usize {
        self.bound
    }

    /// True if `more` bytes and their overhead would stay within the limit.
    pub fn has_room(&self, more: usize) -> bool {
        self.has_room_after(0, more)
    }

    /// True if there would be room for `more` bytes if `freed` bytes were released first.
    pub fn has_room_after(&self, freed: usize, more: usize) -> bool {
        let reserve = if more <= SMALL_BYTES_MAX { 0 } else { self.bound / RESERVE_OF_BOUND };
        let used = self.used().saturating_sub(freed);
        used.saturating_add(more).saturating_add(OVERHEAD_BYTES + reserve) <= self.bound
    }

    /// The part for requests and answers in progress. The rest belongs to the logs, and only producers use it.
    pub fn of_clients(&self) -> usize {
        self.bound / 2
    }

    /// Counts a buffer that is about to be filled. The caller must check for room before.
    pub fn hold(&self, bytes: usize) -> MemoryUse {
        let bytes = bytes + OVERHEAD_BYTES;
        let all_parts = &self.count.all_parts;
        self.count.used.fetch_add(bytes, Ordering::Relaxed);
        let used = all_parts.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        all_parts.peak.fetch_max(used, Ordering::Relaxed);
        MemoryUse { count: self.count.clone(), bytes }
    }
}

/// Bytes that are counted for as long as this lives.
#[derive(Debug)]
pub struct MemoryUse {
    count: Arc<Count>,
    bytes: usize,
}

impl MemoryUse {
    /// Counts both as one.
    pub fn join(&mut self, mut more: MemoryUse) {
        self.bytes += std::mem::take(&mut more.bytes);
    }

    /// Bytes that stay counted until their last slice is dropped.
    pub fn keep(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Counted { bytes, _held: self })
    }
}

impl Drop for MemoryUse {
    fn drop(&mut self) {
        self.count.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.count.all_parts.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

struct Counted {
    bytes: Vec<u8>,
    _held: MemoryUse,
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
    fn a_peak_is_of_all_parts_at_the_same_time() {
        let logs = Memory::new(10_000);
        let groups = logs.beside(1000);
        let held = logs.hold(3000);
        drop((groups.hold(100), held));
        let _later = groups.hold(500);
        assert_eq!((logs.used(), groups.used(), logs.used_in_all_parts()), (0, 756, 756));
        assert_eq!(logs.peak(), 3100 + 2 * OVERHEAD_BYTES);
        assert!(!groups.has_room(0), "each part has its own limit");
    }

    #[test]
    fn the_reserve_is_for_what_is_small() {
        let memory = Memory::new(160_000);
        let _held = memory.hold(150_000);
        assert!(memory.has_room(SMALL_BYTES_MAX) && !memory.has_room(SMALL_BYTES_MAX + 1));
    }
}
