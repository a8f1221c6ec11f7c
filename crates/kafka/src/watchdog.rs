//! Decides when a client that has fallen silent is replaced by a new one.
//!
//! librdkafka repairs broken connections by itself, with one exception: a broker that is still starting may answer a
//! metadata request with a topic and no brokers. The client then drops every broker that it knows and never sends
//! another request (librdkafka issue 5301), while any new client connects at once.
//!
//! ```text
//! silent ─(too long)─▶ probe the bootstrap brokers every second ─(brokers answer)─▶ wait for GRACE ─▶ renew the client
//!    ▲                                                                                  │
//!    └──────────────────────────── any sign of life ◀──────────────────────────────────┘
//! ```
//! This file decides but does no I/O: time is an argument, and the caller probes and renews.

use std::time::Duration;

use common::time::Micros;

/// Normal silence while no broker is connected. A healthy client tries again every 200 ms.
const DISCONNECTED: Duration = Duration::from_secs(2);
/// Normal silence while a broker is connected: the broker may be busy, or the link so slow that a request of a megabyte
/// takes long.
const CONNECTED: Duration = Duration::from_secs(20);
/// Time between two probes.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// Time for a healthy client to connect once a probe was answered. Its statistics show the connection once a second.
const GRACE: Duration = Duration::from_secs(2);
/// After a renewal that did not help, the wait is doubled, at most this many times.
const DOUBLINGS_MAX: u32 = 5;

/// The next action for the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WatchdogStep {
    Nothing,
    /// Send a request to the bootstrap brokers over a separate connection; report the result to [`Watchdog::probed`].
    Probe,
    /// Replace the client.
    Renew,
}

#[derive(Debug)]
pub(crate) struct Watchdog {
    last_sign: Micros,
    probing: bool,
    next_probe: Micros,
    /// Time at which the first probe since the last sign of life was answered.
    answered: Option<Micros>,
    /// Number of renewals since the last sign of life.
    renewals: u32,
}

impl Watchdog {
    pub fn new(now: Micros) -> Watchdog {
        Watchdog { last_sign: now, probing: false, next_probe: now, answered: None, renewals: 0 }
    }

    /// The client did something that only a connected client can do, or has nothing to do.
    pub fn sign_of_life(&mut self, now: Micros) {
        (self.last_sign, self.answered, self.renewals) = (now, None, 0);
    }

    /// The probe has ended. `answered` is true if a broker answered and named at least one broker.
    pub fn probed(&mut self, answered: bool, now: Micros) {
        self.probing = false;
        if answered && self.silence(now) > Duration::ZERO {
            self.answered.get_or_insert(now);
        } else if !answered {
            self.answered = None;
        }
    }

    /// Returns the next action. `connected` is true if the client reports a connection to a broker.
    pub fn step(&mut self, now: Micros, connected: bool) -> WatchdogStep {
        let normal = if connected { CONNECTED } else { DISCONNECTED };
        if self.silence(now) < normal * 2_u32.pow(self.renewals.min(DOUBLINGS_MAX)) {
            return WatchdogStep::Nothing;
        }
        if self.answered.is_some_and(|at| now.since(at) >= GRACE) {
            (self.last_sign, self.answered) = (now, None);
            self.renewals += 1;
            return WatchdogStep::Renew;
        }
        if self.probing || now < self.next_probe {
            return WatchdogStep::Nothing;
        }
        (self.probing, self.next_probe) = (true, now.plus(PROBE_EVERY));
        WatchdogStep::Probe
    }

    fn silence(&self, now: Micros) -> Duration {
        now.since(self.last_sign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(250);

    /// Runs a watchdog for `seconds`, in steps of 250 ms. `lives(ms)` is true if the client shows a sign of life then,
    /// `answers(ms)` if a probe is answered then. Returns the times at which the client was renewed, in ms.
    fn renewals(seconds: u64, connected: bool, lives: impl Fn(u64) -> bool, answers: impl Fn(u64) -> bool) -> Vec<u64> {
        let mut watchdog = Watchdog::new(Micros(0));
        let mut renewed = Vec::new();
        let mut now = Micros(0);
        while now.0 < seconds * 1_000_000 {
            let ms = now.0 / 1000;
            if lives(ms) {
                watchdog.sign_of_life(now);
            }
            match watchdog.step(now, connected) {
                WatchdogStep::Nothing => {}
                WatchdogStep::Probe => watchdog.probed(answers(ms), now),
                WatchdogStep::Renew => renewed.push(ms),
            }
            now = now.plus(TICK);
        }
        renewed
    }

    #[test]
    fn a_client_that_shows_signs_of_life_is_left_alone() {
        assert!(renewals(600, true, |ms| ms % 1000 == 0, |_| true).is_empty());
        assert!(renewals(600, true, |ms| ms % 19_000 == 0, |_| true).is_empty());
        assert!(renewals(600, false, |ms| ms % 1000 == 0, |_| true).is_empty());
    }

    #[test]
    fn a_client_whose_broker_is_away_is_left_alone() {
        assert!(renewals(600, false, |ms| ms < 5000, |_| false).is_empty());
    }

    #[test]
    fn a_client_that_stays_dark_once_the_broker_is_back_is_renewed_within_four_seconds() {
        let renewed = renewals(32, false, |ms| ms < 1000, |ms| ms >= 28_000);
        assert!(renewed.len() == 1 && (30_000..32_000).contains(&renewed[0]), "{renewed:?}");
    }

    #[test]
    fn a_client_that_comes_back_by_itself_is_not_renewed() {
        assert!(renewals(60, false, |ms| !(1000..29_500).contains(&ms), |ms| ms >= 28_000).is_empty());
    }

    #[test]
    fn a_connection_that_is_silent_gets_more_time() {
        let renewed = renewals(30, true, |ms| ms < 1000, |_| true);
        assert!(renewed.len() == 1 && renewed[0] > 22_000, "{renewed:?}");
    }

    #[test]
    fn renewals_that_do_not_help_become_rare() {
        let renewed = renewals(600, false, |_| false, |_| true);
        assert!((5..15).contains(&renewed.len()), "{renewed:?}");
    }

    #[test]
    fn a_broker_that_answered_and_went_away_again_is_not_counted_as_back() {
        let answers = |ms| (3000..4000).contains(&ms);
        assert!(renewals(60, false, |_| false, answers).is_empty());
    }
}
