//! The command line as it is typed.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;
use kafka::KafkaArgs;
use shell::logging::LogArgs;
use shell::output::Output;
use shell::report::ReportArgs;
use shell::status::StatusArgs;
use shell::values::{self, Span, Speed};

use crate::format::Format;
use crate::start::Start;

const EXAMPLES: &str = "\
Examples:
  vidcons --topic video                               show what is live, in a window
  vidcons -t video --headless --print                 a line for each frame, as in 'clip: 42'
  vidcons -t video -o beginning -e                    what the topic still holds, at its own pace
  vidcons -t video -o s@2026-01-31T12:00:00Z -c 250   ten seconds from a moment on
  vidcons -t video --headless --output - | ffplay -   the JPEGs, for another program
  vidcons -t video --headless --snapshot a.png -c 1   one picture
  vidcons -b broker:9092 --list                       topics, and the sources in them

Keys: q quit, space pause, s snapshot (a new snapshot-SOURCE-DATE-TIME.png each time), o overlay,
      f full screen, Esc leaves full screen or quits, Tab next source, Shift-Tab previous, h help";

/// Shows video from a Kafka topic, and says how old each picture is.
#[derive(Parser, Clone, Debug)]
#[command(name = "vidcons", version, about, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// The topic [default: video]
    #[arg(short, long)]
    pub topic: Option<String>,
    /// Show this source (repeatable; the first that is there is shown, Tab goes on to the next)
    #[arg(long = "source", value_name = "NAME")]
    pub sources: Vec<String>,

    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Read only this partition
    #[arg(allow_negative_numbers = true, short, long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..), help_heading = "Kafka")]
    pub partition: Option<i32>,
    /// Share the topic with the other members of a group, and commit what was read
    #[arg(short, long, conflicts_with = "partition", help_heading = "Kafka")]
    pub group: Option<String>,
    /// Give up after that long without broker or topic [default: wait]
    #[arg(allow_negative_numbers = true, long, value_name = "SECONDS", help_heading = "Kafka")]
    pub timeout: Option<Span>,

    /// Where to begin: newest, end, beginning, an offset N, the last N (-N), or s@TIME (ms, or as in 2026-01-31T12:00:00Z)
    #[arg(
        short,
        long,
        default_value = "newest",
        value_name = "WHERE",
        allow_hyphen_values = true,
        help_heading = "What to read"
    )]
    pub offset: Start,
    /// The same as -o beginning
    #[arg(long, conflicts_with = "offset", help_heading = "What to read")]
    pub from_beginning: bool,
    /// End after N pictures
    #[arg(allow_negative_numbers = true, short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "What to read")]
    pub count: Option<u64>,
    /// End at the end: of the live stream (one that had ended before does not count), or of the topic as it stood when
    /// reading history
    #[arg(short, long, help_heading = "What to read")]
    pub exit: bool,
    /// End when no frame has come for that long
    #[arg(allow_negative_numbers = true, long, value_name = "SECONDS", help_heading = "What to read")]
    pub idle_timeout: Option<Span>,
    /// Show every frame in order, and never skip to the newest (history does so by itself)
    #[arg(long, help_heading = "What to read")]
    pub every_frame: bool,
    /// Always skip to the newest frame
    #[arg(long, conflicts_with = "every_frame", help_heading = "What to read")]
    pub live: bool,
    /// How fast to play history [default: 1 in a window, max without]
    #[arg(long, value_name = "X|max", help_heading = "What to read")]
    pub speed: Option<Speed>,

    /// Threads that decode a frame, at most 16 [default: one for each core that may be used]
    #[arg(long, value_name = "N", help_heading = "Window")]
    pub threads: Option<NonZeroUsize>,
    /// No window, and no display needed
    #[arg(long, help_heading = "Window")]
    pub headless: bool,
    /// Where its upper left corner goes
    #[arg(long, value_name = "X,Y", value_parser = position, allow_hyphen_values = true, help_heading = "Window")]
    pub position: Option<(isize, isize)>,
    /// Its size [default: the picture's own]
    #[arg(long, value_name = "WxH", value_parser = values::size, help_heading = "Window")]
    pub window_size: Option<(usize, usize)>,
    /// No frame around it
    #[arg(long, help_heading = "Window")]
    pub borderless: bool,
    /// Begin in full screen (f turns it on and off, Esc leaves it)
    #[arg(long, help_heading = "Window")]
    pub fullscreen: bool,
    /// Begin without the overlay (o turns it on)
    #[arg(long, help_heading = "Window")]
    pub no_overlay: bool,
    /// Its title [default: the source and how old its picture is]
    #[arg(long, help_heading = "Window")]
    pub title: Option<String>,

    /// Print a line for each frame of every source
    #[arg(long, help_heading = "Output")]
    pub print: bool,
    /// What to print: %s source, %n number, %f frame, %t topic, %p partition, %o offset, %k key, %T timestamp (ms),
    /// %S bytes, %w width, %e height, %L age on arrival (ms), %h headers, \n, \t  (turns --print on)
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<Format>,
    /// Write a picture as PNG (or as the JPEG it is, for a name that ends in .jpg); the s key then writes FILE-1, FILE-2 …
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub snapshot: Option<PathBuf>,
    /// Which one: the Nth that is shown
    #[arg(long, value_name = "N", default_value_t = 1, requires = "snapshot", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Output")]
    pub at: u64,
    /// Write the JPEGs that are shown one after the other, to a file or standard output (MJPEG)
    #[arg(long, value_name = "FILE|-", help_heading = "Output")]
    pub output: Option<Output>,
    /// Read the test card's bar back from the pixels that were shown, and hold them against the headers (exit code 1 if
    /// one disagrees)
    #[arg(long, help_heading = "Output")]
    pub verify_pixels: bool,
    /// Print the topics (with -t that one), and the sources in each with rate, size and age
    #[arg(short, long, help_heading = "Output")]
    pub list: bool,

    #[command(flatten)]
    pub reports: ReportArgs,
    /// Leave the first N frames out of the latency: they warm up, and count as shown
    #[arg(allow_negative_numbers = true, long, value_name = "N", default_value_t = 0, help_heading = "Report")]
    pub skip: u64,
    /// The same as --report FILE.hgrm, whatever the file's name
    #[arg(long, value_name = "FILE.hgrm", help_heading = "Report")]
    pub histogram: Option<PathBuf>,
    /// Say at the end why p99 is what it is, and what to change (the JSON report always has it)
    #[arg(long, help_heading = "Words")]
    pub explain: bool,
    #[command(flatten)]
    pub log: LogArgs,
    #[command(flatten)]
    pub status: StatusArgs,
    /// Print the completions of a shell
    #[arg(long, value_enum, value_name = "SHELL", help_heading = "Words", exclusive = true)]
    pub completions: Option<shell::Shell>,
}

