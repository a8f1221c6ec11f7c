//! Summarises the rounds of a case.
//!
//! The programs report percentiles, not each frame's time, so the rounds cannot be merged. Each figure is the median of
//! the rounds' figures, and the maximum is that of all rounds.

use common::draw::PixelCheck;
use common::report::Summary;
use common::time::Stage;

use super::{Measured, RunResult};
use crate::stats::Spread;

/// The figures of one case.
#[derive(Clone, PartialEq, Debug)]
pub struct CaseSummary {
    pub captured: u64,
    pub shown: u64,
    pub total: Figures,
    pub stages: Vec<(Stage, Figures)>,
    /// Processor time per frame in µs, counted as in `e2e`.
    pub producer_cpu_us: Spread,
    pub viewer_cpu_us: Spread,
    /// Number of pictures of a test card that were compared with their headers.
    pub pixels: Option<PixelCheck>,
}

/// Figures in µs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Figures {
    pub p50: Spread,
    pub p90: Spread,
    pub p99: Spread,
    pub p999: Spread,
    pub max: u64,
}

impl Figures {
    pub fn of<'a>(rounds: impl Iterator<Item = &'a Summary> + Clone) -> Option<Figures> {
        let of = |figure: fn(&Summary) -> u64| Spread::of(rounds.clone().map(|s| figure(s) as f64));
        Some(Figures {
            p50: of(|s| s.p50)?,
            p90: of(|s| s.p90)?,
            p99: of(|s| s.p99)?,
            p999: of(|s| s.p999)?,
            max: rounds.clone().map(|s| s.max).max()?,
        })
    }
}

/// `None` if the case was never run.
pub fn of(result: &RunResult, case: usize) -> Option<CaseSummary> {
    let of: Vec<&Measured> = result.measured.iter().filter(|m| m.case == case).collect();
    let viewers = of.iter().map(|m| &m.ran.viewers[0]);
    let stages = Stage::ALL.into_iter().filter_map(|stage| {
        let figures = Figures::of(viewers.clone().filter_map(|v| v.sums.latency_us.stages.get(stage.name())))?;
        Some((stage, figures))
    });
    let captured = |m: &&Measured| m.ran.producers[0].sums.frames.captured.unwrap_or(0);
    Some(CaseSummary {
        captured: of.iter().map(captured).sum(),
        shown: viewers.clone().map(|v| v.sums.frames.shown.unwrap_or(0)).sum(),
        total: Figures::of(viewers.clone().map(|v| &v.sums.latency_us.total))?,
        stages: stages.collect(),
        producer_cpu_us: Spread::of(of.iter().map(|m| m.ran.producer_cpu_us()))?,
        viewer_cpu_us: Spread::of(of.iter().map(|m| m.ran.viewer_cpu_us()))?,
        pixels: viewers.filter_map(|v| v.pixels).reduce(PixelCheck::and),
    })
}

/// The ratio of a case to the first one, round by round.
pub fn ratio(measured: &[Measured], case: usize, figure: fn(&Summary) -> u64) -> Option<Spread> {
    let at = |m: &Measured| figure(&m.ran.viewers[0].sums.latency_us.total) as f64;
    let first = |round: u32| measured.iter().find(|m| m.round == round && m.case == 0);
    let mine = measured.iter().filter(|m| m.case == case);
    Spread::of_ratios(mine.filter_map(|m| Some((at(m), at(first(m.round)?)))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::e2e::tests::{ran, report, setup};
    use crate::e2e::{Ran, Steady};
    use crate::failed::Failed;
    use crate::run::matrix::Case;

    fn took(round: u32, case: usize, us: u64) -> Measured {
        let total =
            Summary { count: 300, p50: us, p90: us, p99: 2 * us, p999: 2 * us, max: 3 * us, ..Summary::default() };
        let producer = report("vidprod", |sums| {
            sums.frames.captured = Some(100);
            sums.frames.encoded = Some(100);
        });
        let viewer = report("vidcons", |sums| {
            sums.frames.shown = Some(99);
            sums.latency_us.total = total;
            sums.latency_us.stages.insert("decode".to_owned(), total);
        });
        // As long as the playing time in the report.
        let (window, producers) = (Duration::from_secs(12), Duration::from_millis(250));
        let steady = Steady { window, producers, ..Steady::default() };
        Measured { round, case, ran: Ran { steady, ..ran(vec![producer], vec![viewer]) } }
    }

    #[test]
    fn a_case_is_the_median_of_its_rounds() {
        let result = RunResult {
            brokers: Vec::new(),
            cases: vec![Case { broker: 0, setup: setup() }],
            measured: vec![took(1, 0, 100), took(2, 0, 900), took(3, 0, 200)],
            failed: Failed::default(),
            display: None,
            interrupted: false,
        };
        let summary = of(&result, 0).expect("it was run");
        assert_eq!((summary.captured, summary.shown), (300, 297));
        assert_eq!((summary.total.p50.median, summary.total.p99.median, summary.total.max), (200.0, 400.0, 2700));
        assert_eq!(summary.stages.iter().map(|(stage, _)| *stage).collect::<Vec<_>>(), [Stage::Decode]);
        assert_eq!(summary.producer_cpu_us.median, 2500.0);
        assert_eq!(of(&result, 1), None);
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let measured = [took(1, 0, 100), took(1, 1, 200), took(2, 1, 6000), took(2, 0, 2000), took(3, 1, 50)];
        let ratio = ratio(&measured, 1, |s| s.p50).expect("two rounds have both");
        assert_eq!((ratio.min, ratio.max), (2.0, 3.0));
    }
}
