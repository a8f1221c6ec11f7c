//! The frames of a session to account for: all numbers from the first seen to the last, less those that were left out.

use super::rise::Rise;
use crate::frame::{End, Meta};

/// A frame number that far from the others is believed only when a second record agrees with it.
const JUMP_MAX: u64 = 1000;

/// A frame's number, and the running counts of frames left out before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub frame: u64,
    dropped: u64,
    skipped: u64,
}

impl Place {
    pub fn of(meta: &Meta) -> Place {
        Place { frame: meta.frame, dropped: meta.dropped, skipped: meta.skipped }
    }

    /// Of the last frame that was captured. `skipped` is the count that the end's record carries.
    pub fn of_end(end: &End, skipped: u64) -> Place {
        Place { frame: end.captured.saturating_sub(1), dropped: end.dropped(), skipped }
    }

    /// No more frames can have been left out than were numbered: such a count is a lie.
    fn is_believable(&self) -> bool {
        self.dropped.saturating_add(self.skipped) <= self.frame
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub first: u64,
    pub last: u64,
    /// The producer's own drops.
    dropped: Rise,
    /// Frames that somebody left out on purpose.
    skipped: Rise,
}

impl Span {
    pub fn at(place: Place) -> Span {
        let Place { frame, dropped, skipped } = place;
        Span { first: frame, last: frame, dropped: Rise::from(dropped), skipped: Rise::from(skipped) }
    }

    pub fn contains(&self, frame: u64) -> bool {
        (self.first..=self.last).contains(&frame)
    }

    /// Frames from the first to the last.
    pub fn numbered(&self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }

    /// Of so many `missing` frames, those that are lost and those that were skipped on purpose; the producer dropped the
    /// others. Counts that are lies hide no more frames than are missing.
    pub fn explain(&self, missing: u64) -> (u64, u64) {
        let not_dropped = missing.saturating_sub(self.dropped.sum());
        let skipped = self.skipped.sum().min(not_dropped);
        (not_dropped - skipped, skipped)
    }

    /// How far from `to` another frame may be if both are to be believed at once. Frames that were left out between are no
    /// distance.
    pub fn jump_max(&self, to: Place) -> u64 {
        let left_out = match to {
            _ if !to.is_believable() => 0,
            Place { frame, dropped, skipped } if frame < self.first => {
                self.dropped.until_first(dropped).saturating_add(self.skipped.until_first(skipped))
            }
            Place { dropped, skipped, .. } => {
                self.dropped.since_last(dropped).saturating_add(self.skipped.since_last(skipped))
            }
        };
        JUMP_MAX.saturating_add(left_out)
    }

    /// Accounts for all frames up to this one, or from it on.
    pub fn extend(&mut self, to: Place) {
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
