//! The latency of the last frames, for a status line and an overlay.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Ahead, TimeBase};
use crate::time::{Micros, Stage, Stamps, Tiles, rate};

/// Largest number of frames kept, at any frame rate.
const FRAMES_MAX: usize = 2048;

/// The frames of the last seconds, or the last few of a slow stream.
#[derive(Default, Debug)]
pub struct Recent {
    frames: VecDeque<(Micros, Stamps, TimeBase)>,
}

/// The latency of the last frames, or why none can be stated.
#[derive(Clone, PartialEq, Default, Debug)]
pub enum RecentLatency {
    /// No frame was measured yet.
    #[default]
    None,
    Known {
        p50: Duration,
        p99: Duration,
        /// The stages of the frame at p50; they add up to it.
        stages: Vec<(Stage, Duration)>,
    },
    /// The clocks disagree by at least this.
    ClocksDisagree(Duration),
}

impl Recent {
    pub fn record(&mut self, stamps: &Stamps, base: TimeBase, now: Micros) {
        self.frames.push_back((now, *stamps, base));
        while self.frames.len() > FRAMES_MAX
            || (self.frames.len() > rate::FEWEST
                && self.frames.front().is_some_and(|(at, ..)| now.since(*at) > rate::SPAN))
        {
            self.frames.pop_front();
        }
    }

    /// Starts again, for another source.
    pub fn clear(&mut self) {
        self.frames.clear();
    }

    /// Mean time between frames.
    pub fn interval(&self) -> Option<Duration> {
        let (first, last) = (self.frames.front()?.0, self.frames.back()?.0);
        let intervals = u32::try_from(self.frames.len() - 1).ok().filter(|n| *n > 0)?;
        Some(last.since(first) / intervals).filter(|interval| !interval.is_zero())
    }

    /// The latency of these frames through `stages`.
    pub fn latency(&self, stages: &[Stage]) -> RecentLatency {
        let (mut tiled, mut ahead) = (Vec::with_capacity(self.frames.len()), Ahead::default());
        for (_, stamps, base) in &self.frames {
            match stamps.tile(stages) {
                Some(tiles) => tiled.push(tiles),
                None => ahead.note(stamps, *base),
            }
        }
        if let Some(by) = ahead.of(self.frames.len() as u64) {
            return RecentLatency::ClocksDisagree(by);
        }
        tiled.sort_by_key(Tiles::total);
        let at = |q: f64| tiled.get(((tiled.len() as f64 * q).ceil() as usize).max(1) - 1);
        match (at(0.5), at(0.99)) {
            (Some(p50), Some(p99)) => {
                RecentLatency::Known { p50: p50.total(), p99: p99.total(), stages: p50.iter().collect() }
            }
            _ => RecentLatency::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::took;
    use super::*;

    #[test]
    fn figures_are_of_the_last_seconds_or_of_the_last_few_frames() {
        let mut recent = Recent::default();
        for n in 0..100u64 {
            recent.record(&took(if n < 49 { 9000 } else { 10 * n }), TimeBase::SameHost, Micros(n * 40_000));
        }
        let latency = |recent: &Recent| match recent.latency(&Stage::PRODUCER) {
            RecentLatency::Known { p50, p99, stages } => {
                assert_eq!(stages.iter().map(|(_, d)| *d).sum::<Duration>(), p50);
                (p50.as_micros(), p99.as_micros())
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(latency(&recent), (740, 990));
        assert_eq!(recent.interval(), Some(Duration::from_millis(40)));
        // The frames are five seconds apart: five frames are enough.
        (0..5u64).for_each(|n| recent.record(&took(30), TimeBase::SameHost, Micros(10_000_000 + n * 5_000_000)));
        assert_eq!(latency(&recent), (30, 30));
        assert_eq!(recent.interval(), Some(Duration::from_secs(5)));
        recent.clear();
        assert_eq!((recent.interval(), recent.latency(&Stage::ALL)), (None, RecentLatency::None));
    }
}
