//! The result of a run of the real programs.

use std::fmt;
use std::time::Duration;

use anyhow::ensure;
use common::draw::PixelCheck;
use common::report::{Report, Summary};
use common::words::count;

/// The reports of the programs, and the processor time that they used.
#[derive(Clone, Debug)]
pub struct EndToEndResult {
    pub producers: Vec<Report>,
    pub viewers: Vec<Report>,
    /// Time from the end of the warm-up until the producers were interrupted.
    pub window: Duration,
    /// Processor time of all vidprods in this time.
    pub producers_cpu: Duration,
    /// Processor time of all vidcons in this time.
    pub viewers_cpu: Duration,
}

impl fmt::Display for EndToEndResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.slowest(|total| total.p50) / 1e3, self.slowest(|total| total.p99) / 1e3);
        write!(f, "p50 {p50:.2} p99 {p99:.2} ms, {} of {} lost", self.lost(), self.captured())?;
        match self.saw_nothing() {
            0 => Ok(()),
            viewers => write!(f, ", {} showed nothing", count(viewers, "viewer")),
        }
    }
}

impl EndToEndResult {
    /// A percentile of the latency in µs, of the viewer with the largest.
    pub fn slowest(&self, percentile: fn(&Summary) -> u64) -> f64 {
        self.viewers.iter().map(|viewer| percentile(&viewer.sums.latency_us.total)).max().unwrap_or(0) as f64
    }

    /// Number of frames of the watched sources, counted for each viewer.
    pub fn captured(&self) -> u64 {
        let captured = |source: &Report| source.sums.frames.captured.unwrap_or(0);
        self.producers.iter().cycle().take(self.viewers.len()).map(captured).sum()
    }

    pub fn shown(&self) -> u64 {
        self.viewers.iter().filter_map(|viewer| viewer.sums.frames.shown).sum()
    }

    pub fn lost(&self) -> u64 {
        self.captured().saturating_sub(self.shown())
    }

    /// Number of viewers without any latency in their report.
    pub fn saw_nothing(&self) -> usize {
        self.viewers.iter().filter(|viewer| viewer.sums.latency_us.total.count == 0).count()
    }

    /// Fails if a viewer has no latency figures.
    pub fn seen(self) -> anyhow::Result<EndToEndResult> {
        ensure!(self.saw_nothing() == 0, "a viewer showed nothing after the warm-up");
        Ok(self)
    }

    /// Processor time per frame in µs after the warm-up: that of all vidprods divided by the frames that they encoded,
    /// and that of all vidcons divided by the frames that they received, decoded or not.
    pub fn cpu_us_a_frame(&self) -> [(&'static str, f64); 2] {
        let encoded = self.producers.iter().filter_map(|p| p.sums.frames.encoded).sum();
        let received = self.viewers.iter().filter_map(|v| v.sums.frames.received).sum();
        // The number of frames in the measured window is computed from the rate of the whole run. That rate is frames
        // over the time played, because viewers also wait before the first frame.
        let played = self.producers.iter().map(|p| p.seconds).fold(0.0, f64::max);
        let in_window = |frames: u64| frames as f64 / played * self.window.as_secs_f64();
        let cpu_us = |used: Duration, frames: u64| used.as_secs_f64() * 1e6 / in_window(frames).max(1.0);
        [("vidprod", cpu_us(self.producers_cpu, encoded)), ("vidcons", cpu_us(self.viewers_cpu, received))]
    }

    /// Errors in the result: counts that do not balance, stages that do not add up, pictures that cannot be read back.
    pub fn faults(&self) -> Vec<String> {
        let both = self.producers.iter().chain(&self.viewers);
        let mut faults = Vec::new();
        for Report { program, sums, pixels, .. } in both {
            if !sums.balanced {
                faults.push(format!("the books of {program} do not balance"));
            }
            if sums.counts.untiled > 0 {
                faults.push(format!("{program}: the stages of {} frames do not tile", sums.counts.untiled));
            }
            match pixels {
                Some(PixelCheck { checked: 0, .. }) => faults.push(format!("{program}: no picture was read back")),
                // A picture that differs makes vidcons itself end with an error.
                Some(PixelCheck { checked, agreed, .. }) if agreed < checked => {
                    faults
                        .push(format!("{program}: {} of {checked} pictures could not be read back", checked - agreed));
                }
                _ => {}
            }
        }
        faults
    }
}
