//! Compares our lines with the others, round by round.

use common::report::Summary;

use super::line::Line;
use super::run::Measured;
use crate::stats::Spread;

/// One of our lines compared with one of the others.
#[derive(Clone, PartialEq, Debug)]
pub struct Ratio {
    pub of: Line,
    pub to: Line,
    pub p50: Spread,
    pub p99: Spread,
    /// Largest allowed medians of p50 and p99, if there is a goal.
    pub goals: Option<(f64, f64)>,
}

/// The goals for p50 and p99.
fn goals(of: Line, to: Line, headless: bool) -> Option<(f64, f64)> {
    match (of, to, headless) {
        (Line::OursReal, Line::Gstreamer, false) => Some((0.90, 1.10)),
        (Line::OursEmbedded, Line::Gstreamer, false) => Some((0.85, 1.0)),
        (Line::OursReal, Line::Imagezmq, true) => Some((0.75, 1.0)),
        (Line::OursReal, Line::ConfluentTuned, true) => Some((0.65, 0.90)),
        _ => None,
    }
}

/// Ratios over the rounds that have both lines.
pub fn ratios(lines: &[Line], measured: &[Measured], headless: bool) -> Vec<Ratio> {
    let ours = lines.iter().copied().filter(|line| line.is_ours());
    ours.flat_map(|of| lines.iter().copied().filter(|line| !line.is_ours()).map(move |to| (of, to)))
        .filter_map(|(of, to)| {
            let spread = |figure: fn(&Summary) -> u64| Spread::of_ratios(pairs(measured, of, to, figure));
            let (p50, p99) = (spread(|l| l.p50)?, spread(|l| l.p99)?);
            Some(Ratio { of, to, p50, p99, goals: goals(of, to, headless) })
        })
        .collect()
}

fn pairs(measured: &[Measured], of: Line, to: Line, figure: fn(&Summary) -> u64) -> Vec<(f64, f64)> {
    let in_round = |line: Line, round: u32| measured.iter().find(|m| (m.line, m.round) == (line, round));
    let of_ours = measured.iter().filter(|m| m.line == of);
    of_ours.filter_map(|m| Some((figure(&m.latency) as f64, figure(&in_round(to, m.round)?.latency) as f64))).collect()
}

/// The run with the median p50; the larger of the middle two if their number is even.
pub fn middle(measured: &[Measured], line: Line) -> Option<&Measured> {
    let mut runs: Vec<&Measured> = measured.iter().filter(|m| m.line == line).collect();
    runs.sort_by_key(|m| m.latency.p50);
    runs.get(runs.len() / 2).copied()
}

#[cfg(test)]
pub mod tests {
    use std::time::Duration;

    use super::*;

    pub fn took(line: Line, round: u32, p50: u64) -> Measured {
        let latency = Summary { p50, p99: 2 * p50, ..Summary::default() };
        let feeder_late_max = Duration::ZERO;
        Measured { line, round, latency, shown: 1, of: 1, seen_p50: None, told: None, feeder_late_max }
    }

    #[test]
    fn a_ratio_is_of_the_same_round() {
        let (ours, theirs) = (Line::OursReal, Line::Gstreamer);
        let measured =
            [took(ours, 1, 10), took(theirs, 1, 20), took(theirs, 2, 100), took(ours, 2, 80), took(ours, 3, 1)];
        let ratios = ratios(&[theirs, ours], &measured, false);
        assert_eq!(ratios.len(), 1);
        assert_eq!(ratios[0].p50.to_string(), "0.65 (0.50…0.80)");
        assert_eq!((ratios[0].of, ratios[0].goals), (ours, Some((0.90, 1.10))));
    }

    #[test]
    fn the_middle_round_is_told() {
        let line = Line::Gstreamer;
        let measured = [took(line, 1, 30), took(line, 2, 10), took(line, 3, 20)];
        assert_eq!(middle(&measured, line).map(|m| m.round), Some(3));
        assert_eq!(middle(&measured[..2], line).map(|m| m.round), Some(1));
        assert!(middle(&measured, Line::OursReal).is_none());
    }
}
