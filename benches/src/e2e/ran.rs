//! What a run of the real programs told.

use std::time::Duration;

use anyhow::ensure;
use common::pixels::PixelCheck;
use common::report::Report;

use super::steady::Steady;

/// What the programs reported, and what they took.
#[derive(Clone, Debug)]
pub struct Ran {
    pub producers: Vec<Report>,
    pub viewers: Vec<Report>,
    pub steady: Steady,
}

impl Ran {
    /// How many viewers have no latency to tell.
    pub fn saw_nothing(&self) -> usize {
        self.viewers.iter().filter(|viewer| viewer.sums.latency_us.total.count == 0).count()
    }

    /// A run without figures is none.
    pub fn seen(self) -> anyhow::Result<Ran> {
        ensure!(self.saw_nothing() == 0, "a viewer showed nothing after the warm-up");
        Ok(self)
    }

    /// Processor time of a frame in µs, once all was warm: of all vidprods over what they encoded.
    pub fn producer_cpu_us(&self) -> f64 {
        self.cpu_us(self.steady.producers, self.producers.iter().filter_map(|p| p.sums.frames.encoded).sum())
    }

    /// The same of all vidcons over what they received, decoded or not.
    pub fn viewer_cpu_us(&self) -> f64 {
        self.cpu_us(self.steady.viewers, self.viewers.iter().filter_map(|v| v.sums.frames.received).sum())
    }

    /// Frames of the window, by the rate of the whole run: over the time that was played, as viewers wait before it.
    fn cpu_us(&self, taken: Duration, frames: u64) -> f64 {
        let played = self.producers.iter().map(|p| p.seconds).fold(0.0, f64::max);
        let frames = frames as f64 / played * self.steady.window.as_secs_f64();
        taken.as_secs_f64() * 1e6 / frames.max(1.0)
    }

    /// What must not be: books that do not balance, stages that do not tile, pictures that cannot be read back.
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
                // Those that disagree end vidcons itself with an error.
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
