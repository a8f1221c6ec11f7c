//! The command line as it is typed.

use clap::{Args, Parser, Subcommand};
use shell::logging::LogArgs;
use shell::output::Output;
use shell::values::{Span, positive};

use crate::brokers::Choice;
use crate::floor::{self, cli::FloorArgs};
use crate::hops::{self, cli::KafkaArgs};
use crate::peers::PeersArgs;
use crate::readme::ReadmeArgs;
use crate::run::{self, cli::RunArgs};
use crate::streams::{self, cli::StreamsArgs};

const HOP_EXAMPLES: &str = "\
Examples:
  vidbench hop                                             embedded against real, 5 minutes
  vidbench hop --rounds 1 --seconds 3 --fps 60             a quick look
  vidbench hop --brokers a=127.0.0.1:9092,b=other:9092     two that are running already
  vidbench hop --report benches/results/hop.json           with every round's figures

Latency counts from just before the send call to when the consumer's poll returned the record, on one clock.";

const THROUGHPUT_EXAMPLES: &str = "\
Examples:
  vidbench throughput                                      embedded against real
  vidbench throughput --messages 20000 --rounds 5          a fixed amount instead of a time
  vidbench throughput --brokers real                       one alone

Throughput counts from the first send to when the consumer had the last record.";

/// Measures what a frame's way costs, whole and in parts.
#[derive(Parser, Clone, Debug)]
#[command(name = "vidbench", version, about, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// The latency of the bare hop: producer, broker, consumers
    #[command(after_help = HOP_EXAMPLES)]
    Hop(HopArgs),
    /// The way of a frame end to end, with vidprod and vidcons themselves
    #[command(after_help = run::cli::EXAMPLES)]
    Run(RunArgs),
    /// Each stage alone, and the whole beside their sum
    #[command(after_help = floor::cli::EXAMPLES)]
    Floor(FloorArgs),
    /// The bare hop in a table: sizes, acks, lingering, consumers, brokers
    #[command(after_help = hops::cli::EXAMPLES)]
    Kafka(KafkaArgs),
    /// How many sources, and how many viewers, one machine carries
    #[command(after_help = streams::cli::EXAMPLES)]
    Streams(StreamsArgs),
    /// Writes the results that are kept into README.md's tables
    Readme(ReadmeArgs),
    /// How much goes through as fast as it goes, with one consumer that reads along
    #[command(after_help = THROUGHPUT_EXAMPLES)]
    Throughput(ThroughputArgs),
    /// Glass to glass: our programs beside what people use instead
    Peers(PeersArgs),
}

impl Command {
    pub fn log(&self) -> &LogArgs {
        match self {
            Command::Hop(args) => &args.common.log,
            Command::Floor(args) => &args.basics.log,
            Command::Kafka(args) => &args.basics.log,
            Command::Readme(args) => &args.log,
            Command::Run(args) => &args.basics.log,
            Command::Streams(args) => &args.basics.log,
            Command::Throughput(args) => &args.common.log,
            Command::Peers(args) => &args.log,
        }
    }
}

#[derive(Args, Clone, Debug)]
pub struct HopArgs {
    /// Messages a second; each rate is a case of its own
    #[arg(long, default_value = "30,60", value_name = "N,…", value_delimiter = ',', value_parser = positive)]
    pub fps: Vec<f64>,
    /// How many read it at once; each number is a case of its own
    #[arg(long, default_value = "1,3", value_name = "N,…", value_delimiter = ',', value_parser = consumers)]
    pub consumers: Vec<usize>,
    /// How long each case runs
    #[arg(long, default_value = "10", value_name = "TIME")]
    pub seconds: Span,
    /// How long each case runs before that without being counted
    #[arg(long, default_value = "2", value_name = "TIME")]
    pub warmup: Span,
    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Clone, Debug)]
pub struct ThroughputArgs {
    /// How long to send
    #[arg(long, default_value = "8", value_name = "TIME", conflicts_with = "messages")]
    pub seconds: Span,
    /// Send that many instead
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub messages: Option<u64>,
    #[command(flatten)]
    pub common: CommonArgs,
}

/// What every comparison of brokers has.
#[derive(Args, Clone, Debug)]
pub struct CommonArgs {
    /// What to compare: embedded, real, real3 (three nodes), or NAME=HOST:PORT of one that is running
    #[arg(long, default_value = "embedded,real", value_name = "BROKER,…", value_delimiter = ',')]
    pub brokers: Vec<Choice>,
    /// Size of a message
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = bytes)]
    pub bytes: usize,
    /// How often every case is run, in turn
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,
    /// Messages through each broker, one by one, before the first round: for the real one's compiler
    #[arg(long, default_value_t = crate::basics::PREPARE_MESSAGES, value_name = "N")]
    pub prepare: u64,
    /// Given to vidbroker as its --memory [default: its own]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
    /// Write machine, versions, settings and each round's figures as JSON ('-': standard output)
    #[arg(long, value_name = "FILE")]
    pub report: Option<Output>,
    #[command(flatten)]
    pub log: LogArgs,
}

fn bytes(text: &str) -> Result<usize, String> {
    let fits = |n: &usize| (crate::payload::STAMP_BYTES..=1_000_000).contains(n);
    text.parse().ok().filter(fits).ok_or_else(|| "write a number of bytes from 24 to 1000000".to_owned())
}

pub fn consumers(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=32).contains(n)).ok_or_else(|| "write a number from 1 to 32".to_owned())
}
