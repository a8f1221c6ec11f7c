//! Statistics over rounds: medians, ratios and their spread.

use std::time::Duration;

use common::report::Summary;
use common::time::Latency;
use serde::Serialize;
use serde_json::{Value, json};

/// The median of several rounds, with the smallest and the largest value, each with three decimals.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

/// Three decimals of a figure.
pub fn thousandths(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}

impl Spread {
    /// `None` if there are no values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        let [median, min, max] = [f64::midpoint(low, high), min, max].map(thousandths);
        Some(Spread { median, min, max })
    }

    /// The spread of ratios, round by round. A round in which either value is zero is left out.
    pub fn of_ratios(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<Spread> {
        Spread::of(pairs.into_iter().filter(|(of, to)| *of > 0.0 && *to > 0.0).map(|(of, to)| of / to))
    }
}

/// The percentiles of several rounds, each the median of the rounds' percentiles, in µs. Used where the rounds cannot be
/// merged, because programs report percentiles and not each frame's latency. The maximum is that of all rounds.
pub fn of_summaries<'a>(rounds: impl Iterator<Item = &'a Summary> + Clone) -> Value {
    let of = |figure: fn(&Summary) -> u64| Spread::of(rounds.clone().map(|summary| figure(summary) as f64));
    json!({
        "p50": of(|summary| summary.p50),
        "p90": of(|summary| summary.p90),
        "p99": of(|summary| summary.p99),
        "p999": of(|summary| summary.p999),
        "max": rounds.clone().map(|summary| summary.max).max(),
    })
}

/// Merges several histograms into one.
pub fn merged<'a>(all: impl IntoIterator<Item = &'a Latency>) -> Latency {
    let mut sum = Latency::default();
    for one in all {
        for point in one.histogram().iter_recorded() {
            // All histograms have the same buckets, so a value recorded again is counted in its own bucket.
            (0..point.count_at_value()).for_each(|_| sum.record(Duration::from_micros(point.value_iterated_to())));
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_rounds() {
        let check = |values: &[f64], expected: Option<(f64, f64, f64)>| {
            assert_eq!(Spread::of(values.iter().copied()).map(|s| (s.median, s.min, s.max)), expected, "{values:?}");
        };
        check(&[], None);
        check(&[2.0], Some((2.0, 2.0, 2.0)));
        check(&[3.0, 1.0, 2.0], Some((2.0, 1.0, 3.0)));
        check(&[4.0, 1.0, 2.0, 3.0], Some((2.5, 1.0, 4.0)));
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let noisy_minute = [(1.0, 2.0), (10.0, 20.0), (3.0, 4.0)];
        assert_eq!(Spread::of_ratios(noisy_minute), Some(Spread { median: 0.5, min: 0.5, max: 0.75 }));
        assert_eq!(Spread::of_ratios([(1.0, 0.0), (0.0, 1.0)]), None);
    }

    #[test]
    fn histograms_add_up() {
        let of = |values: &[u64]| {
            let mut latency = Latency::default();
            values.iter().for_each(|&us| latency.record(Duration::from_micros(us)));
            latency
        };
        let (a, b) = (of(&[1, 2, 2, 50_000]), of(&[3, 123_456]));
        assert_eq!(merged([&a, &b]).histogram(), of(&[1, 2, 2, 50_000, 3, 123_456]).histogram());
    }
}
