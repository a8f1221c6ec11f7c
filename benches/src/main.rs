//! `vidbench`: measures the latency of the whole path and of its parts, and compares brokers and other programs.
//!
//! ```text
//! options (as typed) → brokers (started) → experiment (rounds of cases) → figures (JSON) → table, report
//!                                                                         ▲ results/*.json → readme
//! ```
mod brokers;
mod browser;
mod control;
mod cpu;
mod e2e;
mod experiment;
mod floor;
mod messages;
mod options;
mod pages;
mod peers;
mod readme;
mod run;
mod schedule;
mod size;
mod spread;
mod streams;
mod table;

use anyhow::Result;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cli::logging::LogArgs;
use cli::shutdown::Shutdown;
use common::time::SystemClock;

use crate::browser::BrowserArgs;
use crate::control::Control;
use crate::floor::FloorArgs;
use crate::messages::args::{self, MessageArgs};
use crate::messages::{latency, throughput};
use crate::pages::PagesArgs;
use crate::peers::args::PeersArgs;
use crate::readme::ReadmeArgs;
use crate::run::RunArgs;
use crate::streams::StreamsArgs;

/// Measures the latency of a frame's path, whole and in parts.
#[derive(Parser, Clone, Debug)]
#[command(name = "vidbench", version, about, max_term_width = 110)]
#[command(mut_args(|arg| arg.global(true)))]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Subcommand, Clone, Debug)]
enum Command {
    /// End-to-end latency of frames, with vidprod and vidcons themselves
    #[command(after_help = run::EXAMPLES)]
    Run(RunArgs),
    /// Each stage alone, and the whole beside their sum
    #[command(after_help = floor::EXAMPLES)]
    Floor(FloorArgs),
    /// How many sources, and how many viewers, one machine carries
    #[command(after_help = streams::EXAMPLES)]
    Streams(StreamsArgs),
    /// Clients of vidcons --http: the age of their pictures, and their cost for the window
    #[command(after_help = pages::EXAMPLES)]
    Pages(PagesArgs),
    /// Glass to glass: our programs beside others
    #[command(after_help = peers::args::EXAMPLES)]
    Peers(PeersArgs),
    /// The page of vidcons in a real Chromium, beside a bare page without Kafka
    #[command(after_help = browser::EXAMPLES)]
    Browser(BrowserArgs),
    /// Bare messages: producer, broker, consumers
    #[command(after_help = args::HOP_EXAMPLES)]
    Hop(MessageArgs),
    /// `hop` by sizes, acks and linger, with large messages less often
    #[command(after_help = args::KAFKA_EXAMPLES)]
    #[command(mut_arg("sizes", |arg| arg.default_value("10k,100k,1M,4M")), mut_arg("acks", |arg| arg.default_value("0,1,all")))]
    #[command(mut_arg("linger", |arg| arg.default_value("0,5")), mut_arg("fps", |arg| arg.default_value("30")))]
    #[command(mut_arg("bytes_per_second", |arg| arg.default_value("6M")))]
    #[command(mut_arg("full_speed", |arg| arg.hide(true)), mut_arg("messages", |arg| arg.hide(true)))]
    Kafka(MessageArgs),
    /// `hop --full-speed`: the throughput to one consumer that reads along
    #[command(after_help = args::THROUGHPUT_EXAMPLES)]
    #[command(mut_arg("seconds", |arg| arg.default_value("8")), mut_arg("full_speed", |arg| arg.hide(true)))]
    #[command(mut_arg("fps", |arg| arg.hide(true)), mut_arg("consumers", |arg| arg.hide(true)))]
    #[command(mut_arg("bytes_per_second", |arg| arg.hide(true)), mut_arg("warm", |arg| arg.hide(true)))]
    Throughput(MessageArgs),
    /// Writes the kept results into the tables of README.md and the docs
    Readme(ReadmeArgs),
}

fn main() -> ExitCode {
    let cli: Cli = cli::parse();
    cli.log.init("vidbench");
    cli::outcome(go(&cli))
}

fn go(cli: &Cli) -> Result<ExitCode> {
    let control = Control { clock: &SystemClock, shutdown: &Shutdown::listen()? };
    match &cli.command {
        Command::Hop(args) if args.full_speed => throughput::run(args, control),
        Command::Hop(args) => latency::run("hop", args, control),
        Command::Kafka(args) => latency::run("kafka", args, control),
        Command::Throughput(args) => throughput::run(args, control),
        Command::Run(args) => run::run(args, control),
        Command::Floor(args) => floor::run(args, control),
        Command::Streams(args) => streams::run(args, control),
        Command::Pages(args) => pages::run(args, control),
        Command::Peers(args) => peers::run(args, control),
        Command::Browser(args) => browser::run(args, control),
        Command::Readme(args) => readme::run(args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_number_may_be_written_with_a_sign() {
        // The option takes names of lines, which are text.
        assert_eq!(cli::signs::options_that_take_no_sign(&Cli::command(), &[]), ["peers --lines"]);
    }

    #[test]
    fn the_other_names_of_hop_have_defaults_of_their_own() {
        let typed = |line: &str| Cli::try_parse_from(line.split(' ')).expect("it parses").command;
        let Command::Kafka(kafka) = typed("vidbench kafka") else { panic!("not kafka") };
        assert_eq!((kafka.sizes, kafka.fps), (vec![10_000, 100_000, 1_000_000, 4_000_000], vec![30.0]));
        assert_eq!((kafka.acks.join(","), kafka.linger), ("0,1,all".to_owned(), vec![0, 5]));
        assert_eq!(kafka.bytes_per_second.map(|limit| limit.0), Some(6_000_000));
        let Command::Throughput(throughput) = typed("vidbench throughput --messages 20000") else {
            panic!("not throughput")
        };
        assert_eq!((throughput.messages, throughput.times.seconds().as_secs()), (Some(20_000), 8));
        let Command::Hop(hop) = typed("vidbench hop --bytes 5000") else { panic!("not hop") };
        assert_eq!((hop.sizes, hop.fps, hop.consumers), (vec![5000], vec![30.0, 60.0], vec![1, 3]));
        assert!(hop.bytes_per_second.is_none() && !hop.full_speed);
    }
}
