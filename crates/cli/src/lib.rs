//! The parts that all programs share: logging, Ctrl-C, the live status line, and the output of reports.

pub mod kinds;
pub mod live;
pub mod logging;
pub mod machine;
pub mod memory;
pub mod output;
pub mod shutdown;
pub mod signs;
pub mod status;
mod usage;
pub mod values;

use std::process::ExitCode;

pub use self::usage::{Shell, parse, print_completions, usage_error};

/// Turns the result of a program's `main` into an exit code: 0, or 1 after printing the error chain on one line.
///
/// Usage errors end the program with 2 before this.
pub fn outcome(result: anyhow::Result<ExitCode>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) => {
            logging::print_error(&one_line(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

/// The result of a run. Its own error takes precedence over that of its reports, which is then logged as a warning.
pub fn ended(trouble: Option<anyhow::Error>, told: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    match (trouble, told) {
        (None, told) => told.map(|()| ExitCode::SUCCESS),
        (Some(trouble), told) => {
            if let Err(error) = told {
                tracing::warn!(event = "report_failed", "{error:#}");
            }
            Err(trouble)
        }
    }
}

/// Joins lines, because error texts of libraries may contain line breaks.
fn one_line(text: &str) -> String {
    text.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trouble_of_a_run_goes_before_that_of_its_reports() {
        let words = |trouble: Option<&'static str>, told: Result<(), &'static str>| {
            let ended = ended(trouble.map(anyhow::Error::msg), told.map_err(anyhow::Error::msg));
            ended.map_err(|error| error.to_string()).err()
        };
        assert_eq!(words(None, Ok(())), None);
        assert_eq!(words(None, Err("full")).as_deref(), Some("full"));
        assert_eq!(words(Some("gone"), Ok(())).as_deref(), Some("gone"));
        assert_eq!(words(Some("gone"), Err("full")).as_deref(), Some("gone"));
    }

    #[test]
    fn an_error_is_one_line() {
        assert_eq!(one_line("a: b\n  c\n\n"), "a: b c");
    }
}
