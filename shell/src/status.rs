//! The live status: a progress bar and a line that are drawn over on a terminal, else one line a second at `info`.

use std::io::{self, IsTerminal};
use std::sync::Mutex;
use std::time::Duration;

use common::clock::Micros;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use unicode_width::UnicodeWidthChar;

/// How often the status is told.
const TERMINAL_EVERY: Duration = Duration::from_millis(250);
const LOG_EVERY: Duration = Duration::from_secs(1);
/// Of the progress bar, in characters.
const PROGRESS: u64 = 20;

/// The bar on the terminal, so that log lines can be written around it.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Runs `write` while no bar is drawn, so that what it writes to the terminal gets a line of its own.
pub fn suspended<T>(write: impl FnOnce() -> T) -> T {
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
    frames: Option<u64>,
    every: Duration,
    next: Micros,
    last: String,
}

impl Status {
    /// `frames`: how many there will be, where that is known. `shown`: whether a person wants it (not with `-q`).
    pub fn new(frames: Option<u64>, shown: bool) -> Status {
        let bar = (shown && io::stderr().is_terminal()).then(bar);
        if let Ok(mut slot) = BAR.lock() {
            slot.clone_from(&bar);
        }
        let every = if bar.is_some() { TERMINAL_EVERY } else { LOG_EVERY };
        Status { bar, frames, every, next: Micros(0), last: String::new() }
    }

    /// Whether it is drawn over, so that more than one line may be told.
    pub fn is_drawn(&self) -> bool {
        self.bar.is_some()
    }

    /// Tells `text` if it is time.
    pub fn tell(&mut self, now: Micros, frames: u64, text: impl FnOnce() -> String) {
        if now < self.next {
            return;
        }
        let first = self.next == Micros(0);
        self.next = now.plus(self.every);
        match &self.bar {
            Some(bar) => {
                let text = self.frames.map_or(String::new(), |all| progress(frames, all)) + &text();
                bar.set_message(fitted(&text, terminal_size()));
                bar.tick();
            }
            None if first => {} // nothing to tell yet
            None => self.log(text()),
        }
    }

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

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    bar.with_style(ProgressStyle::with_template("{msg}").expect("the template is ours"))
}

fn progress(done: u64, all: u64) -> String {
    let full = (PROGRESS * done.min(all)).checked_div(all).unwrap_or(0) as usize;
    format!("{}{} {done}/{all}  ", "█".repeat(full), "░".repeat(PROGRESS as usize - full))
}

/// Columns and rows.
fn terminal_size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    }
}

/// As much of a text as a terminal takes without wrapping or scrolling: what is drawn over must stay where it is.
fn fitted(text: &str, (columns, rows): (usize, usize)) -> String {
    let lines: Vec<String> =
        text.lines().take(rows.saturating_sub(1).max(1)).map(|line| cut(line, columns - 1)).collect();
    lines.join("\n")
}

/// The last column stays free, as some terminals wrap when it is written.
fn cut(line: &str, columns: usize) -> String {
    let mut left = columns;
    let fits = |c: &char| {
        let width = c.width().unwrap_or(0);
        let fits = width <= left;
        left = if fits { left - width } else { 0 };
        fits
    };
    line.chars().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let check = |text: &str, size, expected: &str| assert_eq!(fitted(text, size), expected);
        check("lobby  30.0 fps", (10, 24), "lobby  30");
        check("lobby  30.0 fps", (80, 24), "lobby  30.0 fps");
        check("玄関玄関  30.0 fps", (6, 24), "玄関");
        check("one\ntwo\nthree", (80, 3), "one\ntwo");
        check("one\ntwo", (1, 1), "");
    }

    #[test]
    fn progress_goes_from_nothing_to_all() {
        assert_eq!(progress(0, 100), format!("{} 0/100  ", "░".repeat(20)));
        assert_eq!(progress(55, 100), format!("{}{} 55/100  ", "█".repeat(11), "░".repeat(9)));
        assert_eq!(progress(120, 100), format!("{} 120/100  ", "█".repeat(20)));
        assert_eq!(progress(0, 0), format!("{} 0/0  ", "░".repeat(20)));
    }
}
