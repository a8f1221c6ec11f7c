//! What vidprod says while it runs.

use common::clock::{Clock, Micros};
use common::report::bytes;
use shell::status::Status;

use crate::options::Options;
use crate::publish::Shared;
use crate::source::About;

/// What is told, and what its rates are told from: the last telling.
#[derive(Debug)]
pub struct Telling {
    status: Status,
    /// Whether the histogram is drawn below the line.
    live: bool,
    began: Micros,
    told: Told,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    at: Micros,
    frames: u64,
    bytes: u64,
}

impl Telling {
    pub fn new(about: &About, options: &Options, clock: &dyn Clock) -> Telling {
        let began = clock.now();
        let status = Status::new(frames(options, about), !options.quiet);
        Telling {
            live: options.live_histogram && status.is_drawn(),
            status,
            began,
            told: Told { at: began, frames: 0, bytes: 0 },
        }
    }

    /// Tells how it goes, if it is time.
    pub fn tell(&mut self, shared: &Shared, now: Micros) {
        let captured = shared.lock().books.captured;
        let Telling { status, live, began, told } = self;
        status.tell(now, captured, || {
            let (mut text, next) = line(shared, *began, now, *told);
            *told = next;
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

fn line(shared: &Shared, began: Micros, now: Micros, told: Told) -> (String, Told) {
    let state = shared.lock();
    let books = &state.books;
    let next = Told { at: now, frames: books.published, bytes: books.bytes };
    let seconds = now.since(told.at).as_secs_f64().max(0.001);
    let fps = (next.frames - told.frames) as f64 / seconds;
    let rate = ((next.bytes - told.bytes) as f64 / seconds) as u64;
    let ack = books.ack.histogram();
    let ack_ms = |q: f64| ack.value_at_quantile(q) as f64 / 1000.0;
    let silent =
        state.silence(now).map_or(String::new(), |s| format!("  the broker is silent for {:.0} s", s.as_secs_f64()));
    let line = format!(
        "{:.1} s  {fps:.1} fps  {}/s  quality {}  frame {}  dropped {}  acknowledged {} in p50 {:.1} p99 {:.1} ms{silent}",
        now.since(began).as_secs_f64(),
        bytes(rate),
        state.quality,
        books.captured,
        state.dropped(),
        books.acknowledged,
        ack_ms(0.5),
        ack_ms(0.99),
    );
    (line, next)
}
