//! A histogram from librdkafka's statistics, covering the last interval.

use common::report::Waits;
use serde::Deserialize;

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(default)]
pub(super) struct IntervalHistogram {
    min: i64,
    max: i64,
    avg: i64,
    cnt: i64,
    p99: i64,
    /// Number of values in no percentile: the client's histograms end at 100 or 500 ms at first, and grow only later.
    outofrange: i64,
}

impl IntervalHistogram {
    pub fn in_us(self, factor: u64) -> Waits {
        let IntervalHistogram { min, max, avg, cnt, p99, outofrange } = self;
        // For records without a time limit (those of a file) librdkafka reports a huge negative wait.
        if min < 0 {
            return Waits::default();
        }
        let p99 = if outofrange.saturating_mul(100) > cnt { max } else { p99 };
        Waits { count: us(cnt, 1), min_us: us(min, factor), mean_us: us(avg, factor), p99_us: us(p99, factor) }
    }
}

pub(super) fn us(n: i64, factor: u64) -> u64 {
    u64::try_from(n).unwrap_or(0).saturating_mul(factor)
}
