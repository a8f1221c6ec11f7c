//! A distribution in a few buckets, with an exact sum. It is small enough to be copied while frames flow.

use std::time::Duration;

/// Upper bounds of the buckets, in µs. They are close together where the latency of live video usually is.
const BOUNDS_US: [u64; 22] = [
    250, 500, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 8_000, 10_000, 12_000, 16_000, 20_000, 25_000, 33_000, 50_000,
    100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000,
];

/// Number and sum of durations, and how many of them are in each bucket.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Distribution {
    /// The last bucket has no bound.
    buckets: [u64; BOUNDS_US.len() + 1],
    sum_us: u64,
}

impl Distribution {
    pub(super) fn enter(&mut self, us: u64) {
        self.buckets[BOUNDS_US.partition_point(|bound| *bound < us)] += 1;
        self.sum_us = self.sum_us.saturating_add(us);
    }

    /// Number of durations.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Sum of all durations.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_us)
    }

    /// The largest duration of each bucket, and how many durations are in it and in no smaller one. The last has no
    /// limit.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = BOUNDS_US.into_iter().map(|us| Some(Duration::from_micros(us))).chain([None]);
        bounds.zip(self.buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_smallest_bucket_that_holds_it() {
        let mut distribution = Distribution::default();
        [0, 250, 251, 10_000, 5_000_000, 5_000_001].into_iter().for_each(|us| distribution.enter(us));
        let filled: Vec<(Option<u128>, u64)> = distribution
            .buckets()
            .filter(|(_, count)| *count > 0)
            .map(|(bound, count)| (bound.map(|bound| bound.as_micros()), count))
            .collect();
        let expected = [(Some(250), 2), (Some(500), 1), (Some(10_000), 1), (Some(5_000_000), 1), (None, 1)];
        assert_eq!(filled, expected);
        assert_eq!((distribution.count(), distribution.sum()), (6, Duration::from_micros(10_010_502)));
    }
}
