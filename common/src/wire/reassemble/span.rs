//! The frames of a session to count: all numbers from the first seen to the last, minus those that were left out.

use super::rise::Rise;
use crate::wire::{End, Meta};

/// Largest distance of a frame number from the others. A number further away is accepted only if a second record
/// confirms it.
const JUMP_MAX: u64 = 1000;

/// A frame's number, and the running counts of frames dropped and skipped before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunningCounts {
    pub frame: u64,
    dropped: u64,
    skipped: u64,
}

impl RunningCounts {
    pub fn of(meta: &Meta) -> RunningCounts {
        RunningCounts { frame: meta.frame, dropped: meta.dropped, skipped: meta.skipped }
    }

    /// The counts at the last captured frame. `skipped` is the running count in the end record.
    pub fn of_end(end: &End, skipped: u64) -> RunningCounts {
        RunningCounts { frame: end.captured.saturating_sub(1), dropped: end.dropped(), skipped }
    }

    /// True if no more frames were left out than were numbered; any other count is false.
    fn is_believable(&self) -> bool {
        self.dropped.saturating_add(self.skipped) <= self.frame
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub first: u64,
    pub last: u64,
    /// Frames dropped by the producer.
    dropped: Rise,
    /// Frames skipped on purpose by another program.
    skipped: Rise,
}

impl Span {
    pub fn at(place: RunningCounts) -> Span {
        let RunningCounts { frame, dropped, skipped } = place;
        Span { first: frame, last: frame, dropped: Rise::from(dropped), skipped: Rise::from(skipped) }
    }

    pub fn contains(&self, frame: u64) -> bool {
        (self.first..=self.last).contains(&frame)
    }

    /// Number of frames from the first to the last.
    pub fn numbered(&self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }

    /// Splits `missing` frames into (lost, skipped on purpose); the producer dropped the rest. False counts cannot hide
    /// more frames than are missing.
    pub fn explain(&self, missing: u64) -> (u64, u64) {
        let not_dropped = missing.saturating_sub(self.dropped.sum());
        let skipped = self.skipped.sum().min(not_dropped);
        (not_dropped - skipped, skipped)
    }

    /// Largest distance at which a frame at `to` is accepted without confirmation. Frames left out in between do not
    /// count as distance.
    pub fn jump_max(&self, to: RunningCounts) -> u64 {
        let left_out = match to {
            _ if !to.is_believable() => 0,
            RunningCounts { frame, dropped, skipped } if frame < self.first => {
                self.dropped.until_first(dropped).saturating_add(self.skipped.until_first(skipped))
            }
            RunningCounts { dropped, skipped, .. } => {
                self.dropped.since_last(dropped).saturating_add(self.skipped.since_last(skipped))
            }
        };
        JUMP_MAX.saturating_add(left_out)
    }

    /// Extends the span to this frame, in either direction.
    pub fn extend(&mut self, to: RunningCounts) {
        let (back, forth) = (to.frame < self.first, to.frame >= self.last);
        (self.first, self.last) = (self.first.min(to.frame), self.last.max(to.frame));
        if !to.is_believable() {
            return;
        }
        for (rise, count) in [(&mut self.dropped, to.dropped), (&mut self.skipped, to.skipped)] {
            match (back, forth) {
                (true, _) => rise.extend_back(count),
                (_, true) => rise.extend(count),
                _ => {}
            }
        }
    }
}