fn position(text: &str) -> Result<(isize, isize), String> {
    text.split_once(',')
        .and_then(|(x, y)| Some((x.trim().parse().ok()?, y.trim().parse().ok()?)))
        .ok_or_else(|| "write X,Y, as in 0,0".to_owned())
}

/// Who writes to standard output: at most one may.
pub fn writers_to_stdout(cli: &Cli) -> Vec<&'static str> {
    let stdout = |output: &Option<Output>| *output == Some(Output::Stdout);
    [
        (cli.print || cli.format.is_some(), "--print"),
        (stdout(&cli.output), "--output -"),
        (cli.reports.to_stdout(), "--report -"),
        (cli.list, "--list"),
    ]
    .into_iter()
    .filter_map(|(on, name)| on.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(args: &[&str]) -> Cli {
        Cli::try_parse_from([&["vidcons"], args].concat()).expect("it parses")
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn two_users_of_standard_output_are_seen() {
        let check = |args: &[&str], names: &[&str]| assert_eq!(writers_to_stdout(&parse(args)), names);
        check(&["--print", "--report", "r.json"], &["--print"]);
        check(&["--print", "--output", "-"], &["--print", "--output -"]);
        check(&["--report", "-", "--output", "-"], &["--output -", "--report -"]);
    }
}
