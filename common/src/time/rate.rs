//! Frames and bytes a second, correct at any frame rate.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Micros;

/// Time over which a rate is measured.
pub(crate) const SPAN: Duration = Duration::from_secs(2);
/// Smallest number of samples. If the time contains fewer, a longer time is used: at 0.2 fps two seconds contain no
/// frame at all.
pub(crate) const FEWEST: usize = 5;
/// Time without a frame after which a stream counts as silent, if its rate is high or unknown.
const SILENT_AFTER_MIN: Duration = Duration::from_millis(1500);
/// Length of a silence, of a stream or of a broker, that is worth a warning.
pub const LONG_SILENCE: Duration = Duration::from_secs(5);

/// Time without a frame after which a stream with this interval counts as silent; a slow stream gets longer.
pub fn silent_after(interval: Option<Duration>) -> Duration {
    interval.map_or(SILENT_AFTER_MIN, |interval| (interval * 5 / 2).max(SILENT_AFTER_MIN))
}

/// Formats a frame rate; a low one gets two decimals.
pub fn fps(rate: f64) -> String {
    if rate < 0.95 && rate > 0.0 { format!("{rate:.2} fps") } else { format!("{rate:.1} fps") }
}

/// Rounds a frame rate to the digits that mean something, for scripts.
pub fn rounded(fps: f64) -> f64 {
    (fps * 1000.0).round() / 1000.0
}

/// A counter's value at some time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Sample {
    at: Micros,
    frames: u64,
    bytes: u64,
}

/// Measures frames and bytes a second from two counters that are read now and then.
#[derive(Default, Debug)]
pub struct Rate {
    samples: VecDeque<Sample>,
}

/// Frames and bytes a second.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct PerSecond {
    pub frames: f64,
    pub bytes: f64,
}

impl Rate {
    /// Enters the counters. `at` is the time of the last counted frame, not of reading the counters, so the rate does
    /// not depend on how often they are read.
    pub fn note(&mut self, at: Micros, frames: u64, bytes: u64) {
        if frames == 0 || self.samples.back().is_some_and(|last| last.frames == frames) {
            return;
        }
        self.samples.push_back(Sample { at, frames, bytes });
        while self.samples.len() > FEWEST && self.samples.front().is_some_and(|first| at.since(first.at) > SPAN) {
            self.samples.pop_front();
        }
    }

    /// The present rate. Zero once the stream has been silent for too long; `None` until two frames were counted.
    pub fn at(&self, now: Micros) -> Option<PerSecond> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let frames = (last.frames - first.frames) as f64;
        let seconds = last.at.since(first.at).as_secs_f64();
        if frames == 0.0 || seconds == 0.0 {
            return None;
        }
        if now.since(last.at) > silent_after(Some(Duration::from_secs_f64(seconds / frames))) {
            return Some(PerSecond::default());
        }
        Some(PerSecond { frames: frames / seconds, bytes: (last.bytes - first.bytes) as f64 / seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rates seen by an observer who reads them every 50 ms, after the first `skip` frames.
    fn seen(fps: f64, seconds: u64, skip: u64) -> Vec<PerSecond> {
        let mut rate = Rate::default();
        let looks = (0..seconds * 20).map(|look| look as f64 / 20.0);
        let mut rates = Vec::new();
        for now in looks {
            let frames = (now * fps) as u64 + 1;
            let last = (frames - 1) as f64 / fps;
            rate.note(Micros((last * 1e6) as u64), frames, frames * 1000);
            if frames > skip {
                rates.push(rate.at(Micros((now * 1e6) as u64)).expect("two frames were counted"));
            }
        }
        rates
    }

    #[test]
    fn the_rate_is_right_at_any_frame_rate_whenever_one_looks() {
        for fps in [0.2, 0.5, 1.0, 4.0, 25.0, 60.0, 240.0] {
            for rate in seen(fps, 40, 3) {
                assert!((rate.frames / fps - 1.0).abs() < 0.01, "{rate:?} at {fps} fps");
                assert!((rate.bytes / fps / 1000.0 - 1.0).abs() < 0.01, "{rate:?} at {fps} fps");
            }
        }
    }

    #[test]
    fn a_rate_follows_a_change_within_a_few_frames() {
        let mut rate = Rate::default();
        let (mut at, mut frames) = (0, 0);
        let mut run = |interval_us: u64, n: u64| {
            for _ in 0..n {
                (at, frames) = (at + interval_us, frames + 1);
                rate.note(Micros(at), frames, 0);
            }
            rate.at(Micros(at)).map(|rate| rate.frames.round())
        };
        assert_eq!(run(40_000, 100), Some(25.0));
        assert_eq!(run(1_000_000, 5), Some(1.0));
        assert_eq!(run(40_000, 60), Some(25.0));
    }

    #[test]
    fn a_slow_rate_has_two_decimals() {
        assert_eq!(
            [0.0, 0.2, 0.949, 0.96, 1.0, 29.97].map(fps).join(" "),
            "0.0 fps 0.20 fps 0.95 fps 1.0 fps 1.0 fps 30.0 fps"
        );
    }

    #[test]
    fn nothing_is_counted_before_the_first_frame() {
        let mut rate = Rate::default();
        rate.note(Micros(0), 0, 0);
        rate.note(Micros(900_000_000), 1, 5);
        assert_eq!(rate.at(Micros(900_000_000)), None);
        rate.note(Micros(901_000_000), 2, 10);
        assert_eq!(rate.at(Micros(901_000_000)), Some(PerSecond { frames: 1.0, bytes: 5.0 }));
    }

    #[test]
    fn the_rate_of_a_stream_that_stopped_is_zero() {
        let mut rate = Rate::default();
        (0..50).for_each(|n| rate.note(Micros(n * 40_000), n, n));
        let at = |ms: u64| rate.at(Micros(49 * 40_000 + ms * 1000)).map(|rate| rate.frames.round());
        assert_eq!([at(0), at(1400), at(1600)], [Some(25.0), Some(25.0), Some(0.0)]);
    }

    #[test]
    fn a_slow_stream_is_not_silent_between_its_frames() {
        let s = Duration::from_secs_f64;
        assert_eq!(
            [None, Some(s(0.04)), Some(s(1.0)), Some(s(5.0))].map(silent_after),
            [s(1.5), s(1.5), s(2.5), s(12.5)]
        );
    }
}
