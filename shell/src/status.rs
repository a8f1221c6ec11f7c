//! The live status: a progress bar or a line that is drawn over on a terminal, else one line a second at `info`.

use std::io::{self, IsTerminal};
use std::sync::Mutex;
use std::time::Duration;

use common::clock::Micros;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the status is told.
const TERMINAL_EVERY: Duration = Duration::from_millis(200);
const LOG_EVERY: Duration = Duration::from_secs(1);

/// The bar on the terminal, so that log lines can be written around it.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Runs `write` while no bar is drawn.
pub(crate) fn suspended<T>(write: impl FnOnce() -> T) -> T {
    let bar = BAR.lock().ok().and_then(|bar| bar.clone());
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// A status that is told at intervals.
#[derive(Debug)]
pub struct Status {
    bar: Option<ProgressBar>,
    every: Duration,
    next: Micros,
    last: String,
}

impl Status {
    /// `frames`: how many there will be, where that is known. `shown`: whether a person wants it (not with `-q`).
    pub fn new(frames: Option<u64>, shown: bool) -> Status {
        let bar = (shown && io::stderr().is_terminal()).then(|| bar(frames));
        if let Ok(mut slot) = BAR.lock() {
            slot.clone_from(&bar);
        }
        let every = if bar.is_some() { TERMINAL_EVERY } else { LOG_EVERY };
        Status { bar, every, next: Micros(0), last: String::new() }
    }

    /// Tells `line` if it is time.
    pub fn tell(&mut self, now: Micros, frames: u64, line: impl FnOnce() -> String) {
        if now < self.next {
            return;
        }
        let first = self.next == Micros(0);
        self.next = now.plus(self.every);
        match &self.bar {
            Some(bar) => {
                bar.set_position(frames);
                bar.set_message(line());
                bar.tick();
            }
            None if first => {} // nothing to tell yet
            None => self.log(line()),
        }
    }
}

impl Status {
    /// A line that says the same as the last one is not repeated.
    fn log(&mut self, line: String) {
        if line != self.last {
            tracing::info!("{line}");
            self.last = line;
        }
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        if let Ok(mut slot) = BAR.lock() {
            *slot = None;
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(frames: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(frames, ProgressDrawTarget::stderr_with_hz(10));
    let template = match frames {
        Some(_) => "{bar:24} {pos}/{len} {msg}",
        None => "{msg}",
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is ours"))
}
