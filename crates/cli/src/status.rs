//! The live status: a progress bar and a line that is redrawn on a terminal, otherwise a log line at `info` now and
//! then.

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::Args;
use common::time::Micros;
use console::{Term, truncate_str};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::logging::{self, LogArgs};
use crate::values::DurationArg;

/// Interval at which a terminal is redrawn.
const TERMINAL_EVERY: Duration = Duration::from_millis(250);
/// Shortest interval between status lines in the log.
const LOG_EVERY_MIN: Duration = Duration::from_millis(100);
/// Width of the progress bar, in characters.
const PROGRESS: u64 = 20;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logging")]
pub struct StatusArgs {
    /// Interval between status lines, as in 10s or 1m; never, 0 and -q turn them off
    ///
    /// Rates and latencies cover the time since the last line; if that is short, the last 2 s. On a terminal the status is
    /// redrawn in place instead.
    #[arg(allow_hyphen_values = true, long, hide_short_help = true, default_value = "1s", value_name = "TIME|never", value_parser = every)]
    pub status_every: Every,
}

/// Interval of the status; `None` for never.
type Every = Option<Duration>;

impl StatusArgs {
    /// Interval at which the status is logged. `None`: it is neither logged nor drawn.
    pub fn every(&self, log: &LogArgs) -> Option<Duration> {
        self.status_every.filter(|_| !log.quiet)
    }
}

fn every(text: &str) -> Result<Every, String> {
    if text == "never" {
        return Ok(None);
    }
    match text.parse().map(DurationArg::duration) {
        Ok(Duration::ZERO) => Ok(None),
        Ok(every) if every >= LOG_EVERY_MIN => Ok(Some(every)),
        _ => Err("write a time of at least 100ms, as in 10s or 1m, or 'never'".to_owned()),
    }
}

/// A status that is drawn or logged at intervals.
#[derive(Debug)]
pub struct Status {
    bar: Option<ProgressBar>,
    frames: Option<u64>,
    /// Interval between updates; `None` for never.
    every: Option<Duration>,
    next: Micros,
    last: String,
}

impl Status {
    /// `frames` is the number of frames to come, if known. `every` is the interval in the log if the status is not
    /// drawn; with `None` it is neither logged nor drawn.
    pub fn new(frames: Option<u64>, every: Option<Duration>) -> Status {
        let drawn = every.is_some() && !logging::is_json() && io::stderr().is_terminal();
        let bar = drawn.then(bar);
        crate::bar::set(bar.clone());
        let every = if drawn { Some(TERMINAL_EVERY) } else { every };
        Status { bar, frames, every, next: Micros(0), last: String::new() }
    }

    /// True if the status is redrawn on a terminal, so that it may have more than one line.
    pub fn is_drawn(&self) -> bool {
        self.bar.is_some()
    }

    /// Draws or logs the status if it is time: its text, and in JSON its figures too.
    pub fn update<F: Serialize>(&mut self, now: Micros, frames: u64, status: impl FnOnce() -> (String, F)) {
        let Some(every) = self.every.filter(|_| now >= self.next) else { return };
        let first = self.next == Micros(0);
        self.next = now.plus(every);
        match &self.bar {
            Some(bar) => {
                let text = self.frames.map_or(String::new(), |all| progress(frames, all)) + &status().0;
                bar.set_message(fitted(&text, Term::stderr().size()));
                bar.tick();
            }
            None if first => {} // there are no figures yet
            None => self.log(status()),
        }
    }

    /// Logs a line. A text that is the same as the last one is left out. JSON is not: its figures may differ, and a line at
    /// each interval shows that the program runs.
    fn log(&mut self, (line, figures): (String, impl Serialize)) {
        if line != self.last || logging::is_json() {
            logging::log_status(&line, &figures);
            self.last = line;
        }
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        crate::bar::set(None);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    bar.with_style(ProgressStyle::with_template("{msg}").expect("the template is ours"))
}

/// The progress as text. indicatif could draw a bar of its own before the message, but the message is cut to the terminal's
/// width and would then have to know how wide that bar is.
fn progress(done: u64, all: u64) -> String {
    let full = (PROGRESS * done.min(all)).checked_div(all).unwrap_or(0) as usize;
    format!("{}{} {done}/{all}  ", "█".repeat(full), "░".repeat(PROGRESS as usize - full))
}

/// The part of a text that fits on a terminal without wrapping or scrolling, so that it can be redrawn in place. The last
/// column stays free, because some terminals wrap when it is written.
fn fitted(text: &str, (rows, columns): (u16, u16)) -> String {
    let lines = text.lines().take(usize::from(rows - 1).max(1));
    lines.map(|line| truncate_str(line, usize::from(columns - 1), "")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let check = |text: &str, size, expected: &str| assert_eq!(fitted(text, size), expected);
        check("lobby  30.0 fps", (24, 10), "lobby  30");
        check("lobby  30.0 fps", (24, 80), "lobby  30.0 fps");
        check("玄関玄関  30.0 fps", (24, 6), "玄関");
        check("one\ntwo\nthree", (3, 80), "one\ntwo");
        check("one\ntwo", (1, 1), "");
    }

    #[test]
    fn the_status_may_be_rare_or_never() {
        let check = |text: &str, ms: Option<Option<u64>>| {
            let every = every(text).ok().map(|every| every.map(|time| time.as_millis() as u64));
            assert_eq!(every, ms, "{text}");
        };
        check("10s", Some(Some(10_000)));
        check("1m", Some(Some(60_000)));
        check("0.5", Some(Some(500)));
        check("0", Some(None));
        check("never", Some(None));
        check("1ms", None);
        check("-1", None);
        check("often", None);
    }

    #[test]
    fn a_quiet_program_has_no_status() {
        let (quiet, usual) = (LogArgs { quiet: true, ..LogArgs::default() }, LogArgs::default());
        let status = StatusArgs { status_every: Some(Duration::from_secs(10)) };
        assert_eq!((status.every(&quiet), status.every(&usual)), (None, Some(Duration::from_secs(10))));
    }

    #[test]
    fn progress_goes_from_nothing_to_all() {
        assert_eq!(progress(0, 100), format!("{} 0/100  ", "░".repeat(20)));
        assert_eq!(progress(55, 100), format!("{}{} 55/100  ", "█".repeat(11), "░".repeat(9)));
        assert_eq!(progress(120, 100), format!("{} 120/100  ", "█".repeat(20)));
        assert_eq!(progress(0, 0), format!("{} 0/0  ", "░".repeat(20)));
    }
}
