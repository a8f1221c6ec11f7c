//! The command line as it is typed.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;
use cli::kinds;
use cli::logging::LogArgs;
use cli::output::Output;
use cli::status::StatusArgs;
use cli::values::{self, DurationArg, Speed, whole};
use consumer::files::LineFormat;
use kafka::KafkaArgs;
use reports::{ReportArgs, ReportFile};

use crate::start::Start;

const EXAMPLES: &str = "\
Examples:
  vidcons --topic video                               show what is live, in a window
  vidcons -t video --headless --print                 a line for each frame, as in 'clip: 42'
  vidcons -t video -o beginning -e                    what the topic still holds, at its own pace
  vidcons -t video -o s@-10m -c 250                   ten seconds of what there was ten minutes ago
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
    #[arg(short, long, value_parser = kafka::topic_name)]
    pub topic: Option<String>,
    /// Show this source (repeatable; the first that is there is shown, Tab goes on to the next)
    #[arg(long = "source", value_name = "NAME", value_parser = values::filled)]
    pub sources: Vec<String>,

    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Read only this partition
    #[arg(allow_hyphen_values = true, short, long, value_name = "N", value_parser = whole(0_i32..), help_heading = "Kafka")]
    pub partition: Option<i32>,
    /// Share the topic with the other members of a group, and commit what was read
    #[arg(short, long, value_parser = values::filled, conflicts_with = "partition", help_heading = "Kafka")]
    pub group: Option<String>,
    /// Give up after that long without broker or topic [default: wait]
    #[arg(allow_hyphen_values = true, long, value_name = "SECONDS", help_heading = "Kafka")]
    pub timeout: Option<DurationArg>,

    /// Where to begin: newest, end, beginning, an offset N, the last N (-N), or s@TIME: s@-10m is ten minutes
    /// ago, s@14:03 the most recent 14:03, s@2026-01-31T12:00:00 local time (add Z or an offset as in +02:00 for
    /// another), s@2026-01-31 its beginning, s@1769857200000 ms since 1970
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
    #[arg(allow_hyphen_values = true, short, long, value_name = "N", value_parser = whole(1_u64..), help_heading = "What to read")]
    pub count: Option<u64>,
    /// End at the end: of the live stream (one that had ended before does not count), or of the topic as it stood when
    /// reading history
    #[arg(short, long, help_heading = "What to read")]
    pub exit: bool,
    /// End when no frame has come for that long
    #[arg(allow_hyphen_values = true, long, value_name = "SECONDS", help_heading = "What to read")]
    pub idle_timeout: Option<DurationArg>,
    /// Show every frame in order, and never skip to the newest (history does so by itself)
    #[arg(long, help_heading = "What to read")]
    pub every_frame: bool,
    /// Always skip to the newest frame
    #[arg(long, conflicts_with = "every_frame", help_heading = "What to read")]
    pub live: bool,
    /// How fast to play history [default: 1 in a window, max without]
    #[arg(long, value_name = "X|max", allow_hyphen_values = true, help_heading = "What to read")]
    pub speed: Option<Speed>,

    /// Threads that decode a frame, at most 16 [default: one for each core that may be used]
    #[arg(long, value_name = "N", value_parser = values::threads, allow_hyphen_values = true, help_heading = "Window")]
    pub threads: Option<NonZeroUsize>,
    /// No window, and no display needed
    #[arg(long, help_heading = "Window")]
    pub headless: bool,
    /// Where its upper left corner goes
    #[arg(long, value_name = "X,Y", value_parser = position, allow_hyphen_values = true, help_heading = "Window")]
    pub position: Option<(isize, isize)>,
    /// Its size [default: the picture's own]
    #[arg(long, value_name = "WxH", value_parser = window_size, allow_hyphen_values = true, help_heading = "Window")]
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
    pub format: Option<LineFormat>,
    /// Write a picture as PNG (or as the JPEG it is, for a name that ends in .jpg); the s key then writes FILE-1, FILE-2 …
    #[arg(long, value_name = "FILE", value_parser = snapshot, help_heading = "Output")]
    pub snapshot: Option<PathBuf>,
    /// Which one: the Nth that is shown
    #[arg(long, value_name = "N", default_value_t = 1, requires = "snapshot", allow_hyphen_values = true, value_parser = whole(1_u64..), help_heading = "Output")]
    pub at: u64,
    /// Write the JPEGs that are shown one after the other, to a file or standard output (MJPEG)
    #[arg(long, value_name = "FILE|-", value_parser = mjpeg, help_heading = "Output")]
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
    #[arg(allow_hyphen_values = true, long, value_name = "N", default_value_t = 0, value_parser = whole(0_u64..), help_heading = "Report")]
    pub skip: u64,
    /// The same as --report FILE.hgrm, whatever the file's name
    #[arg(long, value_name = "FILE.hgrm", help_heading = "Report")]
    pub histogram: Option<PathBuf>,
    /// Say at the end why p99 is what it is, and what to change (the JSON report always has it)
    #[arg(long, help_heading = "Logging")]
    pub explain: bool,
    #[command(flatten)]
    pub log: LogArgs,
    #[command(flatten)]
    pub status: StatusArgs,
    /// Print the completions of a shell
    #[arg(long, value_enum, value_name = "SHELL", help_heading = "Logging", exclusive = true)]
    pub completions: Option<cli::Shell>,
}

