//! The command line as it is typed.

use clap::{Parser, Subcommand};
use cli::logging::LogArgs;

use crate::floor::{self, args::FloorArgs};
use crate::hop::{self, args::HopArgs};
use crate::hops::{self, args::KafkaArgs};
use crate::peers::PeersArgs;
use crate::readme::ReadmeArgs;
use crate::run::{self, args::RunArgs};
use crate::streams::{self, args::StreamsArgs};
use crate::throughput::{self, args::ThroughputArgs};

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
    #[command(after_help = hop::args::EXAMPLES)]
    Hop(HopArgs),
    /// The way of a frame end to end, with vidprod and vidcons themselves
    #[command(after_help = run::args::EXAMPLES)]
    Run(RunArgs),
    /// Each stage alone, and the whole beside their sum
    #[command(after_help = floor::args::EXAMPLES)]
    Floor(FloorArgs),
    /// The bare hop in a table: sizes, acks, lingering, consumers, brokers
    #[command(after_help = hops::args::EXAMPLES)]
    Kafka(KafkaArgs),
    /// How many sources, and how many viewers, one machine carries
    #[command(after_help = streams::args::EXAMPLES)]
    Streams(StreamsArgs),
    /// Writes the results that are kept into README.md's tables
    Readme(ReadmeArgs),
    /// How much goes through as fast as it goes, with one consumer that reads along
    #[command(after_help = throughput::args::EXAMPLES)]
    Throughput(ThroughputArgs),
    /// Glass to glass: our programs beside what people use instead
    Peers(PeersArgs),
}

impl Command {
    pub fn log(&self) -> &LogArgs {
        match self {
            Command::Hop(args) => &args.basics.log,
            Command::Floor(args) => &args.basics.log,
            Command::Kafka(args) => &args.basics.log,
            Command::Readme(args) => &args.log,
            Command::Run(args) => &args.basics.log,
            Command::Streams(args) => &args.basics.log,
            Command::Throughput(args) => &args.basics.log,
            Command::Peers(args) => &args.log,
        }
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
}
