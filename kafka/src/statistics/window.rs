//! A histogram of librdkafka's, of the last interval.

use common::explain::Waits;
use serde::Deserialize;

#[derive(Deserialize, Clone, Copy, Default)]
pub(super) struct Window {
    min: i64,
    #[serde(default)]
    max: i64,
    avg: i64,
    cnt: i64,
    p99: i64,
    /// So many of them are in no quantile, as the client's histograms end at 100 or 500 ms and grow only later.
    #[serde(default)]
    outofrange: i64,
}

impl Window {
    pub fn in_us(self, factor: u64) -> Waits {
        let Window { min, max, avg, cnt, p99, outofrange } = self;
        // Records without a time limit (a file's) are said to have waited since long before the beginning of time.
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
