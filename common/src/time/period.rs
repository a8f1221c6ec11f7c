//! Figures of the time since the last status, if statuses are further apart than the window of a rate.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

use crate::time::{Latency, Micros, rate};

/// The counters and latencies at the last look, from which the next look computes its differences.
#[derive(Debug)]
pub struct Period {
    /// Shortest period; until it is over, the figures stay as they are.
    span: Duration,
    began: Micros,
    frames: u64,
    bytes: u64,
    latency: Option<Histogram<u32>>,
    figures: PeriodFigures,
}

/// The figures of one period.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct PeriodFigures {
    pub fps: f64,
    pub bytes_per_second: u64,
    /// `None` if the period has no frame.
    pub latency: Option<Percentiles>,
}

/// Percentiles of a latency, serialized in µs, as in the report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Percentiles {
    #[serde(rename = "p50_us", serialize_with = "in_us")]
    pub p50: Duration,
    #[serde(rename = "p99_us", serialize_with = "in_us")]
    pub p99: Duration,
}

fn in_us<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_micros() as u64)
}

impl Period {
    pub fn new(span: Duration, now: Micros) -> Period {
        Period { span, began: now, frames: 0, bytes: 0, latency: None, figures: PeriodFigures::default() }
    }

    /// True if the period is longer than the window of [`rate::Rate`], whose figures would miss a part of it.
    pub fn is_long(&self) -> bool {
        self.span > rate::SPAN
    }

    /// Returns the figures of the last period, which ends now if it is long enough. Counters and latency are those of
    /// the whole run.
    pub fn look(&mut self, now: Micros, frames: u64, bytes: u64, latency: Option<&Latency>) -> PeriodFigures {
        let time = now.since(self.began);
        if time.is_zero() || time < self.span {
            return self.figures;
        }
        let per_second = |now: u64, before: u64| now.saturating_sub(before) as f64 / time.as_secs_f64();
        self.figures = PeriodFigures {
            fps: per_second(frames, self.frames),
            bytes_per_second: per_second(bytes, self.bytes).round() as u64,
            latency: latency.and_then(|latency| percentiles(latency.histogram(), self.latency.as_ref())),
        };
        self.latency = latency.map(|latency| latency.histogram().clone());
        (self.began, self.frames, self.bytes) = (now, frames, bytes);
        self.figures
    }
}

/// Percentiles of the values that `all` contains and `before` does not.
fn percentiles(all: &Histogram<u32>, before: Option<&Histogram<u32>>) -> Option<Percentiles> {
    let mut new = all.clone();
    if let Some(before) = before {
        new.subtract(before).ok()?;
    }
    let at = |quantile| Duration::from_micros(new.value_at_quantile(quantile));
    (!new.is_empty()).then(|| Percentiles { p50: at(0.5), p99: at(0.99) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Micros {
        Micros(seconds * 1_000_000)
    }

    fn p50_ms(figures: PeriodFigures) -> Option<u128> {
        figures.latency.map(|latency| latency.p50.as_millis())
    }

    #[test]
    fn figures_are_of_the_period_and_not_of_the_run() {
        let (mut period, mut latency) = (Period::new(Duration::from_secs(10), s(100)), Latency::default());
        (0..300).for_each(|_| latency.record(Duration::from_millis(5)));
        let first = period.look(s(110), 300, 3_000_000, Some(&latency));
        assert_eq!((first.fps, first.bytes_per_second, p50_ms(first)), (30.0, 300_000, Some(5)));
        (0..10).for_each(|_| latency.record(Duration::from_millis(800)));
        let second = period.look(s(120), 310, 3_000_000, Some(&latency));
        assert_eq!((second.fps, second.bytes_per_second, p50_ms(second)), (1.0, 0, Some(800)));
        let third = period.look(s(130), 310, 3_000_000, Some(&latency));
        assert_eq!(third, PeriodFigures::default());
    }

    #[test]
    fn frequent_reads_see_the_last_period() {
        let (mut period, mut latency) = (Period::new(Duration::from_secs(1), s(0)), Latency::default());
        latency.record(Duration::from_millis(5));
        let figures = period.look(s(1), 30, 0, Some(&latency));
        assert_eq!(period.look(Micros(1_500_000), 45, 0, Some(&latency)), figures);
        assert_eq!(period.look(s(2), 60, 0, Some(&latency)).fps, 30.0);
    }
}
