//! `vidbench hop` as it is typed.

use clap::Args;
use cli::values::positive;

use crate::basics::{Basics, Times};

pub const EXAMPLES: &str = "\
Examples:
  vidbench hop                                             embedded against real, 5 minutes
  vidbench hop --rounds 1 --seconds 3 --fps 60             a quick look
  vidbench hop --brokers a=127.0.0.1:9092,b=other:9092     two that are running already
  vidbench hop --report benches/results/hop.json           with every round's figures

Latency counts from just before the send call to when the consumer's poll returned the record, on one clock.";

#[derive(Args, Clone, Debug)]
pub struct HopArgs {
    /// Messages a second; each rate is a case of its own
    #[arg(long, allow_hyphen_values = true, default_value = "30,60", value_name = "N,…", value_delimiter = ',', value_parser = positive)]
    pub fps: Vec<f64>,
    /// How many read it at once; each number is a case of its own
    #[arg(long, allow_hyphen_values = true, default_value = "1,3", value_name = "N,…", value_delimiter = ',', value_parser = consumers)]
    pub consumers: Vec<usize>,
    /// Size of a message
    #[arg(long, allow_hyphen_values = true, default_value_t = 100_000, value_name = "N", value_parser = bytes)]
    pub bytes: usize,
    #[command(flatten)]
    pub times: Times,
    #[command(flatten)]
    pub basics: Basics,
}

pub fn bytes(text: &str) -> Result<usize, String> {
    let fits = |n: &usize| (crate::payload::STAMP_BYTES..=1_000_000).contains(n);
    text.parse().ok().filter(fits).ok_or_else(|| "write a number of bytes from 24 to 1000000".to_owned())
}

pub fn consumers(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=32).contains(n)).ok_or_else(|| "write a number from 1 to 32".to_owned())
}
