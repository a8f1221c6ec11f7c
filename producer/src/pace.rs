//! When each frame of a file is due.

use std::time::Duration;

use common::clock::Micros;
use shell::values::Speed;

/// What sets the pace.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Pace {
    /// The source's own time stamps, so many times as fast.
    Stamps(f64),
    /// So many frames a second.
    Rate(f64),
    /// None: as fast as it goes.
    Max,
}

impl Pace {
    pub fn new(fps: Option<f64>, speed: Option<Speed>) -> Pace {
        match (fps, speed) {
            (_, Some(Speed::Max)) => Pace::Max,
            (Some(fps), Some(Speed::Times(x))) => Pace::Rate(fps * x),
            (Some(fps), None) => Pace::Rate(fps),
            (None, Some(Speed::Times(x))) => Pace::Stamps(x),
            (None, None) => Pace::Stamps(1.0),
        }
    }
}

/// A schedule that began with the first frame. A stall does not move it: what is late stays late, and shows.
#[derive(Debug)]
pub struct Pacer {
    pace: Pace,
    began: Option<Micros>,
    frames: u64,
}

impl Pacer {
    pub fn new(pace: Pace) -> Pacer {
        Pacer { pace, began: None, frames: 0 }
    }

    /// When the next frame, which stands at `pts` in its source, is due.
    pub fn due(&mut self, pts: Duration, now: Micros) -> Micros {
        let began = *self.began.get_or_insert(now);
        let nth = self.frames;
        self.frames += 1;
        match self.pace {
            Pace::Stamps(speed) => began.plus(pts.div_f64(speed)),
            Pace::Rate(fps) => began.plus(Duration::from_secs_f64(nth as f64 / fps)),
            Pace::Max => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pace: Pace, expected: [u64; 3]) {
        let mut pacer = Pacer::new(pace);
        let dues = [0, 40, 100].map(|ms| pacer.due(Duration::from_millis(ms), Micros(5000 + ms)).0);
        assert_eq!(dues, expected, "{pace:?}");
    }

    #[test]
    fn a_file_is_paced_by_its_stamps() {
        check(Pace::Stamps(1.0), [5000, 45_000, 105_000]);
        check(Pace::Stamps(2.0), [5000, 25_000, 55_000]);
    }

    #[test]
    fn a_rate_overrides_the_stamps() {
        check(Pace::new(Some(10.0), None), [5000, 105_000, 205_000]);
        check(Pace::new(Some(10.0), Some(Speed::Times(2.0))), [5000, 55_000, 105_000]);
    }

    #[test]
    fn at_full_speed_a_frame_is_due_when_it_is_there() {
        check(Pace::new(Some(10.0), Some(Speed::Max)), [5000, 5040, 5100]);
    }
}
