//! The result of a run of the real programs.

use std::fmt;
use std::time::Duration;

use anyhow::ensure;
use common::draw::PixelCheck;
use common::report::Report;

use crate::report::ByProgram;

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
        let worst = self.viewers.iter().map(|viewer| viewer.sums.latency_us.total).max_by_key(|total| total.p99);
        let total = worst.unwrap_or_default();
        write!(f, "p50 {:.2} p99 {:.2} ms", total.p50 as f64 / 1e3, total.p99 as f64 / 1e3)
    }
}

impl EndToEndResult {
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
    pub fn cpu_us_a_frame(&self) -> ByProgram<f64> {
        let encoded = self.producers.iter().filter_map(|p| p.sums.frames.encoded).sum();
        let received = self.viewers.iter().filter_map(|v| v.sums.frames.received).sum();
        ByProgram {
            vidprod: self.cpu_us(self.producers_cpu, encoded),
            vidcons: self.cpu_us(self.viewers_cpu, received),
        }
    }

    /// Computes the number of frames in the measured window from the rate of the whole run. That rate is frames over
    /// the time played, because viewers also wait before the first frame.
    fn cpu_us(&self, used: Duration, frames: u64) -> f64 {
        let played = self.producers.iter().map(|p| p.seconds).fold(0.0, f64::max);
        let frames = frames as f64 / played * self.window.as_secs_f64();
        used.as_secs_f64() * 1e6 / frames.max(1.0)
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
