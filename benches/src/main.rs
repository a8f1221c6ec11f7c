//! `vidbench`: measures the latency of the whole path and of its parts, and compares brokers and other programs.
//!
//! ```text
//! cli (as typed, and checked) → brokers (started) → rounds ─Case─▶ run | floor | hop | peers | … ─Measured─▶ table, JSON
//! ```
mod about;
mod acks;
mod args;
mod basics;
mod brokers;
mod cpu;
mod display;
mod e2e;
mod ending;
mod failed;
mod flight;
mod floor;
mod hop;
mod hops;
mod payload;
mod peers;
mod prepare;
mod reader;
mod readme;
mod rounds;
mod run;
mod running;
mod schedule;
mod seen;
mod size;
mod stats;
mod streams;
mod throughput;
mod topic;

use std::process::ExitCode;

use cli::shutdown::Shutdown;
use common::time::SystemClock;

use crate::args::{Cli, Command};
use crate::peers::PeersOptions;

fn main() -> ExitCode {
    let cli: Cli = cli::parse();
    cli.command.log().init("vidbench");
    cli::outcome(go(&cli))
}

fn go(cli: &Cli) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::listen()?;
    match &cli.command {
        Command::Floor(args) => floor::run(args, &SystemClock, &shutdown),
        Command::Hop(args) => hop::run(args, &SystemClock, &shutdown),
        Command::Kafka(args) => hops::run(args, &SystemClock, &shutdown),
        Command::Readme(args) => readme::run(args),
        Command::Run(args) => run::run(args, &SystemClock, &shutdown),
        Command::Streams(args) => streams::run(args, &SystemClock, &shutdown),
        Command::Throughput(args) => throughput::run(args, &SystemClock, &shutdown),
        Command::Peers(args) => peers::run(&PeersOptions::check(args)?, &SystemClock, &shutdown),
    }
}
