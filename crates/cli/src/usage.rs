//! Parses the command line, prints usage errors, and prints shell completions.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory, Parser};
pub use clap_complete::Shell;
use common::secret;

use crate::logging;

/// Parses the command line. A usage error is printed without secrets, and ends the program with exit code 2.
pub fn parse<C: Parser>() -> C {
    let mut command = with_compact_help(C::command(), asks_for_all_options(std::env::args_os()));
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    let parsed = matches.and_then(|mut matches| C::from_arg_matches_mut(&mut matches));
    parsed.unwrap_or_else(|error| end_with::<C>(&without_secrets(error.format(&mut command))))
}

/// Replaces clap's `--help`, which prints each option as a paragraph, by one with a line for most options. Its `-h`
/// prints only the options that are not marked with `hide_short_help`.
fn with_compact_help(command: Command, all_options: bool) -> Command {
    // Without the last option's heading.
    let help = Arg::new("help").short('h').long("help").action(ArgAction::HelpShort).help_heading(None::<&str>);
    let command = command.disable_help_flag(true).arg(help.help("Print the options used most (-h) or all (--help)"));
    let command = if all_options { command.mut_args(with_whole_help) } else { command };
    command.mut_subcommands(|subcommand| with_compact_help(subcommand, all_options))
}

fn with_whole_help(arg: Arg) -> Arg {
    let text = arg.get_long_help().map(|text| text.to_string().replace("\n\n", "\n"));
    let arg = arg.hide_short_help(false);
    text.into_iter().fold(arg, |arg, text| arg.help(text))
}

fn asks_for_all_options(args: impl Iterator<Item = OsString>) -> bool {
    args.skip(1).take_while(|arg| arg != "--").any(|arg| arg == "--help")
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

    #[test]
    fn help_has_a_line_for_each_option() {
        #[derive(Parser, Debug)]
        struct Options {
            /// Use this
            #[arg(long)]
            usual: Option<u8>,
            /// Use that
            ///
            /// It is rare.
            #[arg(long, hide_short_help = true)]
            rare: Option<u8>,
        }
        let help = |all| with_compact_help(Options::command(), all).render_help().to_string();
        assert!(help(false).contains("Use this") && !help(false).contains("Use that"), "{}", help(false));
        let all = help(true);
        let rare = all.lines().find(|line| line.contains("Use that")).expect("it is shown");
        assert!(rare.contains("--rare") && all.contains("It is rare."), "{all}");
    }

    #[test]
    fn all_options_are_printed_for_the_long_form() {
        let check = |args: &[&str], all| assert_eq!(asks_for_all_options(args.iter().map(OsString::from)), all);
        check(&["program", "--help"], true);
        check(&["program", "-t", "x", "--help"], true);
        check(&["program", "-h"], false);
        check(&["program", "--", "--help"], false);
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
