//! What every program has around it: logging, Ctrl-C, the live status line, and where reports go.

pub mod live;
pub mod logging;
pub mod machine;
pub mod memory;
pub mod output;
pub mod recorder;
pub mod report;
pub mod shutdown;
pub mod status;
pub mod values;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser};
pub use clap_complete::Shell;
use common::secret;

/// Runs a program's `main` and turns its outcome into an exit code: 0, or 1 with the error chain on one line.
///
/// Usage errors are clap's: it prints them and exits with 2 before this.
pub fn outcome(result: anyhow::Result<ExitCode>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) => {
            logging::print_error(&one_line(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

/// How a run ended whose reports were `told`: its own trouble goes before that of the reports, which is told as well.
pub fn ended(trouble: Option<anyhow::Error>, told: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    match (trouble, told) {
        (None, told) => told.map(|()| ExitCode::SUCCESS),
        (Some(trouble), told) => {
            if let Err(error) = told {
                tracing::warn!("{error:#}");
            }
            Err(trouble)
        }
    }
}

/// Errors of other people's libraries may come with line breaks.
fn one_line(text: &str) -> String {
    text.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Parses the command line. A usage error is printed without secrets, and ends the program with 2.
pub fn parse<C: Parser>() -> C {
    C::try_parse().unwrap_or_else(|error| without_secrets(error).exit())
}

/// clap repeats what was typed, in the parts of a message that it calls its context.
fn without_secrets(mut error: clap::Error) -> clap::Error {
    let hide = |text: &String| secret::hide(text).into_owned();
    let hidden = |value: &ContextValue| match value {
        ContextValue::String(text) => Some(ContextValue::String(hide(text))),
        ContextValue::Strings(texts) => Some(ContextValue::Strings(texts.iter().map(hide).collect())),
        _ => None,
    };
    let shown: Vec<(ContextKind, ContextValue)> =
        error.context().filter_map(|(kind, value)| Some((kind, hidden(value)?))).collect();
    for (kind, value) in shown {
        error.insert(kind, value);
    }
    error
}

/// Prints the completions of a program for `--completions SHELL`.
pub fn print_completions<C: CommandFactory>(shell: Shell) {
    let mut command = C::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut std::io::stdout());
}

/// A usage error that clap cannot see by itself; exits with 2.
pub fn usage_error<C: CommandFactory>(message: impl std::fmt::Display) -> ! {
    C::command().error(clap::error::ErrorKind::ArgumentConflict, message).exit()
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
    fn a_usage_error_does_not_repeat_a_password() {
        #[derive(Parser, Debug)]
        struct Cli {
            input: String,
            #[arg(short)]
            number: Option<u8>,
        }
        let refused = |args: &[&str]| {
            let error = Cli::try_parse_from([&["program"], args].concat()).expect_err("it is wrong");
            without_secrets(error).to_string()
        };
        let twice = refused(&["a", "rtsp://me:hunter2@cam/"]);
        assert!(twice.contains("rtsp://me:(hidden)@cam/") && !twice.contains("hunter2"), "{twice}");
        let number = refused(&["a", "-n", "sasl.password=hunter2"]);
        assert!(number.contains("sasl.password=(hidden)") && !number.contains("hunter2"), "{number}");
    }

    #[test]
    fn an_error_is_one_line() {
        assert_eq!(one_line("a: b\n  c\n\n"), "a: b c");
    }
}