/// Largest size and position of a window in X11.
const SCREEN_MAX: i16 = i16::MAX;

fn window_size(text: &str) -> Result<(usize, usize), String> {
    values::size_up_to(SCREEN_MAX as usize, text)
}

fn position(text: &str) -> Result<(isize, isize), String> {
    let pixels = |n: &str| n.trim().parse::<i16>().ok().map(isize::from);
    let position = text.split_once(',').and_then(|(x, y)| pixels(x).zip(pixels(y)));
    position.ok_or_else(|| format!("write X,Y, as in 0,0; each can be {} to {SCREEN_MAX}", i16::MIN))
}

/// Parses the file name of a snapshot.
fn snapshot(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(values::filled(text)?);
    kinds::check(&path, "a snapshot", &["png", "jpg", "jpeg"], "name it .png, or .jpg for the JPEG as it came")?;
    Ok(path)
}

/// Parses the output for the JPEGs that are shown. A single JPEG (`-c 1`) is an ordinary .jpg file.
fn mjpeg(text: &str) -> Result<Output, String> {
    let instead = "name it .mjpeg, or let FFmpeg convert: --output - | ffmpeg -f mjpeg -i - FILE.mp4";
    text.parse::<Output>()?.of_kind("a series of JPEGs", &["mjpeg", "mjpg", "jpg", "jpeg"], instead)
}

impl Cli {
    /// The requested reports.
    pub fn report_files(&self) -> Vec<ReportFile> {
        let histogram = self.histogram.clone().map(ReportFile::hgrm);
        self.reports.files.iter().cloned().chain(histogram).collect()
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
        // The option takes a format, which is text.
        assert_eq!(
            cli::signs::options_that_take_no_sign(&Cli::command(), &[std::any::TypeId::of::<reports::ReportFile>()]),
            ["vidcons --format"]
        );
    }

    #[test]
    fn files_of_another_kind_are_refused() {
        let refused = |args: &[&str]| Cli::try_parse_from([&["vidcons"], args].concat()).is_err();
        for name in ["a.gif", "a.webp", "a.html", "a.pdf", ""] {
            assert!(refused(&["--snapshot", name]), "{name}");
        }
        for name in ["a.mp4", "a.mkv", "a.png", "a.zip"] {
            assert!(refused(&["--output", name]), "{name}");
        }
        for args in [["--snapshot", "a"], ["--snapshot", "a.jpeg"], ["--output", "a.mjpeg"], ["--output", "a.jpg"]] {
            assert!(!refused(&args), "{args:?}");
        }
    }
}
