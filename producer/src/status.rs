//! What vidprod says while it runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::clock::{Clock, Micros};
use common::report::bytes;
use shell::status::Status;

use crate::publish::Shared;
use crate::source::About;

const EVERY: Duration = Duration::from_millis(50);

/// What the rates are told from: the last telling.
#[derive(Clone, Copy, Debug)]
struct Told {
    at: Micros,
    frames: u64,
    bytes: u64,
}

/// Tells how it goes until `done`.
pub fn watch(shared: &Shared, about: &About, shown: bool, clock: &dyn Clock, done: &AtomicBool, quality: u8) {
    let mut status = Status::new(about.frames, shown);
    let began = clock.now();
    let mut told = Told { at: began, frames: 0, bytes: 0 };
    while !done.load(Ordering::Relaxed) {
        let now = clock.now();
        let captured = shared.lock().books.captured;
        status.tell(now, captured, || {
            let (line, next) = line(shared, began, now, told, quality);
            told = next;
            line
        });
        clock.sleep_until(now.plus(EVERY));
    }
}

fn line(shared: &Shared, began: Micros, now: Micros, told: Told, quality: u8) -> (String, Told) {
    let state = shared.lock();
    let books = &state.books;
    let next = Told { at: now, frames: books.published, bytes: books.bytes };
    let seconds = now.since(told.at).as_secs_f64().max(0.001);
    let fps = (next.frames - told.frames) as f64 / seconds;
    let rate = ((next.bytes - told.bytes) as f64 / seconds) as u64;
    let ack = books.ack.histogram();
    let ack_ms = |q: f64| ack.value_at_quantile(q) as f64 / 1000.0;
    let line = format!(
        "{:.1} s  {fps:.1} fps  {}/s  quality {quality}  frame {}  dropped {}  acknowledged {} in p50 {:.1} p99 {:.1} ms",
        now.since(began).as_secs_f64(),
        bytes(rate),
        books.captured,
        state.dropped(),
        books.acknowledged,
        ack_ms(0.5),
        ack_ms(0.99),
    );
    (line, next)
}
