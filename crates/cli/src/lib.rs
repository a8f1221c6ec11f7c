//! The parts that all programs share: logging, Ctrl-C, the live status line, and the output of reports.

mod bar;
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

pub use self::bar::suspended;
pub use self::usage::{Shell, parse, print_completions, usage_error};

/// Turns the result of a program's `main` into an exit code: 0, or 1 after printing the error chain on one line.
///
/// Usage errors end the program with 2 before this.
pub fn outcome(result: anyhow::Result<ExitCode>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) => {
            logging::print_error(&logging::one_line(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

/// The result of a program from the results of its run and of writing its reports. If both failed, the run's error is
/// returned and the report's is logged as a warning.
pub fn exit_code(run_error: Option<anyhow::Error>, reports: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    match (run_error, reports) {
        (None, reports) => reports.map(|()| ExitCode::SUCCESS),
        (Some(run_error), reports) => {
            if let Err(error) = reports {
                tracing::warn!(event = "report_failed", "{error:#}");
            }
            Err(run_error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_run_goes_before_that_of_its_reports() {
        let error = |run: Option<&'static str>, reports: Result<(), &'static str>| {
            let result = exit_code(run.map(anyhow::Error::msg), reports.map_err(anyhow::Error::msg));
            result.map_err(|error| error.to_string()).err()
        };
        assert_eq!(error(None, Ok(())), None);
        assert_eq!(error(None, Err("full")).as_deref(), Some("full"));
        assert_eq!(error(Some("gone"), Ok(())).as_deref(), Some("gone"));
        assert_eq!(error(Some("gone"), Err("full")).as_deref(), Some("gone"));
    }
}
