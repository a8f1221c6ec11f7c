//! Tracks how long the broker has been silent.

use std::time::Duration;

use common::time::Micros;
use common::time::rate::LONG_SILENCE;

use super::snapshot::BrokerSilence;

/// Silence of the broker: acknowledgements are outstanding and none arrive.
#[derive(Clone, Copy, Default, Debug)]
pub struct BrokerWatch {
    since: Option<Micros>,
    acknowledged: u64,
    warned: bool,
}

impl BrokerWatch {
    /// Enters the time for which the broker has owed an acknowledgement, if it is long, and the number of acknowledged
    /// frames. Returns the length of a silence when it ends.
    pub fn note(&mut self, owed: Option<Duration>, acknowledged: u64, now: Micros) -> Option<Duration> {
        if let Some(since) = self.since
            && acknowledged > self.acknowledged
        {
            *self = BrokerWatch::default();
            return Some(now.since(since));
        }
        if let (None, Some(owed)) = (self.since, owed) {
            let since = Micros(now.0.saturating_sub(owed.as_micros() as u64));
            *self = BrokerWatch { since: Some(since), acknowledged, warned: false };
        }
        None
    }

    /// Returns true once in each silence, when it becomes long.
    pub fn becomes_long(&mut self, now: Micros) -> bool {
        let long = self.since.is_some_and(|since| now.since(since) >= LONG_SILENCE);
        long && !std::mem::replace(&mut self.warned, true)
    }

    pub fn now(&self, cause: &dyn Fn() -> Option<String>, now: Micros) -> Option<BrokerSilence> {
        self.since.map(|since| BrokerSilence { seconds: now.since(since).as_secs_f64(), why: cause() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_lasts_until_the_broker_acknowledges_again() {
        let s = Duration::from_secs;
        let at = |seconds: u64| Micros(seconds * 1_000_000);
        let mut silence = BrokerWatch::default();
        let seconds =
            |silence: &BrokerWatch, now: u64| silence.now(&|| None, at(now)).map(|silence| silence.seconds.round());
        assert_eq!(silence.note(None, 90, at(10)), None);
        assert_eq!(seconds(&silence, 10), None);
        assert_eq!(silence.note(Some(s(2)), 90, at(12)), None);
        assert_eq!(seconds(&silence, 15), Some(5.0));
        // All frames in flight have expired, so no acknowledgement is outstanding, but none has arrived either.
        assert_eq!(silence.note(None, 90, at(16)), None);
        assert_eq!(seconds(&silence, 16), Some(6.0));
        assert_eq!(silence.note(None, 91, at(17)), Some(s(7)));
        assert_eq!(seconds(&silence, 17), None);
    }

    #[test]
    fn a_long_silence_is_noticed_once_each_time() {
        let at = |seconds: u64| Micros(seconds * 1_000_000);
        let mut silence = BrokerWatch::default();
        for (begin, acknowledged) in [(10, 90), (30, 91)] {
            silence.note(Some(Duration::from_secs(1)), acknowledged, at(begin));
            let long: Vec<u64> = (begin..begin + 9).filter(|now| silence.becomes_long(at(*now))).collect();
            assert_eq!(long, [begin + 4]);
            silence.note(None, acknowledged + 1, at(begin + 9));
            assert!(!silence.becomes_long(at(begin + 9)));
        }
    }
}
