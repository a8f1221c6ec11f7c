//! A running count in the headers of a session's frames, and its increase over the frames that were seen.

/// The increase of a running count such as `dropped`, of which each frame carries the value before it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Rise {
    /// The counts of the earliest and the latest frame.
    first: u64,
    last: u64,
    sum: u64,
}

impl Rise {
    /// Starts with the count of the first frame seen.
    pub(super) fn from(count: u64) -> Rise {
        Rise { first: count, last: count, sum: 0 }
    }

    /// The increase from the earliest to the latest frame.
    pub(super) fn sum(&self) -> u64 {
        self.sum
    }

    /// Adds the count of a frame before all others.
    pub(super) fn extend_back(&mut self, count: u64) {
        self.sum = self.sum.saturating_add(self.until_first(count));
        self.first = count;
    }

    /// Adds the count of a frame after all others.
    pub(super) fn extend(&mut self, count: u64) {
        self.sum = self.sum.saturating_add(self.since_last(count));
        self.last = count;
    }

    /// The increase from a frame with this count to the earliest.
    pub(super) fn until_first(&self, count: u64) -> u64 {
        self.first.saturating_sub(count)
    }

    /// The increase from the latest frame to one with this count. A lower count has restarted at 0: a detector that is
    /// started again does not know how many frames it had skipped.
    pub(super) fn since_last(&self, count: u64) -> u64 {
        count.checked_sub(self.last).unwrap_or(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_rises_by_what_lies_between_the_first_and_the_last() {
        let check = |counts: &[u64], sum| {
            let mut rise = Rise::from(counts[0]);
            counts[1..].iter().for_each(|&count| rise.extend(count));
            assert_eq!(rise.sum(), sum, "{counts:?}");
        };
        check(&[7], 0);
        check(&[7, 7, 9], 2);
        check(&[7, 9, 0, 3], 5);
        check(&[7, 9, 4], 6);
        check(&[0, u64::MAX, 0, u64::MAX], u64::MAX);
    }

    #[test]
    fn an_earlier_frame_adds_what_lies_before_the_first() {
        let mut rise = Rise::from(7);
        rise.extend(9);
        rise.extend_back(4);
        rise.extend_back(4);
        rise.extend_back(5);
        assert_eq!(rise.sum(), 5);
    }
}
