//! Turns the timestamps of a file into times that begin at zero and always increase.

use std::time::Duration;

/// A step back of fewer frames than this counts as one wrong timestamp, not as a new beginning.
const STEP_BACK_FRAMES: i64 = 4;

/// Maps a stream's own timestamps to times since its first frame, across loops and broken timestamps.
#[derive(Clone, Copy, Default, Debug)]
pub struct TimestampMap {
    offset_us: Option<i64>,
    last: Option<Last>,
    stepped_back: bool,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    at_us: i64,
    frame_us: i64,
}

impl TimestampMap {
    /// Returns the next frame's time; `frame_us` is the duration of a frame, used if frames have no timestamps.
    pub fn place(&mut self, raw_us: Option<i64>, frame_us: i64) -> Duration {
        let frame_us = frame_us.max(1);
        let next_us = self.last.map_or(0, |last| last.at_us + last.frame_us);
        let at_us = match (raw_us, self.last) {
            (None, _) => next_us,
            (Some(raw), None) => self.rebase(raw, next_us),
            (Some(raw), Some(last)) => match self.offset_us.map(|offset| raw.saturating_add(offset)) {
                None => self.rebase(raw, next_us),
                Some(at) if at > last.at_us => {
                    self.stepped_back = false;
                    at
                }
                Some(at) if !self.stepped_back && at > last.at_us - STEP_BACK_FRAMES * frame_us => {
                    self.stepped_back = true;
                    last.at_us + 1
                }
                Some(_) => self.rebase(raw, next_us),
            },
        };
        self.last = Some(Last { at_us, frame_us });
        Duration::from_micros(at_us.max(0) as u64)
    }

    /// Places the next frame right after the last one, whatever its timestamp.
    pub fn restart(&mut self) {
        self.offset_us = None;
    }

    fn rebase(&mut self, raw_us: i64, at_us: i64) -> i64 {
        self.offset_us = Some(at_us.saturating_sub(raw_us));
        self.stepped_back = false;
        at_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks raw times in ms (`None`: no timestamp; `-1`: a loop begins) against the expected times in µs, for frames
    /// of 40 ms.
    fn check(raw_ms: &[Option<i64>], expected_us: &[u64]) {
        let mut timestamps = TimestampMap::default();
        let mut placed = Vec::new();
        for raw in raw_ms {
            match raw {
                Some(-1) => timestamps.restart(),
                raw => placed.push(timestamps.place(raw.map(|ms| ms * 1000), 40_000).as_micros() as u64),
            }
        }
        assert_eq!(placed, expected_us, "{raw_ms:?}");
    }

    #[test]
    fn times_begin_at_zero_wherever_the_file_begins() {
        check(&[Some(1400), Some(1440), Some(1500)], &[0, 40_000, 100_000]);
    }

    #[test]
    fn frames_without_a_stamp_follow_at_the_frame_rate() {
        check(&[None, None, None], &[0, 40_000, 80_000]);
        check(&[Some(0), None, Some(80)], &[0, 40_000, 80_000]);
    }

    #[test]
    fn a_loop_goes_on_where_the_last_frame_ends() {
        check(&[Some(10), Some(50), Some(-1), Some(10), Some(50)], &[0, 40_000, 80_000, 120_000]);
    }

    #[test]
    fn one_stamp_out_of_order_moves_nothing_else() {
        check(&[Some(0), Some(80), Some(40), Some(120)], &[0, 80_000, 80_001, 120_000]);
    }

    #[test]
    fn stamps_that_stand_still_still_play() {
        check(&[Some(5), Some(5), Some(5), Some(5)], &[0, 1, 40_001, 40_002]);
    }

    #[test]
    fn a_jump_back_is_a_new_beginning() {
        check(&[Some(90_000), Some(90_040), Some(0), Some(40)], &[0, 40_000, 80_000, 120_000]);
    }
}
