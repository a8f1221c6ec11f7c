//! Latency of frames: a histogram for each stage and one for the total.

mod distribution;
mod recent;

use std::time::Duration;

use hdrhistogram::Histogram;

pub use self::distribution::Distribution;
pub use self::recent::{Recent, RecentLatency};
use crate::time::{Slowest, Stage, Stamps};

/// Longest latency. Longer ones are recorded as an hour.
pub(crate) const LATENCY_US_MAX: u64 = 3_600_000_000;
/// Latency up to which a histogram has memory from the start. Growing doubles the memory and copies it, so a stall
/// would show as growing memory. Longer latencies are outages.
const STALL_US_MAX: u64 = 10_000_000;
/// No latency is stated if more than one frame in this many seems to have arrived before it was sent. Those are the
/// fastest frames, so a figure from the others would be too high. Also, all latencies are then wrong by as much as the
/// clocks disagree.
const FRAMES_FOR_ONE_AHEAD: u64 = 50;

/// The way in which the producer's timestamps were converted to the viewer's clock. Ordered from best to worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum TimeBase {
    /// Both use the same monotonic clock.
    #[default]
    SameHost,
    /// Two machines, compared through their wall clocks. The error is the difference of these.
    WallClocks,
    /// A record without our timestamps. Its own timestamp, in ms, is from the wall clock of the producer or the broker.
    RecordTimestamps,
}

impl TimeBase {
    pub const fn name(self) -> &'static str {
        match self {
            TimeBase::SameHost => "same host: exact",
            TimeBase::WallClocks => "two hosts: by their wall clocks, whose difference is unknown",
            TimeBase::RecordTimestamps => "record timestamps: ms, by the sender's wall clock",
        }
    }
}

/// A histogram in µs with three significant digits, and the same values in a few buckets.
#[derive(Clone, Debug)]
pub struct Latency {
    histogram: Histogram<u32>,
    distribution: Distribution,
}

impl Default for Latency {
    fn default() -> Self {
        let mut histogram = Histogram::new_with_bounds(1, STALL_US_MAX, 3).expect("within what HdrHistogram takes");
        histogram.auto(true);
        Latency { histogram, distribution: Distribution::default() }
    }
}

impl Latency {
    pub fn record(&mut self, duration: Duration) {
        let us = (duration.as_micros() as u64).min(LATENCY_US_MAX);
        self.histogram.record(us).expect("the histogram grows by itself");
        self.distribution.enter(us);
    }

    pub fn histogram(&self) -> &Histogram<u32> {
        &self.histogram
    }

    /// The same values, in a form that can be copied often.
    pub fn distribution(&self) -> Distribution {
        self.distribution
    }

    /// The time that the `n` longest took at least, with three digits; 0 if there are fewer.
    pub fn longest(&self, n: u64) -> u64 {
        let len = self.histogram.len();
        if (1..=len).contains(&n) { self.histogram.value_at_quantile(((len - n) as f64 + 0.5) / len as f64) } else { 0 }
    }

    /// Removes all values and keeps the memory.
    pub fn clear(&mut self) {
        self.histogram.reset();
        self.distribution = Distribution::default();
    }
}

/// The latencies of one source, or of all.
#[derive(Clone, Default, Debug)]
pub struct Latencies {
    pub total: Latency,
    stages: [Latency; Stage::ALL.len()],
    pub slowest: Slowest,
    /// Number of frames whose stages did not add up, because clocks disagree. They are in no histogram.
    pub untiled: u64,
    ahead: Ahead,
    pub base: TimeBase,
}

impl Latencies {
    /// Records a frame that has gone through `stages`.
    pub fn record(&mut self, stamps: &Stamps, stages: &[Stage], base: TimeBase) {
        self.base = self.base.max(base);
        let Some(tiles) = stamps.tile(stages) else {
            self.untiled += 1;
            self.ahead.note(stamps, base);
            return;
        };
        for (stage, duration) in tiles.iter() {
            self.stages[stage as usize].record(duration);
        }
        self.slowest.enter(&tiles);
        self.total.record(tiles.total());
    }

    pub fn stage(&self, stage: Stage) -> &Latency {
        &self.stages[stage as usize]
    }

    /// If no latency can be stated because the producer's clock is ahead of the viewer's: the smallest possible
    /// difference.
    pub fn clocks_disagree(&self) -> Option<Duration> {
        self.ahead.of(self.total.histogram().len() + self.untiled)
    }
}

/// Frames that seem to have arrived before they were sent, because the producer's clock is ahead of the viewer's.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Ahead {
    frames: u64,
    by: Duration,
}

impl Ahead {
    /// Records a frame whose stages did not add up. With a single clock the headers are wrong, not the clocks, so such
    /// a frame is ignored.
    pub(crate) fn note(&mut self, stamps: &Stamps, base: TimeBase) {
        if let Some(by) = stamps.ahead().filter(|_| base != TimeBase::SameHost) {
            self.frames += 1;
            self.by = self.by.max(by);
        }
    }

