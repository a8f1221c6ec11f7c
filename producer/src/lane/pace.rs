//! Schedules the frames of a file.

use std::time::Duration;

use common::time::Micros;

/// The timing of frames.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Pace {
    /// The source's timestamps, at this speed.
    Stamps(f64),
    /// This many frames a second.
    Rate(f64),
    /// As fast as possible.
    Max,
}

/// Time after which the encoding, the broker and the viewer are usually done with a frame.
const REST_MAX: Duration = Duration::from_millis(8);
/// Half-life of the largest time that getting a picture took.
const HALF_FORGOTTEN: Duration = Duration::from_secs(10);

/// A schedule that begins with the first frame. A stall does not move the schedule: a late frame counts as late, so
/// that the latency shows the stall.
#[derive(Debug)]
pub struct Pacer {
    pace: Pace,
    began: Option<Micros>,
    frames: u64,
    due: Micros,
    /// The smallest gap between two frames so far, as the next one may be as close. Zero without a pace.
    gap: Option<Duration>,
    /// The largest time that getting a picture took lately.
    took: Duration,
}

impl Pacer {
    pub fn new(pace: Pace) -> Pacer {
        Pacer { pace, began: None, frames: 0, due: Micros(0), gap: None, took: Duration::ZERO }
    }

    /// Time at which the next frame is due; `pts` is its position in the source.
    pub fn due(&mut self, pts: Duration, now: Micros) -> Micros {
        let began = *self.began.get_or_insert(now);
        let nth = self.frames;
        self.frames += 1;
        let due = match self.pace {
            Pace::Stamps(speed) => began.plus(pts.div_f64(speed)),
            Pace::Rate(fps) => began.plus(Duration::from_secs_f64(nth as f64 / fps)),
            Pace::Max => now,
        };
        if nth > 0 && self.pace != Pace::Max {
            let gap = due.since(self.due);
            self.took = self.took.mul_f64(0.5_f64.powf(gap.div_duration_f64(HALF_FORGOTTEN)));
            self.gap = Some(self.gap.map_or(gap, |least| least.min(gap)));
        }
        self.due = due;
        due
    }

    /// Time before which the source should not be read again, after a picture that took `took` to get. Decoding the
    /// next picture would take processor time from encoding this one, and from its viewer if that runs on this machine.
    /// They get a third of the gap, unless the source might then be late.
    pub fn rest(&mut self, took: Duration) -> Micros {
        self.took = self.took.max(took);
        let gap = self.gap.unwrap_or_default();
        let rest = (gap / 3).min(REST_MAX);
        if self.took + rest < gap { self.due.plus(rest) } else { self.due }
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
        check(Pace::Rate(10.0), [5000, 105_000, 205_000]);
        check(Pace::Rate(20.0), [5000, 55_000, 105_000]);
    }

    #[test]
    fn the_source_rests_after_a_frame_unless_it_is_slow() {
        let ms = Duration::from_millis;
        let mut pacer = Pacer::new(Pace::Rate(50.0));
        let mut rest = |took: u64| {
            let due = pacer.due(Duration::ZERO, Micros(1000));
            pacer.rest(ms(took)).since(due).as_millis()
        };
        assert_eq!(rest(1), 0, "when the next one is due is not known yet");
        assert_eq!(rest(1), 6);
        assert_eq!(rest(12), 6);
        assert_eq!(rest(17), 0, "too slow");
        assert_eq!(rest(1), 0, "and that is not forgotten at once");
        let until_forgotten = (0..).take_while(|_| rest(1) == 0).count();
        assert!((100..300).contains(&until_forgotten), "{until_forgotten}");
    }

    #[test]
    fn the_next_frame_may_be_as_near_as_any_was() {
        let mut pacer = Pacer::new(Pace::Stamps(1.0));
        let rests = [0, 15, 1015, 1030, 9030].map(|pts| {
            let due = pacer.due(Duration::from_millis(pts), Micros(0));
            pacer.rest(Duration::ZERO).since(due).as_millis()
        });
        assert_eq!(rests, [0, 5, 5, 5, 5]);
        let mut slides = Pacer::new(Pace::Rate(0.1));
        let rests = [0, 1].map(|_| {
            let due = slides.due(Duration::ZERO, Micros(0));
            slides.rest(Duration::ZERO).since(due)
        });
        assert_eq!(rests, [Duration::ZERO, REST_MAX]);
    }

    #[test]
    fn at_full_speed_there_is_no_rest() {
        let mut pacer = Pacer::new(Pace::Max);
        for now in [5000, 5040] {
            pacer.due(Duration::ZERO, Micros(now));
            assert_eq!(pacer.rest(Duration::ZERO), Micros(now));
        }
    }

    #[test]
    fn at_full_speed_a_frame_is_due_when_it_is_there() {
        check(Pace::Max, [5000, 5040, 5100]);
    }
}
