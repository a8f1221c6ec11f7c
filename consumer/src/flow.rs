//! Tracks if frames of the shown source arrive.

use std::sync::Arc;
use std::time::Duration;

use common::time::Micros;
use common::time::rate::silent_after;
use common::words::how_long;

/// Longest frame interval of a stream whose rate is not known yet. A shorter silence of such a stream may be its pace.
pub const SLOW: Duration = Duration::from_secs(10);
/// Time for which the return of frames is shown.
const BACK_FOR: Duration = Duration::from_secs(5);

/// Times of the frames of the shown source.
#[derive(Default, Debug)]
pub struct Flow {
    source: Option<Arc<str>>,
    /// Time of the last frame.
    last: Option<Micros>,
    /// Time at which frames returned after a silence, and the length of that silence.
    back: Option<(Micros, Duration)>,
    /// True if a warning has reported the present silence.
    reported: bool,
}

impl Flow {
    /// Enters a frame of the shown source. `interval` is the time between two frames, if known.
    pub fn frame_arrived(&mut self, source: &Arc<str>, at: Micros, interval: Option<Duration>) {
        let gap = self.last.map_or(Duration::ZERO, |last| at.since(last));
        let was_silent = gap > silent_after(interval) && (interval.is_some() || gap > SLOW);
        if self.source.as_ref() != Some(source) {
            *self = Flow { source: Some(source.clone()), ..Flow::default() };
        } else if std::mem::take(&mut self.reported) || was_silent {
            tracing::info!(
                event = "frames_back",
                source = &**source,
                seconds = gap.as_secs_f64(),
                "{source}: frames again after {}",
                how_long(gap)
            );
            self.back = Some((at, gap));
        }
        self.last = self.last.max(Some(at));
    }

    /// Notes that a warning has reported the present silence, so that its end is reported too.
    pub fn silence_reported(&mut self) {
        self.reported = true;
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
        let (mut flow, a) = (Flow::default(), Arc::from("a"));
        [10.0, 10.04, 10.08].into_iter().for_each(|at| flow.frame_arrived(&a, s(at), FRAME));
        assert_eq!((flow.age(s(22.08)), flow.back(s(22.08))), (Some(Duration::from_secs(12)), None));
        flow.frame_arrived(&a, s(22.08), FRAME);
        flow.frame_arrived(&a, s(22.12), FRAME);
        assert_eq!(flow.back(s(24.0)), Some(Duration::from_secs(12)));
        assert_eq!(flow.back(s(28.0)), None);
    }

    #[test]
    fn a_slow_stream_is_never_back() {
        let (mut flow, a) = (Flow::default(), Arc::from("a"));
        for n in 0..5 {
            // Two frames are needed to measure the interval.
            flow.frame_arrived(&a, s(5.0 * f64::from(n)), (n > 1).then_some(Duration::from_secs(5)));
            assert_eq!(flow.back(s(5.0 * f64::from(n))), None);
        }
    }

    #[test]
    fn the_end_of_a_silence_that_was_reported_is_noticed_at_any_pace() {
        let (mut flow, a, minute) = (Flow::default(), Arc::from("a"), Some(Duration::from_secs(60)));
        flow.frame_arrived(&a, s(60.0), minute);
        flow.silence_reported();
        flow.frame_arrived(&a, s(120.0), minute);
        assert_eq!(flow.back(s(121.0)), Some(Duration::from_secs(60)));
        flow.frame_arrived(&a, s(180.0), minute);
        assert_eq!(flow.back(s(181.0)), None);
    }

    #[test]
    fn another_source_begins_anew_and_what_waited_for_its_time_was_not_silent() {
        let mut flow = Flow::default();
        flow.frame_arrived(&Arc::from("a"), s(1.0), FRAME);
        flow.frame_arrived(&Arc::from("b"), s(9.0), FRAME);
        assert_eq!(flow.back(s(9.0)), None);
        flow.excuse_until(s(18.0));
        flow.frame_arrived(&Arc::from("b"), s(18.1), FRAME);
        assert_eq!(flow.back(s(18.1)), None);
    }
}
