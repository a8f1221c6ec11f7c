//! Words to standard error: text for people, or JSON for machines; never through the middle of a progress bar.

use std::io::{self, Write};
use std::sync::OnceLock;

use clap::{Args, ValueEnum};
use common::report::Report;
use common::secret;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::{EnvFilter, fmt};

use crate::status;

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Words")]
pub struct LogArgs {
    /// Say nothing but errors, and the report at the end
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more; twice: everything, frame by frame
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How log lines look
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Whether the last error goes out as JSON too.
static JSON: OnceLock<bool> = OnceLock::new();

impl LogArgs {
    /// Starts logging; call it once, first.
    pub fn init(&self) {
        let level = match (self.quiet, self.verbose) {
            (true, _) => "error",
            (false, 0) => "info",
            (false, 1) => "debug",
            (false, _) => "trace",
        };
        let filter = EnvFilter::try_from_env("RUST_LOG").unwrap_or_else(|_| {
            EnvFilter::new(format!(
                "warn,broker={level},common={level},jpeg={level},kafka={level},shell={level},vidbroker={level},vidprod={level},\
                 vidcons={level},vidbench={level}"
            ))
        });
        let builder =
            fmt().with_env_filter(filter).with_writer(AroundTheBar).with_target(false).log_internal_errors(false);
        let _ = JSON.set(self.log_format == LogFormat::Json);
        match self.log_format {
            LogFormat::Json => builder.json().flatten_event(true).init(),
            LogFormat::Text => builder.with_ansi(false).without_time().with_level(self.verbose > 0).init(),
        }
    }
}

/// The one line that says why a program ends with 1.
pub(crate) fn print_error(message: &str) {
    if JSON.get() == Some(&true) {
        tracing::error!("{message}");
    } else {
        let _ = AroundTheBar.write_all(format!("error: {message}\n").as_bytes());
    }
}

/// The report in words, or as one line of JSON among others. Nobody may be reading any more: that is no error.
pub(crate) fn print_report(report: &Report) {
    let text = match JSON.get() {
        Some(true) => format!("{}\n", serde_json::json!({ "report": report })),
        _ => report.to_string(),
    };
    let _ = AroundTheBar.write_all(text.as_bytes());
}

/// Standard error, with the status line out of the way while something is written, and without secrets. A message is
/// written in one piece, so that none is cut in two.
#[derive(Clone, Copy, Debug)]
struct AroundTheBar;

impl Write for AroundTheBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let shown = secret::hide(&text);
        // Nobody may be reading any more: that must not stop what the program is there for.
        let _ = status::suspended(|| io::stderr().write_all(shown.as_bytes()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for AroundTheBar {
    type Writer = AroundTheBar;

    fn make_writer(&'a self) -> AroundTheBar {
        AroundTheBar
    }
}
