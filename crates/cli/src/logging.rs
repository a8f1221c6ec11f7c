//! Logs to standard error, as text for people or as JSON for machines, without breaking the progress bar.

mod json;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::{Mutex, OnceLock, PoisonError};

use clap::{Args, ValueEnum};
use common::secret;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tracing::Level;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::{EnvFilter, fmt};

use self::json::JsonLines;
use crate::bar;

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Logging")]
pub struct LogArgs {
    /// Print only warnings, errors and the report at the end
    #[arg(short, long, conflicts_with = "verbose", hide_short_help = true)]
    pub quiet: bool,
    /// Log more; -vv logs everything, frame by frame
    #[arg(short, long, action = clap::ArgAction::Count, hide_short_help = true)]
    pub verbose: u8,
    /// Format of log lines; json: an object with an event, its fields and a message
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", hide_short_help = true)]
    pub log_format: LogFormat,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The crates whose lines are shown at the chosen level; of others, only warnings are.
const OURS: [&str; 20] = [
    "broker",
    "charts",
    "chat",
    "cli",
    "common",
    "consumer",
    "explain",
    "jpeg",
    "kafka",
    "pool",
    "producer",
    "reports",
    "topics",
    "vidbench",
    "vidbroker",
    "vidchat",
    "vidcons",
    "vidprod",
    "vidtopic",
    "web",
];

/// The program's name; set only if its log lines are JSON.
static JSON: OnceLock<&str> = OnceLock::new();

impl LogArgs {
    /// Starts logging. Must be called once, before anything else.
    pub fn init(&self, program: &'static str) {
        let level = match (self.quiet, self.verbose) {
            (true, _) => "warn",
            (false, 0) => "info",
            (false, 1) => "debug",
            (false, _) => "trace",
        };
        let filter = EnvFilter::try_from_env("RUST_LOG").unwrap_or_else(|_| {
            // rdkafka warns that a failed client cannot be closed properly, which is left out, as the failure is
            // reported anyway.
            let ours = OURS.map(|name| format!("{name}={level}")).join(",");
            EnvFilter::new(format!("warn,rdkafka::consumer=off,{ours}"))
        });
        let format = self.log_format;
        let builder =
            fmt().with_env_filter(filter).with_writer(move || AroundTheBar(format)).log_internal_errors(false);
        match format {
            LogFormat::Json => {
                let _ = JSON.set(program);
                std::panic::set_hook(Box::new(print_panic));
                builder.event_format(JsonLines { program }).init();
            }
            LogFormat::Text => {
                let message_only = debug_fn(|writer, field, value| match field.name() {
                    "message" => write!(writer, "{value:?}"),
                    // The message contains the same for people as the fields for scripts.
                    _ => Ok(()),
                });
                let builder = builder.fmt_fields(message_only).with_target(false).with_ansi(false);
                builder.without_time().with_level(self.verbose > 0).init();
            }
        }
    }
}

/// True if the command line asks for JSON. Works before the command line is parsed, and if it cannot be parsed.
pub(crate) fn asks_for_json(args: impl Iterator<Item = OsString>) -> bool {
    let args: Vec<OsString> = args.skip(1).take_while(|arg| arg != "--").collect();
    let in_two = args.windows(2).any(|pair| pair[0] == "--log-format" && pair[1] == "json");
    in_two || args.iter().any(|arg| arg == "--log-format=json")
}

/// Prints log lines in place of standard error.
type LinePrinter = Box<dyn FnMut(&str) + Send>;

static PRINTER: Mutex<Option<LinePrinter>> = Mutex::new(None);

/// Sends log lines through `printer` instead of standard error, for a program in which the user is typing a line; `None` ends
/// that.
pub fn print_through(printer: Option<LinePrinter>) {
    *PRINTER.lock().unwrap_or_else(PoisonError::into_inner) = printer;
}

/// True if every line on standard error is to be JSON.
pub(crate) fn is_json() -> bool {
    JSON.get().is_some()
}

/// Prints the error that makes a program end with 1, in one line.
pub(crate) fn print_error(message: &str) {
    print(Level::ERROR, "error", message, Map::new(), || format!("error: {message}\n"));
}

/// Prints a report, even with `-q`, as text or as one line of JSON.
pub fn print_report(report: &(impl Display + Serialize)) {
    let text = report.to_string();
    let fields = json::fields(&json!({ "report": report }));
    print(Level::INFO, "report", text.trim_end(), fields, || text.clone());
}

/// Logs the status at `info`, like any other line, with all its figures.
pub(crate) fn log_status(message: &str, figures: &impl Serialize) {
    match JSON.get() {
        None => tracing::info!("{message}"),
        Some(_) if !tracing::enabled!(Level::INFO) => {}
        Some(program) => print_line(program, Level::INFO, "status", message, json::fields(figures)),
    }
}

/// Prints a usage error, before logging has started.
pub(crate) fn print_usage_error(program: &str, message: &str) {
    print_line(program, Level::ERROR, "usage_error", message, Map::new());
}

fn print_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
    let message = format!("thread {thread} {}", one_line(&panic.to_string()));
    print(Level::ERROR, "panic", &message, Map::from_iter([("thread".to_owned(), thread.into())]), String::new);
}

/// Prints a line that does not depend on the log level.
fn print(level: Level, event: &str, message: &str, fields: Map<String, Value>, text: impl FnOnce() -> String) {
    match JSON.get() {
        Some(program) => print_line(program, level, event, message, fields),
        None => {
            let _ = AroundTheBar(LogFormat::Text).write_all(text().as_bytes());
        }
    }
}

fn print_line(program: &str, level: Level, event: &str, message: &str, fields: Map<String, Value>) {
    let line = json::line(program, level, event, message, fields);
    let _ = AroundTheBar(LogFormat::Json).write_all(line.as_bytes());
}

/// Joins lines, because error texts of libraries may contain line breaks.
pub(crate) fn one_line(text: &str) -> String {
    text.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Standard error; the status line is hidden while something is written. Each message is written in one piece, so that
/// it is never split. Secrets are removed from text here, and from JSON when a line is made.
#[derive(Clone, Copy, Debug)]
struct AroundTheBar(LogFormat);

impl Write for AroundTheBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let shown = match self.0 {
            LogFormat::Text => secret::hide(&text),
            LogFormat::Json => text,
        };
        if let Some(print) = &mut *PRINTER.lock().unwrap_or_else(PoisonError::into_inner) {
            print(shown.trim_end());
            return Ok(bytes.len());
        }
        // A closed standard error must not stop the program.
        let _ = bar::suspended(|| io::stderr().write_all(shown.as_bytes()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line() {
        assert_eq!(one_line("a: b\n  c\n\n"), "a: b c");
    }

    #[test]
    fn json_is_seen_before_the_command_line_is_parsed() {
        let check = |args: &str, expected| {
            let args = ["vidprod"].into_iter().chain(args.split_whitespace()).map(OsString::from);
            assert_eq!(asks_for_json(args), expected);
        };
        check("test --log-format json --no-such-option", true);
        check("--log-format=json", true);
        check("--log-format text", false);
        check("test json", false);
        check("--log-format", false);
        check("-- --log-format json", false);
    }
}
