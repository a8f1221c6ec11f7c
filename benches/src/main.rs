//! `vidbench`: what the way through a broker costs, and how whole programs compare.
//!
//! ```text
//! cli (as typed) → options (as checked) → brokers (started) → rounds ─▶ hop | throughput | peers ─Measured─▶ table, JSON
//! ```
mod about;
mod brokers;
mod cli;
mod ending;
mod flight;
mod hop;
mod options;
mod payload;
mod peers;
mod reader;
mod rounds;
mod schedule;
mod seen;
mod stats;
mod throughput;
mod topic;

use std::process::ExitCode;

use clap::Parser;
use common::clock::SystemClock;
use shell::shutdown::Shutdown;

use crate::cli::{Cli, Command};
use crate::options::{HopOptions, ThroughputOptions};
use crate::peers::PeersOptions;

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.command.log().init();
    shell::outcome(run(&cli))
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::listen()?;
    match &cli.command {
        Command::Hop(args) => hop::run(&HopOptions::check(args)?, &SystemClock, &shutdown),
        Command::Throughput(args) => throughput::run(&ThroughputOptions::check(args)?, &SystemClock, &shutdown),
        Command::Peers(args) => peers::run(&PeersOptions::check(args)?, &SystemClock, &shutdown),
    }
}
