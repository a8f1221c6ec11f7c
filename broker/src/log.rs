//! A partition's log: batches in the order in which they arrived.
//!
//! ```text
//! Batch ─append─▶ Producers (seen before? in order?) ─▶ the batches ─read─▶ Slice
//!                                                        └ keep, drop_oldest, delete_before take from the front
//! ```
//! Offsets are assigned only here: they increase without gaps, and none is assigned twice.

pub mod producers;
#[cfg(test)]
mod tests;
mod time;

use std::collections::VecDeque;

pub use self::producers::Refused;
use self::producers::{Producers, SequenceCheck};
use crate::{batch::Batch, clock::Now};

/// The batches of one partition.
#[derive(Debug, Default)]
pub struct Log {
    batches: VecDeque<Stored>,
    bytes: usize,
    /// The first readable offset; after `delete_before` it may be inside the first batch.
    start: i64,
    /// The offset of the next record.
    end: i64,
    producers: Producers,
}

#[derive(Clone, Debug)]
struct Stored {
    base_offset: i64,
    arrived_wall_ms: i64,
    /// The largest timestamp of this batch and all before it, which makes a binary search for a time possible.
    max_timestamp_so_far: i64,
    batch: Batch,
}

/// The result of appending a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    pub base_offset: i64,
    /// True if the batch was in the log already, at this offset, and was not appended again.
    pub duplicate: bool,
}

/// A batch for a reader, and the offset that must replace its first eight bytes.
#[derive(Clone, Debug)]
pub struct Slice {
    pub base_offset: i64,
    pub batch: Batch,
}

/// The offset is outside the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the offset is not in the log")]
pub struct OutOfRange;

impl Log {
    pub fn new() -> Log {
        Log::default()
    }

    /// Appends the batch, unless its producer's sequence shows that it is here already or that others are missing.
    pub fn append(&mut self, batch: Batch, now: Now) -> Result<Appended, Refused> {
        let header = batch.header;
        if let SequenceCheck::Duplicate { base_offset } = self.producers.check(&header)? {
            return Ok(Appended { base_offset, duplicate: true });
        }
        let base_offset = self.end;
        self.end = base_offset.checked_add(header.records.into()).ok_or(Refused::Full)?;
        self.producers.remember(&header, base_offset);
        self.bytes += batch.len();
        let before = self.batches.back().map_or(i64::MIN, |stored| stored.max_timestamp_so_far);
        let max_timestamp_so_far = before.max(header.max_timestamp);
        self.batches.push_back(Stored { base_offset, arrived_wall_ms: now.wall_ms, max_timestamp_so_far, batch });
        Ok(Appended { base_offset, duplicate: false })
    }

    /// Reads whole batches, starting with the one that contains `from`, of at most `bytes_max` together. With
    /// `at_least_one` the first is returned whatever its size.
    pub fn read(&self, from: i64, bytes_max: usize, at_least_one: bool) -> Result<Vec<Slice>, OutOfRange> {
        let first = self.holding(from)?;
        let mut slices = Vec::new();
        let mut room = bytes_max;
        for stored in self.batches.range(first..) {
            match room.checked_sub(stored.batch.len()) {
                Some(left) => room = left,
                None if at_least_one && slices.is_empty() => room = 0,
                None => break,
            }
            slices.push(Slice { base_offset: stored.base_offset, batch: stored.batch.clone() });
        }
        Ok(slices)
    }

    pub fn start(&self) -> i64 {
        self.start
    }

    pub fn end(&self) -> i64 {
        self.end
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn batches(&self) -> usize {
        self.batches.len()
    }

    /// Drops the oldest batch; returns the number of bytes freed.
    pub fn drop_oldest(&mut self) -> usize {
        let Some(oldest) = self.batches.pop_front() else { return 0 };
        self.bytes -= oldest.batch.len();
        self.start = oldest.end();
        oldest.batch.len()
    }

    /// Deletes the records before `offset` (-1: all); returns the new start. Deleted records stay deleted.
    pub fn delete_before(&mut self, offset: i64) -> Result<i64, OutOfRange> {
        let offset = if offset == -1 { self.end } else { offset };
        if !(0..=self.end).contains(&offset) {
            return Err(OutOfRange);
        }
        while self.batches.front().is_some_and(|oldest| oldest.end() <= offset) {
            self.drop_oldest();
        }
        self.start = self.start.max(offset);
        Ok(self.start)
    }

    /// Applies retention: drops the oldest batches while the log exceeds `bytes_max`, but not the newest batch, and
    /// those that arrived before `oldest_ms`.
    pub fn keep(&mut self, bytes_max: Option<usize>, oldest_ms: Option<i64>) {
        loop {
            let too_big = bytes_max.is_some_and(|max| self.bytes > max) && self.batches.len() > 1;
            let too_old = self.oldest_arrival().zip(oldest_ms).is_some_and(|(oldest, limit)| oldest < limit);
            if !too_big && !too_old {
                return;
            }
            self.drop_oldest();
        }
    }

    /// Index of the batch that contains the offset; one past the last for the end offset.
    fn holding(&self, offset: i64) -> Result<usize, OutOfRange> {
        if !(self.start..=self.end).contains(&offset) {
            return Err(OutOfRange);
        }
        Ok(self.batches.partition_point(|stored| stored.end() <= offset))
    }

    /// Panics if an invariant is violated; for tests and fuzzing.
    pub fn check_invariants(&self) {
        let mut next = self.batches.front().map_or(self.end, |oldest| oldest.base_offset);
        assert!(next <= self.start, "a gap between the start and the first batch");
        assert!(
            self.batches.front().is_none_or(|oldest| self.start < oldest.end()),
            "a batch before the start is kept"
        );
        let mut bytes = 0;
        let mut newest = i64::MIN;
        for stored in &self.batches {
            assert_eq!(stored.base_offset, next, "the offsets have a gap");
            assert!(stored.max_timestamp_so_far >= newest.max(stored.batch.header.max_timestamp));
            (next, newest) = (stored.end(), stored.max_timestamp_so_far);
            bytes += stored.batch.len();
        }
        assert_eq!(next, self.end, "the last batch does not reach the end");
        assert_eq!(bytes, self.bytes);
        assert!((0..=self.end).contains(&self.start));
        self.producers.check_invariants(self.end);
    }
}

impl Stored {
    fn end(&self) -> i64 {
        self.base_offset + i64::from(self.batch.header.records)
    }
}
