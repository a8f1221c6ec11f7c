//! The options of `vidbench hop`, and of its other names `kafka` and `throughput`.

use anyhow::{Result, ensure};
use clap::Args;
use cli::values::{Bytes, positive};

use super::payload::STAMP_BYTES;
use super::topic::IN_FLIGHT_BYTES_MAX;
use crate::options::{CompareArgs, TimeArgs};
use crate::schedule::count;

pub const HOP_EXAMPLES: &str = "\
Examples:
  vidbench hop                                             embedded against real, 5 minutes
  vidbench hop --rounds 1 --seconds 3 --fps 60             a quick look
  vidbench hop --brokers a=127.0.0.1:9092,b=other:9092     two that are running already
  vidbench hop --sizes 10k,1M --acks all,1                 every combination is a case
  vidbench hop --report benches/results/hop.json           with every round's figures

Latency is the time from just before the send call until the consumer's poll returned the record, by one clock.";

pub const KAFKA_EXAMPLES: &str = "\
Examples:
  vidbench kafka --brokers embedded,real --consumers 1               takes most of an hour
  vidbench kafka --sizes 100k --acks all,1,0 --linger 0 --rounds 3   one size
  vidbench kafka --brokers mine=127.0.0.1:9092 --report mine.json    your own broker

Latency is the time from just before the send call until the consumer's poll returned the record, by one clock.";

pub const THROUGHPUT_EXAMPLES: &str = "\
Examples:
  vidbench throughput                                      embedded against real
  vidbench throughput --messages 20000 --rounds 5          a fixed amount instead of a time
  vidbench throughput --brokers real                       one alone

Throughput counts from the first send until the consumer had the last record.";

#[derive(Args, Clone, Debug)]
pub struct MessageArgs {
    /// Sizes of messages; each size is a case of its own, as are the values of the other lists
    #[arg(long, visible_alias = "bytes", allow_hyphen_values = true, default_value = "100000", value_name = "SIZE,…", value_delimiter = ',', value_parser = size)]
    pub sizes: Vec<usize>,
    /// Messages a second
    #[arg(long, allow_hyphen_values = true, default_value = "30,60", value_name = "N,…", value_delimiter = ',', value_parser = positive)]
    pub fps: Vec<f64>,
    /// Number of consumers that read every message
    #[arg(long, allow_hyphen_values = true, default_value = "1,3", value_name = "N,…", value_delimiter = ',', value_parser = cli::values::whole(1_usize..=32))]
    pub consumers: Vec<usize>,
    /// Acknowledgements that the producer waits for: all, 1, 0
    #[arg(long, allow_hyphen_values = true, default_value = "all", value_name = "ACKS,…", value_delimiter = ',', value_parser = acks)]
    pub acks: Vec<String>,
    /// Milliseconds for which the producer gathers more messages
    #[arg(long, allow_hyphen_values = true, default_value = "0", value_name = "MS,…", value_delimiter = ',', value_parser = cli::values::whole(0_u32..=1000))]
    pub linger: Vec<u32>,
    /// Send large messages less often, so that no case exceeds this many bytes a second; without it there is no limit
    #[arg(long, allow_hyphen_values = true, value_name = "SIZE")]
    pub bytes_per_second: Option<Bytes>,
    /// Send as fast as possible, and report the throughput to one consumer
    #[arg(long, conflicts_with_all = ["fps", "consumers", "bytes_per_second", "warm"])]
    pub full_speed: bool,
    /// Number of messages at full speed, instead of a time
    #[arg(long, allow_hyphen_values = true, value_name = "N", value_parser = cli::values::whole(1_u64..), conflicts_with = "seconds")]
    pub messages: Option<u64>,
    #[command(flatten)]
    pub times: TimeArgs,
    #[command(flatten)]
    pub compare: CompareArgs,
}

impl MessageArgs {
    /// Refuses options that do not go together.
    pub fn check(&self) -> Result<()> {
        ensure!(self.messages.is_none(), "--messages needs --full-speed");
        for &bytes in &self.sizes {
            for fps in self.fps.iter().map(|fps| self.rate(bytes, *fps)) {
                let messages = count(self.times.seconds(), fps);
                ensure!(messages > 0, "--seconds is too short for a single message of {bytes} bytes at {fps:.2} fps");
            }
        }
        Ok(())
    }

    /// The number of messages a second, so that large messages never exceed `--bytes-per-second`.
    pub fn rate(&self, bytes: usize, fps: f64) -> f64 {
        self.bytes_per_second.map_or(fps, |limit| fps.min(limit.0 as f64 / bytes as f64))
    }
}

/// The largest message is as large as the producer's queue.
fn size(text: &str) -> Result<usize, String> {
    let Bytes(bytes) = text.parse()?;
    let fits = (STAMP_BYTES..=IN_FLIGHT_BYTES_MAX).contains(&bytes);
    fits.then_some(bytes).ok_or_else(|| format!("write a size from {STAMP_BYTES} to {IN_FLIGHT_BYTES_MAX} bytes"))
}

/// Parses the acknowledgements that a producer waits for.
pub fn acks(text: &str) -> Result<String, String> {
    match text {
        "all" | "1" | "0" => Ok(text.to_owned()),
        "-1" => Ok("all".to_owned()),
        _ => Err("write all, 1 or 0".to_owned()),
    }
}

#[cfg(test)]
pub mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: MessageArgs,
    }

    pub fn typed(args: &[&str]) -> MessageArgs {
        Typed::try_parse_from([&["hop"], args].concat()).expect("it parses").args
    }

    #[test]
    fn large_messages_come_less_often() {
        let args = typed(&["--bytes-per-second", "6M"]);
        let check = |bytes: usize, expected: f64| assert_eq!(args.rate(bytes, 30.0), expected, "{bytes}");
        check(10_000, 30.0);
        check(100_000, 30.0);
        check(1_000_000, 6.0);
        check(4_000_000, 1.5);
        assert_eq!(typed(&[]).rate(4_000_000, 30.0), 30.0);
    }

    #[test]
    fn sizes_have_bounds() {
        for bad in ["10", "9M", "large"] {
            assert!(Typed::try_parse_from(["hop", "--sizes", bad]).is_err(), "{bad}");
        }
        assert_eq!(typed(&["--bytes", "24"]).sizes, [24]);
    }

    #[test]
    fn acknowledgements_are_all_one_or_none() {
        let acks = ["all", "-1", "1", "0", "2"].map(|text| acks(text).ok());
        assert_eq!(acks.each_ref().map(Option::as_deref), [Some("all"), Some("all"), Some("1"), Some("0"), None]);
    }

    #[test]
    fn a_number_of_messages_is_for_full_speed() {
        assert!(typed(&[]).check().is_ok());
        assert!(typed(&["--messages", "5"]).check().is_err());
        assert!(typed(&["--seconds", "10ms"]).check().is_err());
    }
}
