//! The command line, and the options that follow from it.

use std::time::Duration;

use chat::{ChatOptions, ChatStart};
use clap::Parser;
use cli::logging::LogArgs;
use cli::values::{DurationArg, whole};
use kafka::KafkaArgs;

const EXAMPLES: &str = "\
Examples:
  vidchat -t video --name ana          talk beside the video in topic video (over the topic video.chat)
  vidchat -t lobby                     no video is needed: this talks in lobby.chat, under the name of your login
  vidchat -t video --from-beginning -e print all that was written, and end
  vidchat -t video --print | grep ana  print what is written, from the last 50 messages on
  echo 'door open' | vidchat -t video  each line of a pipe is a message; ends when all are acknowledged
  kcat -b localhost:9092 -P -t video.chat -k ben     other clients can join in: key = name, value = text

Commands while you talk: /who lists who wrote or joined within ten minutes, /help, /quit (or Ctrl-D)";

/// Messages that are shown at the start on a terminal.
const LAST: usize = 50;

/// A chat in the terminal, over a Kafka topic.
#[derive(Parser, Clone, Debug)]
#[command(name = "vidchat", version, about, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// Talk beside this topic, over the topic of that name with .chat at its end
    #[arg(short, long, default_value = "video", value_parser = kafka::topic_name)]
    pub topic: String,
    /// Your name [default: that of your login]
    #[arg(short, long, value_parser = name)]
    pub name: Option<String>,
    /// Print completions for a shell
    #[arg(long, value_enum, value_name = "SHELL", hide_short_help = true, exclusive = true)]
    pub completions: Option<cli::Shell>,

    /// Begin with the last N messages [default: 50; 0 if standard input is a pipe]
    #[arg(allow_hyphen_values = true, long, value_name = "N", value_parser = whole(0_usize..=100_000), help_heading = "Messages")]
    pub last: Option<usize>,
    /// Begin with the oldest message that the topic still holds
    #[arg(long, conflicts_with = "last", help_heading = "Messages")]
    pub from_beginning: bool,
    /// Print what was written until now, and end
    #[arg(short, long, help_heading = "Messages")]
    pub exit: bool,
    /// Only print, without reading standard input
    #[arg(long, help_heading = "Messages")]
    pub print: bool,

    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Fail if the topic does not exist, instead of making it
    #[arg(long, hide_short_help = true, help_heading = "Kafka")]
    pub no_create: bool,
    /// Fail if there is no broker, or no acknowledgement at the end, within this time [default: wait for ever]
    #[arg(allow_hyphen_values = true, long, value_name = "SECONDS", hide_short_help = true, help_heading = "Kafka")]
    pub timeout: Option<DurationArg>,
    #[command(flatten)]
    pub log: LogArgs,
}

impl Cli {
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout.map(DurationArg::duration)
    }

    /// True if nothing is to be written.
    pub fn only_prints(&self) -> bool {
        self.print || self.exit
    }

    pub fn chat(&self) -> anyhow::Result<ChatOptions> {
        let options = ChatOptions::new(&self.topic, &self.kafka, "vidchat")?;
        Ok(ChatOptions { create: !self.no_create, ..options })
    }

    /// Where to begin.
    pub fn start(&self, input_is_pipe: bool) -> ChatStart {
        match self.last {
            _ if self.from_beginning => ChatStart::Beginning,
            Some(n) => ChatStart::Last(n),
            None => ChatStart::Last(if input_is_pipe && !self.only_prints() { 0 } else { LAST }),
        }
    }

    /// The name to write under.
    pub fn own_name(&self) -> anyhow::Result<String> {
        let of_login = || ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        let name = self.name.clone().or_else(|| of_login().and_then(|name| chat::check_name(&name).ok()));
        name.ok_or_else(|| anyhow::anyhow!("who are you? --name NAME"))
    }
}

fn name(text: &str) -> Result<String, String> {
    chat::check_name(text).map_err(|problem| problem.to_string())
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
    fn a_terminal_begins_with_history_and_a_pipe_without() {
        let check = |args: &[&str], input_is_pipe, expected| {
            let cli = Cli::try_parse_from([&["vidchat"], args].concat()).expect("it parses");
            assert_eq!(cli.start(input_is_pipe), expected, "{args:?} {input_is_pipe}");
        };
        check(&[], false, ChatStart::Last(50));
        check(&[], true, ChatStart::Last(0));
        check(&["-e"], true, ChatStart::Last(50));
        check(&["--print"], true, ChatStart::Last(50));
        check(&["--last", "3"], true, ChatStart::Last(3));
        check(&["--from-beginning"], true, ChatStart::Beginning);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused =
            |args: &[&str]| Cli::try_parse_from([&["vidchat"], args].concat()).expect_err("it is wrong").to_string();
        assert!(refused(&["--name", "a\nb"]).contains("a name has 1 to 64 bytes"));
        assert!(refused(&["--last", "-1"]).contains("write a whole number from 0 to 100000"));
        assert!(refused(&["--last", "3", "--from-beginning"]).contains("cannot be used with"));
    }
}
