//! The command line, and the broker's options that follow from it.

use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::{Context, bail};
use broker::{BrokerLimits, Defaults, Options, files};
use clap::Parser;
use cli::logging::LogArgs;
use cli::output::Output;
use cli::status::StatusArgs;
use cli::values::{self, Bytes};
use common::words::bytes;
use web::MetricsArgs;

use crate::groups::GroupArgs;

const EXAMPLES: &str = "\
Examples:
  vidbroker                                   a broker for this machine, on 127.0.0.1:9092
  vidbroker --memory 2G --retention 1h        keeps the last hour, as far as it fits into 2 GB
  vidbroker --listen 0.0.0.0:9092             for other machines too (there is no login)
  vidbroker -q --report broker.json           only warnings, and at the end a report, also as JSON
  vidbroker --max-connections 20000           for very many clients

vidbroker keeps everything in memory. For records that must survive a restart or be replicated, use
Apache Kafka: the commands of vidprod and vidcons are the same.";

/// Range of the limit on a message, in bytes. The largest is below the limit on a request.
const MESSAGE_BYTES: RangeInclusive<usize> = 1000..=90_000_000;

const MEMORY_BYTES_MIN: usize = 16 << 20;

/// Smallest memory, as a multiple of a message: a request may use a little more than a fifth of it.
const REQUEST_OF_MEMORY: usize = 5;

/// A small in-memory broker that speaks Kafka's protocol.
#[derive(Parser, Clone, Debug)]
#[command(name = "vidbroker", version, about, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Cli {
    /// Address to listen on
    #[arg(allow_hyphen_values = true, short, long, default_value = "127.0.0.1:9092", value_name = "HOST:PORT", value_parser = host_and_port)]
    pub(crate) listen: (String, u16),
    /// Address that clients are given to connect to [default: the one at which they reached the broker]
    #[arg(allow_hyphen_values = true, long, value_name = "HOST:PORT", value_parser = host_and_port)]
    advertise: Option<(String, u16)>,
    /// Print completions for a shell
    #[arg(hide_short_help = true, long, value_enum, value_name = "SHELL", exclusive = true)]
    pub(crate) completions: Option<cli::Shell>,

    /// Limit on all memory, as in 512M [default: an eighth of the machine's, at most 4G]
    #[arg(allow_hyphen_values = true, short, long, value_name = "SIZE", help_heading = "Retention")]
    memory: Option<Bytes>,
    /// Time for which records are kept, as in 10m, 12h, forever; a topic can set its own (retention.ms)
    #[arg(allow_hyphen_values = true, long, default_value = "7d", value_name = "TIME", value_parser = values::retention, help_heading = "Retention")]
    retention: Retention,
    /// Bytes kept in each partition (retention.bytes) [default: as many as fit]
    #[arg(hide_short_help = true, allow_hyphen_values = true, long, value_name = "SIZE", help_heading = "Retention")]
    partition_bytes: Option<Bytes>,

    /// Largest batch of records that is accepted (max.message.bytes)
    #[arg(allow_hyphen_values = true, long, default_value_t = broker::MESSAGE_BYTES_MAX, value_name = "N", value_parser = values::whole(MESSAGE_BYTES), help_heading = "Topics")]
    message_max_bytes: usize,
    /// Partitions of a topic that is created without a number
    #[arg(allow_hyphen_values = true, long, default_value_t = 1, value_name = "N", value_parser = values::whole(1_usize..=1000), help_heading = "Topics")]
    partitions: usize,
    /// Do not create topics that a client requests and that do not exist
    #[arg(hide_short_help = true, long, help_heading = "Topics")]
    no_auto_create: bool,
    /// Time for which metadata requests are answered like by a Kafka that is still starting: without brokers (for tests)
    #[arg(allow_hyphen_values = true, long, default_value = "0s", value_name = "TIME", hide = true)]
    starting: values::DurationArg,

    /// Largest number of connections [default: 5000, or as many as open files (ulimit -n) allow]
    ///
    /// Further ones are refused, with a warning in the log. Each takes an open file.
    #[arg(allow_hyphen_values = true, long, value_name = "N", value_parser = values::whole(1_usize..=100_000), help_heading = "Limits")]
    max_connections: Option<usize>,
    /// Largest number of topics
    #[arg(hide_short_help = true, allow_hyphen_values = true, long, default_value_t = BrokerLimits::default().topics, value_name = "N", value_parser = values::whole(1_usize..=100_000), help_heading = "Limits")]
    max_topics: usize,
    /// Largest number of partitions in all topics together
    #[arg(hide_short_help = true, allow_hyphen_values = true, long, default_value_t = BrokerLimits::default().partitions, value_name = "N", value_parser = values::whole(1_usize..=200_000), help_heading = "Limits")]
    max_partitions: usize,

    #[command(flatten)]
    pub(crate) groups: GroupArgs,

    /// Write the report at the end as JSON too ('-': standard output)
    #[arg(long, value_name = "FILE|-", value_parser = report, help_heading = "Report")]
    pub(crate) report: Option<Output>,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    pub(crate) status: StatusArgs,
}

