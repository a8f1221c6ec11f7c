//! The latency over time: one entry for each second of the last 24 hours.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::{Latency, Micros, Stage, Tiles};

/// Largest number of entries: 4 MB in all.
const SECONDS_MAX: usize = 24 * 3600;

/// A second in which frames were measured; times in µs.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Second {
    /// Seconds since the beginning of the run.
    pub at: u32,
    pub frames: u32,
    pub p50: u32,
    pub p99: u32,
    pub max: u32,
    /// Mean time of each stage.
    pub stages: [u32; Stage::ALL.len()],
}

impl Second {
    pub fn stage(&self, stage: Stage) -> u32 {
        self.stages[stage as usize]
    }
}

#[derive(Default, Debug)]
pub struct Timeline {
    began: Micros,
    seconds: VecDeque<Second>,
    /// The unfinished second: its number, its totals, and the sums of its stages in µs.
    at: u32,
    totals: Latency,
    sums: [u64; Stage::ALL.len()],
}

impl Timeline {
    pub fn new(began: Micros) -> Timeline {
        Timeline { began, ..Timeline::default() }
    }

    /// Records a frame that was finished at `now`.
    pub fn record(&mut self, tiles: &Tiles, now: Micros) {
        let at = now.since(self.began).as_secs().try_into().unwrap_or(u32::MAX);
        if at != self.at {
            self.close_second();
            self.at = at;
        }
        self.totals.record(tiles.total());
        for (stage, duration) in tiles.iter() {
            self.sums[stage as usize] += duration.as_micros() as u64;
        }
    }

    /// The entries of the last `span`, and the unfinished second.
    pub fn last(&self, span: Duration) -> impl Iterator<Item = Second> {
        let from = self.at.saturating_sub(span.as_secs() as u32);
        self.all().filter(move |second| second.at >= from)
    }

    /// All entries from the oldest on, and the unfinished second; seconds without frames are left out.
    pub fn all(&self) -> impl Iterator<Item = Second> {
        self.seconds.iter().copied().chain(self.unfinished())
    }

    fn close_second(&mut self) {
        if let Some(second) = self.unfinished() {
            if self.seconds.len() == SECONDS_MAX {
                self.seconds.pop_front();
            }
            self.seconds.push_back(second);
            self.totals.clear();
            self.sums = Default::default();
        }
    }

    fn unfinished(&self) -> Option<Second> {
        let h = self.totals.histogram();
        if h.is_empty() {
            return None;
        }
        let us = |n: u64| n.try_into().unwrap_or(u32::MAX);
        Some(Second {
            at: self.at,
            frames: us(h.len()),
            p50: us(h.value_at_quantile(0.5)),
            p99: us(h.value_at_quantile(0.99)),
            max: us(h.max()),
            stages: self.sums.map(|sum| us(sum / h.len())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Stamps;

    fn took(us: u64) -> Tiles {
        let (due, done) = (Micros(100), Micros(100 + us));
        let stamps = Stamps { due, captured: due, encoded: done, published: done, ..Stamps::default() };
        stamps.tile(&Stage::PRODUCER).expect("in order")
    }

    #[test]
    fn each_second_with_frames_has_a_line() {
        let mut timeline = Timeline::new(Micros(5_000_000));
        for (second, us) in [(0, 100), (0, 300), (3, 700)] {
            timeline.record(&took(us), Micros(5_000_000 + second * 1_000_000));
        }
        let lines: Vec<_> = timeline.all().map(|s| (s.at, s.frames, s.max, s.stage(Stage::Encode))).collect();
        assert_eq!(lines, [(0, 2, 300, 200), (3, 1, 700, 700)]);
        assert_eq!(timeline.last(Duration::from_secs(2)).count(), 1);
    }

    #[test]
    fn after_a_day_the_oldest_second_makes_room() {
        let mut timeline = Timeline::new(Micros(0));
        (0..SECONDS_MAX as u64 + 10).for_each(|second| timeline.record(&took(1), Micros(second * 1_000_000)));
        assert_eq!(timeline.seconds.len(), SECONDS_MAX);
        assert_eq!(timeline.all().next().map(|s| s.at), Some(9));
    }
}
