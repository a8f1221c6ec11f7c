//! `vidbench kafka` as it is typed.

use clap::Args;
use cli::values::{Bytes, positive};

use crate::acks::Acks;
use crate::basics::{Basics, Times};

pub const EXAMPLES: &str = "\
Examples:
  vidbench kafka --brokers embedded,real --consumers 1               the better part of an hour
  vidbench kafka --sizes 100k --acks all,1,0 --linger 0 --rounds 3   one size
  vidbench kafka --brokers mine=127.0.0.1:9092 --report mine.json    your own broker

Latency counts from just before the send call to when the consumer's poll returned the record, on one clock.";

#[derive(Args, Clone, Debug)]
pub struct KafkaArgs {
    /// Sizes of messages
    #[arg(long, allow_hyphen_values = true, default_value = "10k,100k,1M,4M", value_name = "SIZE,…", value_delimiter = ',', value_parser = bytes)]
    pub sizes: Vec<usize>,
    /// Whose acknowledgement is waited for: all, 1, 0
    #[arg(long, allow_hyphen_values = true, default_value = "0,1,all", value_name = "ACKS,…", value_delimiter = ',')]
    pub acks: Vec<Acks>,
    /// How many ms the producer waits for more
    #[arg(long, allow_hyphen_values = true, default_value = "0,5", value_name = "MS,…", value_delimiter = ',', value_parser = cli::values::whole(0_u32..=1000))]
    pub linger: Vec<u32>,
    /// How many read it at once
    #[arg(long, allow_hyphen_values = true, default_value = "1,3", value_name = "N,…", value_delimiter = ',', value_parser = crate::hop::args::consumers)]
    pub consumers: Vec<usize>,
    /// Messages a second, of small ones
    #[arg(long, allow_hyphen_values = true, default_value = "30", value_name = "N", value_parser = positive)]
    pub fps: f64,
    /// No more bytes a second than that: large messages come more seldom, as this is about latency
    #[arg(long, allow_hyphen_values = true, default_value = "6M", value_name = "SIZE")]
    pub bytes_per_second: Bytes,
    #[command(flatten)]
    pub times: Times,
    #[command(flatten)]
    pub basics: Basics,
}

/// Largest message: twice its size fits into the client's queue.
const BYTES_MAX: usize = crate::topic::IN_FLIGHT_BYTES_MAX;

fn bytes(text: &str) -> Result<usize, String> {
    let Bytes(bytes) = text.parse()?;
    let fits = (crate::payload::STAMP_BYTES..=BYTES_MAX).contains(&bytes);
    fits.then_some(bytes)
        .ok_or_else(|| format!("write a size from {} to {BYTES_MAX} bytes", crate::payload::STAMP_BYTES))
}
