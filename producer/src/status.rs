//! What vidprod says while it runs.

use common::clock::{Clock, Micros};
use common::rate::{self, Rate};
use common::report::bytes;
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
}

impl Telling {
    pub fn new(about: &About, options: &Options, clock: &dyn Clock) -> Telling {
        let began = clock.now();
        let status = Status::new(frames(options, about), !options.quiet);
        Telling { live: options.live_histogram && status.is_drawn(), status, began, rate: Rate::default() }
    }

    /// Shows how it goes, if it is time.
    pub fn tell(&mut self, shared: &Shared, now: Micros) {
        let Telling { status, live, began, rate } = self;
        let captured = {
            let books = &shared.lock().books;
            rate.note(books.published_at, books.published, books.bytes);
            books.captured
        };
        status.tell(now, captured, || {
            let mut text = line(shared, *began, now, rate);
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

fn line(shared: &Shared, began: Micros, now: Micros, rate: &Rate) -> String {
    let state = shared.lock();
    let books = &state.books;
    let rate = rate.at(now).unwrap_or_default();
    let ack = books.ack.histogram();
    let ack_ms = |q: f64| ack.value_at_quantile(q) as f64 / 1000.0;
    let silent =
        state.silence(now).map_or(String::new(), |s| format!("  the broker is silent for {:.0} s", s.as_secs_f64()));
    format!(
        "{:.1} s  {}  {}/s  quality {}  frame {}  dropped {}  acknowledged {} in p50 {:.1} p99 {:.1} ms{silent}",
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
