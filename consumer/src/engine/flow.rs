//! Notices when the frames of a source stop, and when they come again.

use std::time::Duration;

use common::time::Micros;
use common::time::rate::{LONG_SILENCE, silent_after};
use common::words::how_long;

/// Longest frame interval of a stream whose rate is not known yet. A shorter silence of such a stream may be its pace.
const SLOW: Duration = Duration::from_secs(10);
/// Time for which the return of frames is shown.
const BACK_FOR: Duration = Duration::from_secs(5);

/// Times of the frames of one source, while it is shown.
#[derive(Default, Debug)]
pub struct FrameFlow {
    /// Time of the last frame.
    last: Option<Micros>,
    /// Time at which frames returned after a silence, and the length of that silence.
    back: Option<(Micros, Duration)>,
    /// True if `last` is not the time of a frame, but of the choice of this source.
    no_frame_yet: bool,
    /// True if a warning has reported the present silence, so that its end is reported too.
    warned: bool,
}

impl FrameFlow {
    /// A flow in which silence counts from `now` on.
    pub fn since(now: Micros) -> FrameFlow {
        FrameFlow { last: Some(now), no_frame_yet: true, ..FrameFlow::default() }
    }

    /// Enters a frame. `interval` is the time between two frames, if known.
    pub fn frame_arrived(&mut self, source: &str, at: Micros, interval: Option<Duration>) {
        let gap = self.last.map_or(Duration::ZERO, |last| at.since(last));
        let was_silent = gap > silent_after(interval) && (interval.is_some() || gap > SLOW);
        let warned = std::mem::take(&mut self.warned);
        if !std::mem::take(&mut self.no_frame_yet) && (warned || was_silent) {
            tracing::info!(
                event = "frames_back",
                source,
                seconds = gap.as_secs_f64(),
                "{source}: frames again after {}",
                how_long(gap)
            );
            self.back = Some((at, gap));
        }
        self.last = self.last.max(Some(at));
    }

    /// Warns once in each silence, when it becomes long. `rate_known` is true once two frames have shown how often
    /// frames come.
    pub fn warn_of_silence(&mut self, source: &str, age: Duration, why: Option<&str>, rate_known: bool) {
        if !self.becomes_long(age, why, rate_known) {
            return;
        }
        let seconds = age.as_secs_f64();
        let because = why.map_or(String::new(), |why| format!(": {why}"));
        tracing::warn!(
            event = "frames_stopped",
            source,
            seconds,
            why,
            "{source}: no frames for {seconds:.0} s{because}"
        );
    }

    fn becomes_long(&mut self, age: Duration, why: Option<&str>, rate_known: bool) -> bool {
        // A source whose rate is unknown may be slow, or have a single picture.
        let long = if rate_known || why.is_some() { LONG_SILENCE } else { SLOW };
        age >= long && !std::mem::replace(&mut self.warned, true)
    }

    /// Makes the time up to now not count as silence, because a frame waited until it was due, or none was requested.
    pub fn excuse_until(&mut self, now: Micros) {
        self.last = self.last.map(|last| last.max(now));
    }

    /// Time since the last frame.
    pub fn age(&self, now: Micros) -> Option<Duration> {
        self.last.map(|last| now.since(last))
    }

    /// Length of the last silence, for a while after frames returned.
    pub fn back(&self, now: Micros) -> Option<Duration> {
        self.back.filter(|(at, _)| now.since(*at) < BACK_FOR).map(|(_, gap)| gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Option<Duration> = Some(Duration::from_millis(40));

    fn s(seconds: f64) -> Micros {
        Micros((seconds * 1e6) as u64)
    }

    #[test]
    fn frames_after_a_silence_are_noticed_for_a_while() {
        let mut flow = FrameFlow::default();
        [10.0, 10.04, 10.08].into_iter().for_each(|at| flow.frame_arrived("a", s(at), FRAME));
        assert_eq!((flow.age(s(22.08)), flow.back(s(22.08))), (Some(Duration::from_secs(12)), None));
        flow.frame_arrived("a", s(22.08), FRAME);
        flow.frame_arrived("a", s(22.12), FRAME);
        assert_eq!(flow.back(s(24.0)), Some(Duration::from_secs(12)));
        assert_eq!(flow.back(s(28.0)), None);
    }

    #[test]
    fn a_slow_stream_is_never_back() {
        let mut flow = FrameFlow::default();
        for n in 0..5 {
            // Two frames are needed to measure the interval.
            flow.frame_arrived("a", s(5.0 * f64::from(n)), (n > 1).then_some(Duration::from_secs(5)));
            assert_eq!(flow.back(s(5.0 * f64::from(n))), None);
        }
    }

    #[test]
    fn the_end_of_a_silence_that_was_reported_is_noticed_at_any_pace() {
        let (mut flow, minute) = (FrameFlow::default(), Some(Duration::from_secs(60)));
        flow.frame_arrived("a", s(60.0), minute);
        flow.warn_of_silence("a", LONG_SILENCE, Some("refused"), true);
        flow.frame_arrived("a", s(120.0), minute);
        assert_eq!(flow.back(s(121.0)), Some(Duration::from_secs(60)));
        flow.frame_arrived("a", s(180.0), minute);
        assert_eq!(flow.back(s(181.0)), None);
    }

    #[test]
    fn a_frame_that_waited_for_its_time_ends_no_silence() {
        let mut flow = FrameFlow::since(s(9.0));
        flow.excuse_until(s(18.0));
        flow.frame_arrived("b", s(18.1), FRAME);
        assert_eq!(flow.back(s(18.1)), None);
    }

    /// Checks for which of these ages of the last frame, in seconds, a warning is due.
    fn check(why: Option<&str>, rate_known: bool, ages: [u64; 4], expected: [bool; 4]) {
        let mut flow = FrameFlow::default();
        // Each silence is noticed, not only the first.
        for at in [1.0, 2.0] {
            let noticed = ages.map(|age| flow.becomes_long(Duration::from_secs(age), why, rate_known));
            assert_eq!(noticed, expected);
            flow.frame_arrived("a", s(at), None);
        }
    }

    #[test]
    fn a_long_silence_is_noticed_once_each_time() {
        check(None, true, [2, 4, 6, 8], [false, false, true, false]);
        check(None, true, [4, 5, 6, 7], [false, true, false, false]);
    }

    #[test]
    fn a_single_picture_is_no_silence_yet_unless_there_is_no_connection() {
        check(None, false, [2, 6, 9, 11], [false, false, false, true]);
        check(Some("refused"), false, [2, 6, 9, 11], [false, true, false, false]);
    }
}
