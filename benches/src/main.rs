//! `vidbench`: measures the latency of the whole path and of its parts, and compares brokers and other programs.
//!
//! ```text
//! args (as typed) → brokers (started) → experiment (rounds of cases) → report (typed figures) → table, JSON
//!                                                                      ▲ results/*.json → readme
//! ```
mod args;
mod brokers;
mod control;
mod cpu;
mod display;
mod e2e;
mod experiment;
mod floor;
mod messages;
mod options;
mod pace;
mod peers;
mod planes;
mod readme;
mod run;
mod size;
mod spread;
mod streams;
mod table;

use std::process::ExitCode;

use cli::shutdown::Shutdown;
use common::time::SystemClock;

use crate::args::{Cli, Command};
use crate::control::Control;
use crate::messages::{latency, throughput};

fn main() -> ExitCode {
    let cli: Cli = cli::parse();
    cli.command.log().init("vidbench");
    cli::outcome(go(&cli))
}

fn go(cli: &Cli) -> anyhow::Result<ExitCode> {
    let control = Control { clock: &SystemClock, shutdown: &Shutdown::listen()? };
    match &cli.command {
        Command::Hop(args) if args.full_speed => throughput::run(args, control),
        Command::Hop(args) => latency::run("hop", args, control),
        Command::Kafka(args) => latency::run("kafka", args, control),
        Command::Throughput(args) => throughput::run(args, control),
        Command::Run(args) => run::run(args, control),
        Command::Floor(args) => floor::run(args, control),
        Command::Streams(args) => streams::run(args, control),
        Command::Peers(args) => peers::run(args, control),
        Command::Readme(args) => readme::run(args),
    }
}
