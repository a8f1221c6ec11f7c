//! Warns if the frames of the shown source have stopped for a long time, even if no status is logged.

use std::sync::Arc;
use std::time::Duration;

use common::clock::Micros;
use common::rate::LONG_SILENCE;

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

    /// Warns once in each silence, when it becomes long.
    pub fn look(&mut self, source: Option<&Arc<str>>, state: State) {
        if let Some((age, why)) = self.becomes_long(state) {
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
        }
    }

    fn becomes_long(&mut self, state: State) -> Option<(Duration, Option<String>)> {
        match state {
            State::Silent { age, why } if age >= LONG_SILENCE => {
                (!std::mem::replace(&mut self.warned, true)).then_some((age, why))
            }
            State::Silent { .. } => None,
            _ => {
                self.warned = false;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_silence_is_noticed_once_each_time() {
        let mut silence = Silence::default();
        let mut long = |ages: [u64; 4]| {
            let state = |age| State::Silent { age: Duration::from_secs(age), why: None };
            let noticed = ages.map(|age| silence.becomes_long(state(age)).is_some());
            silence.becomes_long(State::Live { back_after: None });
            noticed
        };
        assert_eq!(long([2, 4, 6, 8]), [false, false, true, false]);
        assert_eq!(long([4, 5, 6, 7]), [false, true, false, false]);
    }
}
