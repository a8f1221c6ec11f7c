//! The load that some sources and viewers put on the machine.

use common::words::count;
use std::fmt;

use common::report::Summary;

use crate::e2e::Ran;

/// Largest share of lost frames. A live source that falls behind drops frames and keeps its latency, so losses limit
/// the load too.
const LOST_MAX: f64 = 0.01;

#[derive(Clone, PartialEq, Debug)]
pub struct Load {
    pub sources: usize,
    pub viewers: usize,
    /// Latency of the viewer with the largest.
    pub p50_us: u64,
    pub p99_us: u64,
    /// Number of frames of the watched sources, counted for each viewer.
    pub captured: u64,
    pub shown: u64,
    /// Number of viewers without any latency; the figures above are those of the others.
    pub saw_nothing: usize,
    /// Processor time per frame in µs, counted as in `e2e`.
    pub producer_cpu_us: f64,
    pub viewer_cpu_us: f64,
}

impl Load {
    pub fn of(ran: &Ran) -> Load {
        let Ran { producers, viewers, .. } = ran;
        let worst =
            |figure: fn(&Summary) -> u64| viewers.iter().map(|v| figure(&v.sums.latency_us.total)).max().unwrap_or(0);
        // The same distribution of sources to viewers as in `e2e`.
        let watched = (0..viewers.len()).filter_map(|i| producers.get(i % producers.len().max(1)));
        Load {
            sources: producers.len(),
            viewers: viewers.len(),
            p50_us: worst(|s| s.p50),
            p99_us: worst(|s| s.p99),
            captured: watched.map(|p| p.sums.frames.captured.unwrap_or(0)).sum(),
            shown: viewers.iter().map(|v| v.sums.frames.shown.unwrap_or(0)).sum(),
            saw_nothing: ran.saw_nothing(),
            producer_cpu_us: ran.producer_cpu_us(),
            viewer_cpu_us: ran.viewer_cpu_us(),
        }
    }

    pub fn lost(&self) -> u64 {
        self.captured.saturating_sub(self.shown)
    }

    pub fn is_too_much(&self, p99_ms: f64) -> bool {
        self.saw_nothing > 0
            || self.p99_us as f64 / 1e3 > p99_ms
            || self.lost() as f64 > LOST_MAX * self.captured as f64
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |us: u64| us as f64 / 1e3;
        write!(
            f,
            "p50 {:.2} p99 {:.2} ms, {} of {} lost",
            ms(self.p50_us),
            ms(self.p99_us),
            self.lost(),
            self.captured
        )?;
        if self.saw_nothing > 0 { write!(f, ", {} showed nothing", count(self.saw_nothing, "viewer")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::report::Report;

    use crate::e2e::tests::{ran, report};

    fn producer(captured: u64) -> Report {
        report("vidprod", |sums| sums.frames.captured = Some(captured))
    }

    fn viewer(shown: u64, p99: u64) -> Report {
        report("vidcons", |sums| {
            sums.frames.shown = Some(shown);
            sums.latency_us.total = Summary { count: shown, p50: p99 / 2, p99, ..Summary::default() };
        })
    }

    #[test]
    fn the_worst_viewer_speaks_for_all() {
        let producers = vec![producer(300), producer(100)];
        let load = Load::of(&ran(producers, vec![viewer(299, 8000), viewer(100, 40_000)]));
        assert_eq!((load.p50_us, load.p99_us), (20_000, 40_000));
        assert_eq!((load.captured, load.lost()), (400, 1));
        assert!(load.is_too_much(33.0) && !load.is_too_much(41.0));
    }

    #[test]
    fn a_viewer_that_showed_nothing_had_too_much() {
        let load = Load::of(&ran(vec![producer(0)], vec![viewer(0, 0)]));
        assert!(load.is_too_much(33.0));
        assert_eq!(load.to_string(), "p50 0.00 p99 0.00 ms, 0 of 0 lost, 1 viewer showed nothing");
    }

    #[test]
    fn a_source_that_nobody_watches_is_not_expected() {
        let load = Load::of(&ran(vec![producer(300), producer(300)], vec![viewer(290, 10)]));
        assert_eq!((load.captured, load.lost()), (300, 10));
        assert!(load.is_too_much(33.0), "it is quick, and loses three in a hundred");
    }
}
