//! How long frames took: a histogram for each stage and one for the whole way.

use std::collections::VecDeque;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::clock::Micros;
use crate::slowest::Slowest;
use crate::stamps::{Stage, Stamps, Tiles};

/// Latencies above an hour are told as an hour.
pub(crate) const LATENCY_US_MAX: u64 = 3_600_000_000;
/// A histogram has memory for these from the start, so that a stall does not show as memory: it grows by doubling, which
/// copies it. Longer ones are outages.
const STALL_US_MAX: u64 = 10_000_000;
/// What the last seconds' figures are made of at most.
const RECENT_FRAMES_MAX: usize = 2048;

/// How the producer's moments and the viewer's were brought onto one clock. Ordered from best to worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum TimeBase {
    /// Both read the same monotonic clock.
    #[default]
    SameHost,
    /// Two machines: compared through their wall clocks, as far apart as those are.
    WallClocks,
    /// A record without our stamps: its timestamp, in ms, by the producer's wall clock or the broker's.
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

/// A histogram in µs with three significant digits.
#[derive(Clone, Debug)]
pub struct Latency(Histogram<u32>);

impl Default for Latency {
    fn default() -> Self {
        let mut histogram = Histogram::new_with_bounds(1, STALL_US_MAX, 3).expect("within what HdrHistogram takes");
        histogram.auto(true);
        Latency(histogram)
    }
}

impl Latency {
    pub fn record(&mut self, duration: Duration) {
        let us = (duration.as_micros() as u64).min(LATENCY_US_MAX);
        self.0.record(us).expect("the histogram grows by itself");
    }

    pub fn histogram(&self) -> &Histogram<u32> {
        &self.0
    }

    /// What the `n` longest took at least, to three digits; 0 where there are fewer.
    pub fn longest(&self, n: u64) -> u64 {
        let len = self.0.len();
        if (1..=len).contains(&n) { self.0.value_at_quantile(((len - n) as f64 + 0.5) / len as f64) } else { 0 }
    }

    /// Begins anew in the same memory.
    pub fn clear(&mut self) {
        self.0.reset();
    }
}

/// The latencies of one source, or of all.
#[derive(Clone, Default, Debug)]
pub struct Latencies {
    pub total: Latency,
    stages: [Latency; Stage::ALL.len()],
    pub slowest: Slowest,
    /// Frames whose stages did not tile, so that they are in no histogram: clocks that disagree.
    pub untiled: u64,
    pub base: TimeBase,
}

impl Latencies {
    /// Takes a frame whose `stages` are done.
    pub fn record(&mut self, stamps: &Stamps, stages: &[Stage], base: TimeBase) {
        self.base = self.base.max(base);
        let Some(tiles) = stamps.tile(stages) else {
            self.untiled += 1;
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
}

/// The frames of the last seconds.
#[derive(Debug)]
pub struct Recent {
    span: Duration,
    frames: VecDeque<(Micros, Stamps)>,
}

/// What the last seconds looked like.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Glance {
    pub fps: f64,
    pub p50: Duration,
    pub p99: Duration,
    /// The stages of the frame at p50: they add up to it.
    pub stages: Vec<(Stage, Duration)>,
}

impl Recent {
    pub fn new(span: Duration) -> Recent {
        Recent { span, frames: VecDeque::new() }
    }

    pub fn record(&mut self, stamps: &Stamps, now: Micros) {
        self.frames.push_back((now, *stamps));
        self.forget(now);
    }

    fn forget(&mut self, now: Micros) {
        while self.frames.len() > RECENT_FRAMES_MAX
            || self.frames.front().is_some_and(|(at, _)| now.since(*at) > self.span)
        {
            self.frames.pop_front();
        }
    }

    pub fn glance(&mut self, stages: &[Stage], now: Micros) -> Option<Glance> {
        self.forget(now);
        let (first, last) = (self.frames.front()?.0, self.frames.back()?.0);
        let mut tiled: Vec<Tiles> = self.frames.iter().filter_map(|(_, stamps)| stamps.tile(stages)).collect();
        tiled.sort_by_key(Tiles::total);
        let at = |q: f64| ((tiled.len() as f64 * q).ceil() as usize).clamp(1, tiled.len().max(1)) - 1;
        let (p50, p99) = (tiled.get(at(0.5))?, tiled.get(at(0.99))?.total());
        let seconds = last.since(first).as_secs_f64();
        let fps = if seconds > 0.0 { (self.frames.len() - 1) as f64 / seconds } else { 0.0 };
        Some(Glance { fps, p50: p50.total(), p99, stages: p50.iter().collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(us: u64) -> Stamps {
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
    fn the_longest_are_told() {
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

    #[test]
    fn the_last_seconds_forget() {
        let mut recent = Recent::new(Duration::from_secs(2));
        (0..100u64).for_each(|n| recent.record(&took(if n < 50 { 9000 } else { 10 * n }), Micros(n * 40_000)));
        let glance = recent.glance(&Stage::PRODUCER, Micros(4_000_000)).expect("frames came");
        assert_eq!(glance.fps.round(), 25.0);
        assert_eq!((glance.p50, glance.p99), (Duration::from_micros(740), Duration::from_micros(990)));
        assert_eq!(glance.stages.iter().map(|(_, d)| *d).sum::<Duration>(), glance.p50);
        assert_eq!(recent.glance(&Stage::PRODUCER, Micros(60_000_000)), None);
    }
}
