//! The slowest frames of a run with the time of each stage. A histogram shows only how slow frames were; this shows
//! why.

use crate::time::{Stage, Tiles};

/// Number of frames kept: the slowest hundredth of several thousand frames.
const KEPT_MAX: usize = 64;
/// Smallest number of frames in the tail; fewer would be chance.
const TAIL_MIN: usize = 5;

/// One frame's stages, in µs.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Slow {
    total_us: u64,
    stages_us: [u64; Stage::ALL.len()],
}

/// The slowest frames, from the least slow to the slowest.
#[derive(Clone, Default, Debug)]
pub struct Slowest(Vec<Slow>);

/// Mean stage times of the slowest hundredth of the frames; they add up to the mean total.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct TailStages {
    /// Number of these frames.
    pub frames: u64,
    pub stages_us: [u64; Stage::ALL.len()],
}

impl Slowest {
    /// Adds a frame if it is among the slowest.
    pub fn enter(&mut self, tiles: &Tiles) {
        let total_us = tiles.total().as_micros() as u64;
        if self.0.len() == KEPT_MAX {
            if self.0.first().is_some_and(|least| total_us <= least.total_us) {
                return;
            }
            self.0.remove(0);
        }
        let mut slow = Slow { total_us, ..Slow::default() };
        for (stage, duration) in tiles.iter() {
            slow.stages_us[stage as usize] = duration.as_micros() as u64;
        }
        self.0.insert(self.0.partition_point(|other| other.total_us <= total_us), slow);
    }

    /// The slowest hundredth of `frames`, as far as they were kept.
    pub fn tail(&self, frames: u64) -> TailStages {
        let hundredth = usize::try_from(frames.div_ceil(100)).unwrap_or(KEPT_MAX);
        let slow = &self.0[self.0.len().saturating_sub(hundredth.max(TAIL_MIN))..];
        let frames = slow.len() as u64;
        let mean = |stage: usize| slow.iter().map(|s| s.stages_us[stage]).sum::<u64>() / frames.max(1);
        TailStages { frames, stages_us: std::array::from_fn(mean) }
    }
}

impl TailStages {
    pub fn of(&self, stage: Stage) -> u64 {
        self.stages_us[stage as usize]
    }

    pub fn total_us(&self) -> u64 {
        self.stages_us.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Micros, Stamps};

    fn slowest(encode_us: impl IntoIterator<Item = u64>) -> Slowest {
        let mut slowest = Slowest::default();
        for us in encode_us {
            let stamps = Stamps { encoded: Micros(us), published: Micros(us + 1), ..Stamps::default() };
            slowest.enter(&stamps.tile(&[Stage::Encode, Stage::Publish]).expect("they tile"));
        }
        slowest
    }

    #[test]
    fn the_slowest_hundredth_is_found_in_any_order_of_arrival() {
        let up: Vec<u64> = (0..1000).collect();
        for order in [up.clone(), up.iter().rev().copied().collect()] {
            let tail = slowest(order).tail(1000);
            assert_eq!((tail.frames, tail.of(Stage::Encode)), (10, 994), "990 to 999");
            assert_eq!(tail.total_us(), tail.of(Stage::Encode) + 1);
        }
    }

    #[test]
    fn the_frames_kept_are_bounded() {
        let slowest = slowest(0..100_000);
        assert_eq!(slowest.0.len(), KEPT_MAX);
        assert_eq!(slowest.tail(100_000).frames, KEPT_MAX as u64);
    }

    #[test]
    fn few_frames_are_kept_as_they_are() {
        assert_eq!(slowest([]).tail(0), TailStages::default());
        assert_eq!(slowest([3, 4]).tail(2).frames, 2);
        assert_eq!(slowest([3, 4, 5, 6, 7, 8, 9]).tail(7).frames, 5);
    }
}
