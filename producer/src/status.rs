//! What vidprod says while it runs.

use std::time::Duration;

use common::clock::{Clock, Micros};
use common::rate::{self, Rate};
use common::report::{bytes, how_long};
use shell::status::Status;

use crate::options::Options;
use crate::publish::Shared;
use crate::source::About;

/// The status line, and what its rates are made of.
#[derive(Debug)]
pub struct Telling {
    status: Status,
    /// Whether the histogram is drawn below the line.
    live: bool,
    began: Micros,
    rate: Rate,
    silence: Silence,
}

/// Since when the broker has acknowledged nothing of what it owes.
#[derive(Clone, Copy, Default, Debug)]
struct Silence {
    since: Option<Micros>,
    acknowledged: u64,
}

impl Silence {
    /// Notes how long the broker has owed an answer, if long, and how many it gave. Returns how long it was silent, when it is
    /// no more.
    fn note(&mut self, owed: Option<Duration>, acknowledged: u64, now: Micros) -> Option<Duration> {
        if let Some(since) = self.since
            && acknowledged > self.acknowledged
        {
            *self = Silence::default();
            return Some(now.since(since));
        }
        if let (None, Some(owed)) = (self.since, owed) {
            *self = Silence { since: Some(Micros(now.0.saturating_sub(owed.as_micros() as u64))), acknowledged };
        }
        None
    }

    /// For the status line. It stands before the figures: a narrow terminal cuts the end off.
    fn words(&self, cause: Option<String>, now: Micros) -> String {
        let because = cause.map_or(String::new(), |cause| format!(": {cause}"));
        self.since.map_or(String::new(), |since| {
            format!("the broker is silent for {:.0} s{because}  ", now.since(since).as_secs_f64())
        })
    }
}

impl Telling {
    pub fn new(about: &About, options: &Options, clock: &dyn Clock) -> Telling {
        let began = clock.now();
        let status = Status::new(frames(options, about), !options.quiet);
        Telling {
            live: options.live_histogram && status.is_drawn(),
            status,
            began,
            rate: Rate::default(),
            silence: Silence::default(),
        }
    }

    /// Shows how it goes, if it is time. `cause`: why no broker is connected.
    pub fn tell(&mut self, shared: &Shared, now: Micros, cause: &dyn Fn() -> Option<String>) {
        let Telling { status, live, began, rate, silence } = self;
        let (captured, back) = {
            let state = shared.lock();
            let books = &state.books;
            rate.note(books.published_at, books.published, books.bytes);
            (books.captured, silence.note(state.silence(now), books.acknowledged, now))
        };
        if let Some(silent) = back {
            tracing::info!("the broker acknowledges frames again after {}", how_long(silent));
        }
        status.tell(now, captured, || {
            let silence = if silence.since.is_some() { silence.words(cause(), now) } else { String::new() };
            let mut text = line(shared, *began, now, rate, &silence);
            if *live {
                text += &histogram(shared);
            }
            text
        });
    }
}

/// From due to published.
fn histogram(shared: &Shared) -> String {
    let state = shared.lock();
    let total = &state.books.latencies.total;
    state.recorder.as_ref().map_or(String::new(), |recorder| shell::live::histogram(recorder.timeline(), total))
}

/// How many there will be, where that is known.
fn frames(options: &Options, about: &About) -> Option<u64> {
    let cut = || Some((options.source.duration?.as_secs_f64() * about.fps?).ceil() as u64);
    about.frames.or_else(cut)
}

fn line(shared: &Shared, began: Micros, now: Micros, rate: &Rate, silence: &str) -> String {
    let state = shared.lock();
    let books = &state.books;
    let rate = rate.at(now).unwrap_or_default();
    let ack = books.ack.histogram();
    let ack_ms = |q: f64| ack.value_at_quantile(q) as f64 / 1000.0;
    format!(
        "{:.1} s  {silence}{}  {}/s  quality {}  frame {}  dropped {}  acknowledged {} in p50 {:.1} p99 {:.1} ms",
        now.since(began).as_secs_f64(),
        rate::fps(rate.frames),
        bytes(rate.bytes as u64),
        state.quality,
        books.captured,
        state.dropped(),
        books.acknowledged,
        ack_ms(0.5),
        ack_ms(0.99),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_broker_is_said_with_its_cause_until_it_acknowledges_again() {
        let s = Duration::from_secs;
        let at = |seconds: u64| Micros(seconds * 1_000_000);
        let mut silence = Silence::default();
        assert_eq!(silence.note(None, 90, at(10)), None);
        assert_eq!(silence.words(None, at(10)), "");
        assert_eq!(silence.note(Some(s(2)), 90, at(12)), None);
        assert_eq!(
            silence.words(Some("connection refused".to_owned()), at(15)),
            "the broker is silent for 5 s: connection refused  "
        );
        // All that was in flight has expired: nothing is owed, and nothing was acknowledged.
        assert_eq!(silence.note(None, 90, at(16)), None);
        assert_eq!(silence.words(None, at(16)), "the broker is silent for 6 s  ");
        assert_eq!(silence.note(None, 91, at(17)), Some(s(7)));
        assert_eq!(silence.words(None, at(17)), "");
    }
}
