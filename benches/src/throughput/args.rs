//! `vidbench throughput` as it is typed.

use clap::Args;
use cli::values::DurationArg;

use super::case::Amount;
use crate::basics::Basics;

pub const EXAMPLES: &str = "\
Examples:
  vidbench throughput                                      embedded against real
  vidbench throughput --messages 20000 --rounds 5          a fixed amount instead of a time
  vidbench throughput --brokers real                       one alone

Throughput counts from the first send to when the consumer had the last record.";

#[derive(Args, Clone, Debug)]
pub struct ThroughputArgs {
    /// How long to send
    #[arg(long, allow_hyphen_values = true, default_value = "8", value_name = "TIME", conflicts_with = "messages")]
    pub seconds: DurationArg,
    /// Send that many instead
    #[arg(long, allow_hyphen_values = true, value_name = "N", value_parser = cli::values::whole(1_u64..))]
    pub messages: Option<u64>,
    /// Size of a message
    #[arg(long, allow_hyphen_values = true, default_value_t = 100_000, value_name = "N", value_parser = crate::hop::args::bytes)]
    pub bytes: usize,
    #[command(flatten)]
    pub basics: Basics,
}

impl ThroughputArgs {
    pub fn amount(&self) -> Amount {
        self.messages.map_or(Amount::Time(self.seconds.duration()), Amount::Messages)
    }
}
