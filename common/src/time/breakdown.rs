//! The stages of typical frames at any percentile of the total latency.
//!
//! The percentiles of stages do not add up to the percentile of the total: frames that encoded slowly are not the ones
//! that waited for the broker. So frames are grouped by their total, in steps of about 3 %, with the sums of their
//! stages. At any percentile of the total this shows where the time of just those frames went.

use std::collections::BTreeMap;

use crate::time::{Stage, Tiles};

/// Steps for each doubling. The longest latency, an hour, is 32 doublings away, so there are 1000 steps at most.
const STEPS_PER_DOUBLING: u32 = 32;

#[derive(Clone, Default, Debug)]
pub struct StageBreakdown {
    steps: BTreeMap<u32, Step>,
    frames: u64,
}

#[derive(Clone, Copy, Default, Debug)]
struct Step {
    frames: u64,
    sums_us: [u64; Stage::ALL.len()],
}

impl StageBreakdown {
    pub fn record(&mut self, tiles: &Tiles) {
        let step = self.steps.entry(step(tiles.total().as_micros() as u64)).or_default();
        self.frames += 1;
        step.frames += 1;
        for (stage, duration) in tiles.iter() {
            step.sums_us[stage as usize] += duration.as_micros() as u64;
        }
    }

    /// Mean time of each stage, in µs, of the frames whose total is close to that at `quantile`.
    pub fn at(&self, quantile: f64) -> Option<[f64; Stage::ALL.len()]> {
        let rank = ((self.frames as f64 * quantile).ceil() as u64).max(1);
        let mut below = 0;
        let step = self.steps.values().find(|step| {
            below += step.frames;
            below >= rank
        })?;
        Some(step.sums_us.map(|sum| sum as f64 / step.frames as f64))
    }
}

fn step(us: u64) -> u32 {
    ((us.max(1) as f64).log2() * f64::from(STEPS_PER_DOUBLING)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Micros, Stamps};

    #[test]
    fn slow_frames_show_their_own_stages() {
        let mut breakdown = StageBreakdown::default();
        for n in 0..100 {
            // One frame in fifty waits for its capture; the others spend their time on encoding.
            let (capture, encode) = if n % 50 == 0 { (9000, 10) } else { (10, 1000) };
            let stamps = Stamps {
                captured: Micros(capture),
                encoded: Micros(capture + encode),
                published: Micros(capture + encode),
                ..Stamps::default()
            };
            breakdown.record(&stamps.tile(&Stage::PRODUCER).expect("in order"));
        }
        assert_eq!(breakdown.at(0.5).map(|s| s[..3].to_vec()), Some(vec![10.0, 1000.0, 0.0]));
        assert_eq!(breakdown.at(0.99).map(|s| s[..3].to_vec()), Some(vec![9000.0, 10.0, 0.0]));
        assert_eq!(breakdown.at(1.0), breakdown.at(0.99));
        assert_eq!(StageBreakdown::default().at(0.5), None);
    }

    #[test]
    fn the_steps_are_bounded() {
        assert!(step(crate::time::latency::LATENCY_US_MAX) < 1050);
        assert_eq!(step(0), 0);
    }
}
