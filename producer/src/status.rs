//! vidprod's live status.

mod silence;
mod snapshot;

use std::time::Duration;

use cli::status::Status;
use common::books::Loss;
use common::time::rate::{self, Rate};
use common::time::{Clock, Micros, Period};
use common::words::how_long;

use self::silence::Silence;
use self::snapshot::Snapshot;
use crate::options::Options;
use crate::publish::Shared;
use crate::source::SourceInfo;

/// Shortest period of the latency of acknowledgements, which otherwise covers the time since the last status.
const PERIOD_MIN: Duration = Duration::from_secs(1);

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

impl Telling {
    pub fn new(about: &SourceInfo, options: &Options, clock: &dyn Clock) -> Telling {
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
        status.update(now, captured, || {
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
    state.recorder.as_ref().map_or(String::new(), |recorder| cli::live::histogram(recorder.timeline(), total))
}

/// Number of frames that the source will have, if known.
fn frames(options: &Options, about: &SourceInfo) -> Option<u64> {
    let cut = || Some((options.source.duration?.as_secs_f64() * about.fps?).ceil() as u64);
    about.frames.or_else(cut)
}
