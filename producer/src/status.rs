//! vidprod's live status.

mod snapshot;

use std::time::Duration;

use common::clock::{Clock, Micros};
use common::ledger::Loss;
use common::period::Period;
use common::rate::{self, Rate};
use common::report::how_long;
use shell::status::Status;

use self::snapshot::{BrokerSilence, Snapshot};
use crate::options::Options;
use crate::publish::Shared;
use crate::source::About;

/// Shortest period of the latency of acknowledgements, which otherwise covers the time since the last status.
const PERIOD_MIN: Duration = Duration::from_secs(1);
/// Length of a silence of the broker that is worth a warning.
const LONG_SILENCE: Duration = Duration::from_secs(5);

/// The status line, with the state from which its figures are computed.
#[derive(Debug)]
pub struct Telling {
    status: Status,
    /// True if the histogram is drawn below the line.
    live: bool,
    figures: Figures,
}

#[derive(Debug)]
struct Figures {
    source: String,
    topic: String,
    began: Micros,
    rate: Rate,
    period: Period,
    silence: Silence,
}

/// Silence of the broker: acknowledgements are outstanding and none arrive.
#[derive(Clone, Copy, Default, Debug)]
struct Silence {
    since: Option<Micros>,
    acknowledged: u64,
    warned: bool,
}

impl Silence {
    /// Enters the time for which the broker has owed an acknowledgement, if it is long, and the number of acknowledged
    /// frames. Returns the length of a silence when it ends.
    fn note(&mut self, owed: Option<Duration>, acknowledged: u64, now: Micros) -> Option<Duration> {
        if let Some(since) = self.since
            && acknowledged > self.acknowledged
        {
            *self = Silence::default();
            return Some(now.since(since));
        }
        if let (None, Some(owed)) = (self.since, owed) {
            let since = Micros(now.0.saturating_sub(owed.as_micros() as u64));
            *self = Silence { since: Some(since), acknowledged, warned: false };
        }
        None
    }

    /// Returns true once in each silence, when it becomes long.
    fn becomes_long(&mut self, now: Micros) -> bool {
        let long = self.since.is_some_and(|since| now.since(since) >= LONG_SILENCE);
        long && !std::mem::replace(&mut self.warned, true)
    }

    fn now(&self, cause: &dyn Fn() -> Option<String>, now: Micros) -> Option<BrokerSilence> {
        self.since.map(|since| BrokerSilence { seconds: now.since(since).as_secs_f64(), why: cause() })
    }
}

impl Telling {
    pub fn new(about: &About, options: &Options, clock: &dyn Clock) -> Telling {
        let began = clock.now();
        let status = Status::new(frames(options, about), options.status_every);
        let period = options.status_every.filter(|_| !status.is_drawn()).unwrap_or_default().max(PERIOD_MIN);
        Telling {
            live: options.live_histogram && status.is_drawn(),
            status,
            figures: Figures {
                source: options.source.name.clone(),
                topic: options.topic.name.clone(),
                began,
                rate: Rate::default(),
                period: Period::new(period, began),
                silence: Silence::default(),
            },
        }
    }

    /// Updates the status, if it is time. `cause` returns the reason why no broker is connected.
    pub fn tell(&mut self, shared: &Shared, now: Micros, cause: &dyn Fn() -> Option<String>) {
        let Telling { status, live, figures } = self;
        let captured = figures.look(shared, now, cause);
        status.tell(now, captured, || {
            let snapshot = figures.snapshot(shared, now, cause);
            let histogram = if *live { histogram(shared) } else { String::new() };
            (snapshot.line() + &histogram, snapshot)
        });
    }
}

impl Figures {
    /// Updates rate and silence, and logs when the broker falls silent or is back. Returns the number of frames
    /// captured so far.
    fn look(&mut self, shared: &Shared, now: Micros, cause: &dyn Fn() -> Option<String>) -> u64 {
        let (captured, back) = {
            let state = shared.lock();
            let books = &state.books;
            self.rate.note(books.published_at, books.published, books.bytes);
            (books.captured, self.silence.note(state.silence(now), books.acknowledged, now))
        };
        if let Some(silent) = back {
            tracing::info!(
                event = "broker_back",
                seconds = silent.as_secs_f64(),
                "the broker acknowledges frames again after {}",
                how_long(silent)
            );
        }
        if self.silence.becomes_long(now)
            && let Some(silence) = self.silence.now(cause, now)
        {
            let (seconds, because) = (silence.seconds, silence.because());
            tracing::warn!(
                event = "broker_silent",
                seconds,
                why = silence.why,
                "the broker has acknowledged nothing for {seconds:.0} s{because}"
            );
        }
        captured
    }

    fn snapshot(&mut self, shared: &Shared, now: Micros, cause: &dyn Fn() -> Option<String>) -> Snapshot {
        let silence = self.silence.now(cause, now);
        // The frame threads need this lock, so the slow work is done without it.
        let (published, bytes, ack) = {
            let books = &shared.lock().books;
            (books.published, books.bytes, books.ack.clone())
        };
        let of_period = self.period.look(now, published, bytes, Some(&ack));
        let (fps, bytes_per_second) = if self.period.is_long() {
            (of_period.fps, of_period.bytes_per_second)
        } else {
            let rate = self.rate.at(now).unwrap_or_default();
            (rate.frames, rate.bytes as u64)
        };
        let state = shared.lock();
        let books = &state.books;
        Snapshot {
            source: self.source.clone(),
            topic: self.topic.clone(),
            seconds: now.since(self.began).as_secs_f64(),
            silence,
            frames: books.captured,
            acknowledged: books.acknowledged,
            fps: rate::rounded(fps),
            bytes_per_second,
            latency: of_period.latency,
            quality: state.quality,
            dropped: state.dropped(),
            drops: books.losses.by_reason(&Loss::PRODUCER),
        }
    }
}

/// The histogram of the latency from due to published.
fn histogram(shared: &Shared) -> String {
    let state = shared.lock();
    let total = &state.books.latencies.total;
    state.recorder.as_ref().map_or(String::new(), |recorder| shell::live::histogram(recorder.timeline(), total))
}

/// Number of frames that the source will have, if known.
fn frames(options: &Options, about: &About) -> Option<u64> {
    let cut = || Some((options.source.duration?.as_secs_f64() * about.fps?).ceil() as u64);
    about.frames.or_else(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_lasts_until_the_broker_acknowledges_again() {
        let s = Duration::from_secs;
        let at = |seconds: u64| Micros(seconds * 1_000_000);
        let mut silence = Silence::default();
        let seconds =
            |silence: &Silence, now: u64| silence.now(&|| None, at(now)).map(|silence| silence.seconds.round());
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
        let mut silence = Silence::default();
        for (begin, acknowledged) in [(10, 90), (30, 91)] {
            silence.note(Some(Duration::from_secs(1)), acknowledged, at(begin));
            let long: Vec<u64> = (begin..begin + 9).filter(|now| silence.becomes_long(at(*now))).collect();
            assert_eq!(long, [begin + 4]);
            silence.note(None, acknowledged + 1, at(begin + 9));
            assert!(!silence.becomes_long(at(begin + 9)));
        }
    }
}
