//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use cli::logging::LogArgs;
use cli::values::{self, Bytes, DurationArg, whole};
use kafka::{KafkaArgs, SettingChanges};

const EXAMPLES: &str = "\
Examples:
  vidtopic list                                       topics, with partitions, replicas, records and problems
  vidtopic create video --partitions 4 --retention 1h
  vidtopic describe video                             leader, replicas and offsets of each partition; settings
  vidtopic alter video --retention 10m --max-message-bytes 2M
  vidtopic alter video --set min.insync.replicas=2 --unset retention.ms
  vidtopic sources video --thumbnails pictures        the cameras in it, and a picture of each
  vidtopic limits video                               the four limits on the size of a message
  vidtopic delete video --yes
  vidtopic list -b broker:9092 --output json | jq -r '.[].topic'";

/// Lists, makes, describes, changes and deletes topics, and shows what is in them.
#[derive(Parser, Clone, Debug)]
#[command(name = "vidtopic", version, about, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Print completions for a shell
    #[arg(long, value_enum, value_name = "SHELL", exclusive = true)]
    pub completions: Option<cli::Shell>,
}

#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// List the topics
    List(ListArgs),
    /// Make a topic, with settings that suit video
    Create(CreateArgs),
    /// Show the partitions and settings of a topic
    Describe(TopicArgs),
    /// Change the settings of a topic, or add partitions
    Alter(AlterArgs),
    /// Delete topics with all their records
    Delete(DeleteArgs),
    /// Show the sources in a topic, or in all: size, rate, age
    Sources(SourcesArgs),
    /// Show the limits on the size of a message, and where each is set
    Limits(TopicArgs),
}

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub struct CommonArgs {
    /// Format of what is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,
    /// Fail if no broker answers within this time
    #[arg(allow_hyphen_values = true, long, default_value = "10s", value_name = "SECONDS", hide_short_help = true)]
    pub timeout: DurationArg,
    #[command(flatten)]
    pub kafka: KafkaArgs,
    #[command(flatten)]
    pub log: LogArgs,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OutputFormat {
    #[default]
    Text,
    Json,
}

#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Clone, Debug)]
pub struct TopicArgs {
    /// The topic
    #[arg(value_parser = kafka::topic_name)]
    pub topic: String,
    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Clone, Debug)]
pub struct CreateArgs {
    /// The topic
    #[arg(value_parser = kafka::topic_name)]
    pub topic: String,
    /// Number of partitions
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = whole(1_i32..=10_000), allow_hyphen_values = true)]
    pub partitions: i32,
    /// Number of replicas of each partition [default: the broker's]
    #[arg(long, value_name = "N", value_parser = whole(1_i32..=100), allow_hyphen_values = true)]
    pub replication_factor: Option<i32>,
    /// How long records are kept: 10m, 12h, forever
    #[arg(long, default_value = "10m", value_name = "TIME", value_parser = kept_for, allow_hyphen_values = true)]
    pub retention: KeptFor,
    /// Largest message, as in 2M
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub max_message_bytes: Option<Bytes>,
    /// Another setting, by Kafka's name (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::pair)]
    pub set: Vec<(String, String)>,
    /// Succeed if the topic exists already; it is not changed
    #[arg(long)]
    pub if_missing: bool,
    #[command(flatten)]
    pub common: CommonArgs,
}

/// The options of `alter`, of which one has to be given.
const CHANGES: [&str; 5] = ["partitions", "retention", "max_message_bytes", "set", "unset"];

#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(CHANGES))]
pub struct AlterArgs {
    /// The topic
    #[arg(value_parser = kafka::topic_name)]
    pub topic: String,
    /// Add partitions, until there are this many
    #[arg(long, value_name = "N", value_parser = whole(1_i32..=10_000), allow_hyphen_values = true)]
    pub partitions: Option<i32>,
    /// How long records are kept: 10m, 12h, forever
    #[arg(long, value_name = "TIME", value_parser = kept_for, allow_hyphen_values = true)]
    pub retention: Option<KeptFor>,
    /// Largest message, as in 2M
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub max_message_bytes: Option<Bytes>,
    /// Give a setting a value, by Kafka's name (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::pair)]
    pub set: Vec<(String, String)>,
    /// Return a setting to the broker's default (repeatable)
    #[arg(long, value_name = "NAME", value_parser = values::filled)]
    pub unset: Vec<String>,
    #[command(flatten)]
    pub common: CommonArgs,
}

/// A retention; `None` is forever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeptFor(pub Option<Duration>);

fn kept_for(text: &str) -> Result<KeptFor, String> {
    values::retention(text).map(KeptFor)
}

#[derive(Args, Clone, Debug)]
pub struct DeleteArgs {
    /// The topics
    #[arg(required = true, value_parser = kafka::topic_name)]
    pub topics: Vec<String>,
    /// Delete without asking for the topic's name
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Clone, Debug)]
pub struct SourcesArgs {
    /// The topic [default: all topics]
    #[arg(value_parser = kafka::topic_name)]
    pub topic: Option<String>,
    /// Write a small picture of each source to DIR/TOPIC/SOURCE.jpg
    #[arg(long, value_name = "DIR")]
    pub thumbnails: Option<PathBuf>,
    #[command(flatten)]
    pub common: CommonArgs,
}

impl Command {
    pub fn common(&self) -> &CommonArgs {
        match self {
            Command::List(args) => &args.common,
            Command::Create(args) => &args.common,
            Command::Describe(args) | Command::Limits(args) => &args.common,
            Command::Alter(args) => &args.common,
            Command::Delete(args) => &args.common,
            Command::Sources(args) => &args.common,
        }
    }
}

impl CreateArgs {
    /// Settings beside the retention.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let limit = self.max_message_bytes.map(|bytes| ("max.message.bytes".to_owned(), bytes.0.to_string()));
        limit.into_iter().chain(self.set.clone()).collect()
    }
}

impl AlterArgs {
    pub fn changes(&self) -> SettingChanges {
        let retention = self.retention.map(|KeptFor(time)| kafka::retention_settings(time)).unwrap_or_default();
        let limit = self.max_message_bytes.map(|bytes| ("max.message.bytes".to_owned(), bytes.0.to_string()));
        let set: BTreeMap<String, String> = retention.into_iter().chain(limit).chain(self.set.clone()).collect();
        let mut unset = self.unset.clone();
        // A topic that keeps everything would get a file for each tenth of its former retention.
        if self.retention == Some(KeptFor(None)) && !set.contains_key("segment.ms") {
            unset.push("segment.ms".to_owned());
        }
        SettingChanges { set, unset }
    }
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
    fn changes_follow_from_the_options() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        let Ok(Cli { command: Some(Command::Alter(args)), .. }) =
            parse("vidtopic alter video --retention forever --max-message-bytes 2M --set a=b=c --unset d --unset e")
        else {
            panic!("it does not parse")
        };
        let set = [("a", "b=c"), ("max.message.bytes", "2000000"), ("retention.ms", "-1")];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(args.changes(), SettingChanges { set, unset: ["d", "e", "segment.ms"].map(str::to_owned).to_vec() });
        let error = parse("vidtopic alter video").expect_err("nothing is to be changed").to_string();
        assert!(error.contains("--retention"), "{error}");
        assert!(parse("vidtopic create video --set nonsense").is_err());
        assert!(parse("vidtopic delete").is_err());
        assert!(parse("vidtopic describe a/b").is_err());
    }
}
