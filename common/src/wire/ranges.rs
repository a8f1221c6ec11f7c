//! A set of numbers that mostly follow each other, stored as ranges in bounded memory.

use std::collections::BTreeMap;

/// Largest number of separate ranges; if there are more, the lowest gap is closed.
const RANGES_MAX: usize = 1024;

/// A set of frame numbers.
#[derive(Clone, Default, Debug)]
pub struct Ranges {
    /// First → last, both inclusive; the ranges are disjoint and not adjacent.
    ranges: BTreeMap<u64, u64>,
}

impl Ranges {
    pub fn contains(&self, n: u64) -> bool {
        self.ranges.range(..=n).next_back().is_some_and(|(_, &last)| n <= last)
    }

    /// Inserts `n`; returns false if it was in the set already.
    pub fn insert(&mut self, n: u64) -> bool {
        if self.contains(n) {
            return false;
        }
        let below = self.ranges.range(..n).next_back().map(|(&f, &l)| (f, l)).filter(|&(_, l)| l + 1 == n);
        let above = n.checked_add(1).and_then(|next| self.ranges.remove(&next));
        let first = below.map_or(n, |(f, _)| f);
        self.ranges.insert(first, above.unwrap_or(n));
        if self.ranges.len() > RANGES_MAX {
            self.close_lowest_gap();
        }
        true
    }

    /// The numbers in the gap then count as contained, but not as inserted.
    fn close_lowest_gap(&mut self) {
        if let (Some((first, _)), Some((_, last))) = (self.ranges.pop_first(), self.ranges.pop_first()) {
            self.ranges.insert(first, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_as_a_set(numbers in prop::collection::vec(0u64..60, 0..100)) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for n in numbers {
                prop_assert_eq!(ranges.insert(n), set.insert(n));
            }
            for n in 0..60 {
                prop_assert_eq!(ranges.contains(n), set.contains(&n));
            }
        }
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let mut ranges = Ranges::default();
        (0..100_000).for_each(|n| assert!(ranges.insert(n * 2)));
        assert!(ranges.ranges.len() <= RANGES_MAX);
        assert!(ranges.insert(u64::MAX));
    }
}
