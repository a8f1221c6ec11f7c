//! vidprod's live status.

mod silence;
mod snapshot;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use cli::status::Status;
use common::books::Loss;
use common::time::rate::{self, Rate};
use common::time::{Micros, Period};
use common::words::how_long;

use producer::FramePublisher;
use producer::source::SourceInfo;

use self::silence::BrokerWatch;
pub use self::snapshot::BrokerSilence;
use self::snapshot::StatusFigures;
use crate::options::Options;

/// Shortest period of the latency of acknowledgements, which otherwise covers the time since the last status.
const PERIOD_MIN: Duration = Duration::from_secs(1);

/// The status line, with the state from which its figures are computed.
#[derive(Debug)]
pub struct StatusReporter {
    status: Status,
    /// True if the histogram is drawn below the line.
    live: bool,
    figures: Figures,
}

#[derive(Debug)]
struct Figures {
    source: String,
    topic: String,
    session: usize,
    quality: Arc<AtomicU8>,
    began: Micros,
    rate: Rate,
    period: Period,
    silence: BrokerWatch,
}

impl StatusReporter {
    /// Reports on the session with this number.
    pub fn new(
        info: &SourceInfo,
        options: &Options,
        session: usize,
        quality: Arc<AtomicU8>,
        began: Micros,
    ) -> StatusReporter {
        let status = Status::new(frames(options, info), options.status_every);
        let period = options.status_every.filter(|_| !status.is_drawn()).unwrap_or_default().max(PERIOD_MIN);
        StatusReporter {
            live: options.cli.reports.live_histogram && status.is_drawn(),
            status,
            figures: Figures {
                source: options.source.name.clone(),
                topic: options.topic.topic.name.clone(),
                session,
                quality,
                began,
                rate: Rate::default(),
                period: Period::new(period, began),
                silence: BrokerWatch::default(),
            },
        }
    }

    /// JPEG quality of the newest frame; `None` if it was passed through.
    pub fn quality(&self) -> Option<u8> {
        self.figures.quality()
    }

    /// The present silence of the broker, as of the last [`report`](StatusReporter::report), if it is silent.
    pub fn broker_silence(&self, now: Micros, cause: &dyn Fn() -> Option<String>) -> Option<BrokerSilence> {
        self.figures.silence.now(cause, now)
    }

    /// Updates the status, if it is time. `cause` returns the reason why no broker is connected.
    pub fn report(&mut self, publisher: &FramePublisher, now: Micros, cause: &dyn Fn() -> Option<String>) {
        let StatusReporter { status, live, figures } = self;
        let captured = figures.look(publisher, now, cause);
        status.update(now, captured, || {
            let snapshot = figures.snapshot(publisher, now, cause);
            let histogram = if *live { histogram(publisher, figures.session) } else { String::new() };
            (snapshot.line() + &histogram, snapshot)
        });
    }
}

impl Figures {
    /// Updates rate and silence, and logs when the broker falls silent or is back. Returns the number of frames
    /// captured so far.
    fn look(&mut self, publisher: &FramePublisher, now: Micros, cause: &dyn Fn() -> Option<String>) -> u64 {
        let (captured, acknowledged) = publisher.with_books(self.session, |books| {
            self.rate.note(books.published_at, books.published, books.bytes);
            (books.captured, books.acknowledged)
        });
        if let Some(silent) = self.silence.note(publisher.silence(now), acknowledged, now) {
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

    fn quality(&self) -> Option<u8> {
        Some(self.quality.load(Ordering::Relaxed)).filter(|quality| *quality > 0)
    }

    fn snapshot(
        &mut self,
        publisher: &FramePublisher,
        now: Micros,
        cause: &dyn Fn() -> Option<String>,
    ) -> StatusFigures {
        let silence = self.silence.now(cause, now);
        // The frame threads need this lock, so the slow work is done without it.
        let (published, bytes, ack) =
            publisher.with_books(self.session, |books| (books.published, books.bytes, books.ack.clone()));
        let of_period = self.period.look(now, published, bytes, Some(&ack));
        let (fps, bytes_per_second) = if self.period.is_long() {
            (of_period.fps, of_period.bytes_per_second)
        } else {
            let rate = self.rate.at(now).unwrap_or_default();
            (rate.frames, rate.bytes as u64)
        };
        publisher.with_books(self.session, |books| StatusFigures {
            source: self.source.clone(),
            topic: self.topic.clone(),
            seconds: now.since(self.began).as_secs_f64(),
            silence,
            frames: books.captured,
            acknowledged: books.acknowledged,
            fps: rate::rounded(fps),
            bytes_per_second,
            latency: of_period.latency,
            quality: self.quality(),
            dropped: books.losses.sum(),
            drops: books.losses.by_reason(&Loss::PRODUCER),
        })
    }
}

/// The histogram of the latency from due to published, of the acknowledged frames.
fn histogram(publisher: &FramePublisher, session: usize) -> String {
    let drawn =
        publisher.with_timeline(session, |books, timeline| cli::live::histogram(timeline, &books.latencies.total));
    drawn.unwrap_or_default()
}

/// Number of frames that the source will have, if known.
fn frames(options: &Options, info: &SourceInfo) -> Option<u64> {
    let cut = || Some((options.source.duration?.as_secs_f64() * info.fps?).ceil() as u64);
    info.frames.or_else(cut)
}
