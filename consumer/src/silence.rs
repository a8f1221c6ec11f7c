//! Warns if the frames of the shown source have stopped for a long time, even if no status is logged.

use std::sync::Arc;
use std::time::Duration;

use common::time::Micros;
use common::time::rate::LONG_SILENCE;

use crate::flow::SLOW;
use crate::glance::State;

const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Default, Debug)]
pub struct Silence {
    next: Micros,
    warned: bool,
}

impl Silence {
    /// Returns true once a second.
    pub fn is_due(&mut self, now: Micros) -> bool {
        let due = now >= self.next;
        if due {
            self.next = now.plus(LOOK_EVERY);
        }
        due
    }

    /// Warns once in each silence, when it becomes long; returns true if it did. `rate_known` is true once two frames
    /// have shown how often frames come.
    pub fn look(&mut self, source: Option<&Arc<str>>, state: State, rate_known: bool) -> bool {
        let Some((age, why)) = self.becomes_long(state, rate_known) else { return false };
        let source = source.map_or("", |source| &**source);
        let seconds = age.as_secs_f64();
        let because = why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        tracing::warn!(
            event = "frames_stopped",
            source,
            seconds,
            why,
            "{source}: no frames for {seconds:.0} s{because}"
        );
        true
    }

    fn becomes_long(&mut self, state: State, rate_known: bool) -> Option<(Duration, Option<String>)> {
        let State::Silent { age, why } = state else {
            self.warned = false;
            return None;
        };
        // A source whose rate is unknown may be slow, or have a single picture.
        let long = if rate_known || why.is_some() { LONG_SILENCE } else { SLOW };
        (age >= long && !std::mem::replace(&mut self.warned, true)).then_some((age, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks for which of these ages of the last frame, in seconds, a warning is due.
    fn check(why: Option<&str>, rate_known: bool, ages: [u64; 4], expected: [bool; 4]) {
        let mut silence = Silence::default();
        // Each silence is noticed, not only the first.
        for _ in 0..2 {
            let state = |age| State::Silent { age: Duration::from_secs(age), why: why.map(str::to_owned) };
            let noticed = ages.map(|age| silence.becomes_long(state(age), rate_known).is_some());
            assert_eq!(noticed, expected);
            silence.becomes_long(State::Live { back_after: None }, rate_known);
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
