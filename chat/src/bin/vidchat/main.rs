//! `vidchat`: a chat in the terminal, over a Kafka topic.

mod args;
mod input;
mod screen;
mod style;
mod talk;

use std::io::{IsTerminal, stdin, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use chat::ChatReader;
use cli::shutdown::Shutdown;
use common::time::{Clock, SystemClock};
use kafka::{KafkaError, Role};

use crate::args::Cli;
use crate::screen::Screen;
use crate::talk::{Speaker, Talk};

fn main() -> ExitCode {
    let cli: Cli = cli::parse();
    if let Some(shell) = cli.completions {
        cli::print_completions::<Cli>(shell);
        return ExitCode::SUCCESS;
    }
    cli.kafka.check().unwrap_or_else(|wrong| cli::usage_error::<Cli>(wrong));
    cli.log.init("vidchat");
    cli::outcome(run(&cli))
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // Warns of passwords on the command line.
    cli.kafka.connection(Role::Producer)?;
    let options = cli.chat()?;
    let shutdown = Shutdown::listen()?;
    let new_reader = || ChatReader::new(&options, cli.start(!stdin().is_terminal()), clock.clone());
    if cli.only_prints() {
        let mut talk = Talk::new(new_reader()?, Screen::plain(), clock.clone(), &shutdown);
        (talk.exit_at_end, talk.timeout) = (cli.exit, cli.timeout());
        talk.run()?;
        return Ok(ExitCode::SUCCESS);
    }
    let name = cli.own_name()?;
    let (writer, deliveries) = match talk::connect(&options, cli.timeout(), &clock, &shutdown) {
        Err(KafkaError::Stopped { .. }) => return Ok(ExitCode::SUCCESS),
        connected => connected?,
    };
    let before = screen::terminal_state();
    let editor = if stdin().is_terminal() && stdout().is_terminal() { input::of_terminal(&name)? } else { None };
    let (inputs, screen, is_person) = match editor {
        Some((inputs, printer)) => (inputs, Screen::above(printer, before), true),
        None => (input::of_pipe()?, Screen::plain(), false),
    };
    let mut talk = Talk::new(new_reader()?, screen, clock.clone(), &shutdown);
    talk.speaker = Some(Speaker { name, writer, deliveries, inputs, is_person });
    talk.timeout = cli.timeout();
    talk.run()?;
    Ok(ExitCode::SUCCESS)
}