/// Retention time; `None` to keep records forever.
type Retention = Option<Duration>;

impl Cli {
    /// The broker's options. Raises the limit on open files if the connections need it.
    pub(crate) fn options(&self) -> anyhow::Result<Options> {
        let of_machine = Options::default();
        let memory_bytes = self.memory.map_or(of_machine.memory_bytes, |b| b.0);
        self.check_memory(memory_bytes)?;
        Ok(Options {
            advertise: self.advertise.clone(),
            memory_bytes,
            defaults: Defaults {
                retention: self.retention,
                partition_bytes: self.partition_bytes.map(|b| b.0),
                message_bytes_max: self.message_max_bytes,
            },
            partitions: i32::try_from(self.partitions).context("--partitions")?,
            auto_create: !self.no_auto_create,
            starting: self.starting.duration(),
            limits: self.limits(of_machine.limits)?,
        })
    }

    fn check_memory(&self, memory_bytes: usize) -> anyhow::Result<()> {
        if memory_bytes < MEMORY_BYTES_MIN {
            bail!("--memory: with less than 16M a few clients' requests would leave nothing for records");
        }
        let largest = memory_bytes / REQUEST_OF_MEMORY;
        if self.message_max_bytes > largest {
            bail!(
                "--message-max-bytes {}: with {} of memory it can be at most {largest}; --memory gives it more",
                self.message_max_bytes,
                bytes(memory_bytes as u64)
            );
        }
        Ok(())
    }

    fn limits(&self, usual: BrokerLimits) -> anyhow::Result<BrokerLimits> {
        let mut limits = BrokerLimits {
            topics: self.max_topics,
            partitions: self.max_partitions,
            groups: self.groups.limits(usual.groups.clone()),
            ..usual
        };
        match self.max_connections {
            Some(connections) => {
                files::require(connections).context("--max-connections")?;
                limits.connections = connections;
            }
            None => files::fit(&mut limits)?,
        }
        Ok(limits)
    }
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    parts.filter(|(host, _)| !host.is_empty()).ok_or_else(|| "write HOST:PORT, with a port up to 65535".to_owned())
}

/// A file for the report, whose name must not promise another format.
fn report(text: &str) -> Result<Output, String> {
    text.parse::<Output>()?.of_kind("a report", &["json", "txt", "log"], "name it .json")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        assert_eq!(cli::signs::options_that_take_no_sign(&Cli::command(), &[]), Vec::<String>::new());
    }

    #[test]
    fn options_follow_from_the_command_line() {
        let args =
            ["vidbroker", "--memory", "64M", "--partitions", "3", "--max-topics", "7", "--max-connections", "40"];
        let options = Cli::try_parse_from(args).expect("it is right").options().expect("it fits");
        assert_eq!((options.memory_bytes, options.partitions), (64_000_000, 3));
        assert_eq!((options.limits.topics, options.limits.connections), (7, 40));
        let args = ["vidbroker", "--memory", "20M", "--message-max-bytes", "5000000"];
        let refused = Cli::try_parse_from(args).expect("it is right").options().expect_err("it does not fit");
        assert!(refused.to_string().contains("can be at most 4000000"), "{refused}");
    }

    #[test]
    fn a_negative_value_is_answered_by_its_own_option() {
        for (option, words) in [
            ("--listen", "write HOST:PORT"),
            ("--retention", "write a time as in 10m or 12h (at least 1s), or 'forever'"),
            ("--memory", "write a number of bytes"),
            ("--partition-bytes", "write a number of bytes"),
            ("--message-max-bytes", "write a whole number from 1000 to 90000000"),
            ("--partitions", "write a whole number from 1 to 1000"),
            ("--max-connections", "write a whole number from 1 to 100000"),
            ("--max-topics", "write a whole number"),
            ("--max-partitions", "write a whole number"),
            ("--group-max-size", "write a whole number"),
        ] {
            let error = Cli::try_parse_from(["vidbroker", option, "-1m"]).expect_err("it is wrong").to_string();
            assert!(error.contains(words) && !error.contains("tip"), "{option}: {error}");
        }
    }

    #[test]
    fn a_report_goes_into_no_file_of_another_kind() {
        let report = |name: &str| Cli::try_parse_from(["vidbroker", "--report", name]).map(|cli| cli.report);
        for good in ["-", "broker.json", "broker.report", "broker", "broker.txt"] {
            assert!(report(good).is_ok(), "{good}");
        }
        for bad in ["broker.pdf", "broker.csv", "broker.html"] {
            let error = report(bad).expect_err("it is refused").to_string();
            assert!(error.contains("a report cannot go into a .") && error.contains("name it .json"), "{error}");
        }
    }
}
