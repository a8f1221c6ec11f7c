//! What the broker holds, counted to the byte where it is allocated and until the last reader lets go of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// What one request costs beside its bytes: its allocation's and the log's own bookkeeping.
const OVERHEAD_BYTES: usize = 256;

/// The bound on everything that came from clients or is on its way to them, and how much of it is taken.
#[derive(Clone, Debug)]
pub struct Memory {
    used: Arc<AtomicUsize>,
    bound: usize,
}

impl Memory {
    pub fn new(bound: usize) -> Memory {
        Memory { used: Arc::default(), bound }
    }

    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub fn bound(&self) -> usize {
        self.bound
    }

    /// Whether `more` bytes would stay within the bound.
    pub fn has_room(&self, more: usize) -> bool {
        self.used() + more <= self.bound
    }

    /// Counts a buffer that is about to be filled. Whoever takes asks for room first.
    pub fn hold(&self, bytes: usize) -> Held {
        let bytes = bytes + OVERHEAD_BYTES;
        self.used.fetch_add(bytes, Ordering::Relaxed);
        Held { used: self.used.clone(), bytes }
    }
}

/// Bytes that are counted as long as this lives.
#[derive(Debug)]
pub struct Held {
    used: Arc<AtomicUsize>,
    bytes: usize,
}

impl Held {
    /// Counts `more` on top.
    pub fn grow(&mut self, more: usize) {
        self.used.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
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
        held.grow(50);
        let bytes = held.keep(vec![7; 150]);
        let slice = bytes.slice(10..20);
        drop(bytes);
        assert_eq!(memory.used(), 150 + OVERHEAD_BYTES);
        assert!(memory.has_room(594) && !memory.has_room(595));
        drop(slice);
        assert_eq!(memory.used(), 0);
    }
}
