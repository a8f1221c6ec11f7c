//! Parses the command line, prints usage errors, and prints shell completions.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
pub use clap_complete::Shell;
use common::secret;

use crate::logging;

/// Parses the command line. A usage error is printed without secrets, and ends the program with exit code 2.
pub fn parse<C: Parser>() -> C {
    C::try_parse().unwrap_or_else(|error| end_with::<C>(&without_secrets(error)))
}

/// Prints a usage error that clap cannot detect by itself, and exits with 2.
pub fn usage_error<C: CommandFactory>(message: impl std::fmt::Display) -> ! {
    end_with::<C>(&C::command().error(ErrorKind::ArgumentConflict, message))
}

/// Prints the shell completions of a program for `--completions SHELL`.
pub fn print_completions<C: CommandFactory>(shell: Shell) {
    let mut command = C::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut std::io::stdout());
}

/// Prints a usage error, or the text of `--help` or `--version`, and ends the program.
fn end_with<C: CommandFactory>(error: &clap::Error) -> ! {
    if error.use_stderr() && logging::asks_for_json(std::env::args_os()) {
        logging::print_usage_error(C::command().get_name(), &in_one_line(&error.to_string()));
        std::process::exit(error.exit_code())
    }
    error.exit()
}

/// Returns clap's message in one line, without its heading and its reminder of the usage.
fn in_one_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let end = ["\nUsage:", "\nFor more information"].iter().filter_map(|tail| text.find(tail)).min();
    let lines = text[..end.unwrap_or(text.len())].lines().map(str::trim).filter(|line| !line.is_empty());
    lines.fold(String::new(), |joined, line| match joined.as_str() {
        "" => line.to_owned(),
        _ if joined.ends_with(':') => joined + " " + line,
        _ => joined + "; " + line,
    })
}

/// clap repeats the arguments in its error message, in the parts that it calls context; secrets are hidden there.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Parser, Debug)]
    struct Cli {
        input: String,
        #[arg(short, long)]
        number: Option<u8>,
    }

    fn refused(args: &[&str]) -> String {
        let error = Cli::try_parse_from([&["program"], args].concat()).expect_err("it is wrong");
        without_secrets(error).to_string()
    }

    #[test]
    fn a_usage_error_does_not_repeat_a_password() {
        let twice = refused(&["a", "rtsp://me:hunter2@cam/"]);
        assert!(twice.contains("rtsp://me:(hidden)@cam/") && !twice.contains("hunter2"), "{twice}");
        let number = refused(&["a", "-n", "sasl.password=hunter2"]);
        assert!(number.contains("sasl.password=(hidden)") && !number.contains("hunter2"), "{number}");
    }

    #[test]
    fn a_usage_error_fits_into_one_line() {
        let check = |args: &[&str], expected: &str| assert_eq!(in_one_line(&refused(args)), expected);
        check(&[], "the following required arguments were not provided: <INPUT>");
        check(
            &["a", "--numbr", "1"],
            "unexpected argument '--numbr' found; tip: a similar argument exists: '--number'",
        );
        check(&["a", "-n", "x"], "invalid value 'x' for '--number <NUMBER>': invalid digit found in string");
    }
}