    /// Smallest possible difference of the clocks, if there are too many such frames among `all` to state a latency.
    pub(crate) fn of(&self, all: u64) -> Option<Duration> {
        (self.frames * FRAMES_FOR_ONE_AHEAD > all).then_some(self.by)
    }
}

/// Describes why the latency is unknown.
pub fn clocks_disagree(by: Duration) -> String {
    format!("unknown: the clocks disagree by at least {}", crate::words::how_long(by))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Micros;

    pub(super) fn took(us: u64) -> Stamps {
        let done = Micros(100 + us);
        Stamps { due: Micros(100), captured: Micros(100), encoded: done, published: done, ..Stamps::default() }
    }

    #[test]
    fn a_total_is_the_sum_of_its_stages() {
        let mut latencies = Latencies::default();
        latencies.record(&took(700), &Stage::PRODUCER, TimeBase::SameHost);
        assert_eq!(latencies.total.histogram().max(), 700);
        assert_eq!(latencies.stage(Stage::Encode).histogram().max(), 700);
        assert_eq!(latencies.stage(Stage::Publish).histogram().max(), 0);
        let sums = Stage::PRODUCER.map(|stage| latencies.stage(stage).distribution().sum());
        assert_eq!(sums.into_iter().sum::<Duration>(), latencies.total.distribution().sum());
    }

    #[test]
    fn a_stall_does_not_make_a_histogram_grow_and_an_outage_does() {
        let mut latency = Latency::default();
        let at_first = latency.histogram().distinct_values();
        latency.record(Duration::from_secs(10));
        assert_eq!(latency.histogram().distinct_values(), at_first);
        latency.record(Duration::from_secs(7200));
        assert!(latency.histogram().distinct_values() > at_first);
        assert!(latency.histogram().equivalent(latency.histogram().max(), LATENCY_US_MAX), "an hour");
    }

    #[test]
    fn the_longest_latencies_are_known() {
        let mut latency = Latency::default();
        (0..1000).for_each(|us| latency.record(Duration::from_micros(us)));
        assert_eq!([0, 1, 5, 1000, 1001].map(|n| latency.longest(n)), [0, 999, 995, 0, 0]);
    }

    #[test]
    fn frames_that_do_not_tile_are_counted_and_left_out() {
        let mut latencies = Latencies::default();
        let stamps = Stamps { due: Micros(9), ..Stamps::default() };
        latencies.record(&stamps, &Stage::PRODUCER, TimeBase::WallClocks);
        assert_eq!((latencies.untiled, latencies.total.histogram().len()), (1, 0));
    }

    /// A frame measured with two clocks, that arrived `us` after it was sent (or before, if negative).
    fn arrived(us: i64) -> Stamps {
        let sent = Micros(10_000_000);
        let received = sent.shifted(us);
        let stamps = Stamps { due: sent, captured: sent, encoded: sent, published: sent, ..Stamps::default() };
        Stamps { received, reassembled: received, decoded: received, presented: received, ..stamps }
    }

    #[test]
    fn no_latency_is_stated_where_the_producers_clock_is_ahead() {
        // Of a hundred frames, `ahead` seem to arrive 17 ms before they were sent, and the others 9 ms after.
        let check = |ahead: usize, base: TimeBase, expected: Option<Duration>| {
            let (mut latencies, mut recent) = (Latencies::default(), Recent::default());
            for n in 0..100 {
                let stamps = arrived(if n < ahead { -17_000 } else { 9_000 });
                latencies.record(&stamps, &Stage::ALL, base);
                recent.record(&stamps, base, Micros(n as u64));
            }
            assert_eq!(latencies.clocks_disagree(), expected, "{ahead} {base:?}");
            assert_eq!(latencies.untiled, ahead as u64);
            let seen = match recent.latency(&Stage::ALL) {
                RecentLatency::ClocksDisagree(by) => Some(by),
                _ => None,
            };
            assert_eq!(seen, expected, "{ahead} {base:?}");
        };
        let by = Some(Duration::from_millis(17));
        check(100, TimeBase::WallClocks, by);
        check(60, TimeBase::RecordTimestamps, by);
        check(3, TimeBase::WallClocks, by);
        check(1, TimeBase::WallClocks, None);
        check(0, TimeBase::WallClocks, None);
        check(100, TimeBase::SameHost, None);
    }

    #[test]
    fn a_clock_that_is_ahead_is_named_in_words() {
        let check = |ms, expected| assert_eq!(clocks_disagree(Duration::from_millis(ms)), expected);
        check(3697, "unknown: the clocks disagree by at least 3.7 s");
        check(17, "unknown: the clocks disagree by at least 17 ms");
    }
}
