//! `vidtopic`: lists, makes, describes, changes and deletes the topics of a Kafka, and shows what is in them.

mod args;
mod change;
mod invocation;
mod limits;
mod sources;
mod table;
mod view;

use std::process::ExitCode;
use std::sync::Arc;

use cli::shutdown::Shutdown;
use common::time::SystemClock;

use crate::args::{Cli, Command};
use crate::invocation::Invocation;

fn main() -> ExitCode {
    let cli: Cli = cli::parse();
    if let Some(shell) = cli.completions {
        cli::print_completions::<Cli>(shell);
        return ExitCode::SUCCESS;
    }
    let Some(command) = &cli.command else { cli::usage_error::<Cli>("which command? vidtopic list, for example") };
    let common = command.common();
    common.kafka.check().unwrap_or_else(|wrong| cli::usage_error::<Cli>(wrong));
    common.log.init("vidtopic");
    cli::outcome(run(command))
}

fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let invocation =
        Invocation { common: command.common(), clock: Arc::new(SystemClock), shutdown: &Shutdown::listen()? };
    let done = match command {
        Command::List(_) => view::list(&invocation),
        Command::Describe(args) => view::describe(args, &invocation),
        Command::Create(args) => change::create(args, &invocation),
        Command::Alter(args) => change::alter(args, &invocation),
        Command::Delete(args) => change::delete(args, &invocation),
        Command::Sources(args) => sources::sources(args, &invocation),
        Command::Limits(args) => limits::limits(args, &invocation),
    };
    done.map(|()| ExitCode::SUCCESS)
}
