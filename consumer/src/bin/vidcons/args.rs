//! The command line as it is typed.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;
use cli::kinds;
use cli::logging::LogArgs;
use cli::output::Output;
use cli::status::StatusArgs;
use cli::values::{self, DurationArg, whole};
use common::time::Speed;
use consumer::files::LineFormat;
use kafka::KafkaArgs;
use reports::{ReportArgs, ReportFile};
use web::AccessArgs;

use crate::start::Start;

const EXAMPLES: &str = "\
Examples:
  vidcons --topic video                               show what is live, in a window
  vidcons -t video --headless --print                 print a line for each frame, as in 'clip: 42'
  vidcons -t video -o beginning -e                    play all recorded frames, at their own pace
  vidcons -t video -o s@-10m -c 250                   play 250 frames from ten minutes ago on
  vidcons -t video --headless --output - | ffplay -   hand the JPEGs to another program
  vidcons -t video --headless --snapshot a.png -c 1   save one picture
  vidcons -t video --headless --http 8080 --open      show all sources in the browser, at http://127.0.0.1:8080
  vidcons -b broker:9092 --list                       list the topics, and the sources in them

Keys: q quit, space pause, s snapshot (a new snapshot-SOURCE-DATE-TIME.png each time), o overlay,
      f full screen, Esc leaves full screen or quits, Tab next source, Shift-Tab previous, h help";

/// Shows video from a Kafka topic, and measures the latency of each frame.
#[derive(Parser, Clone, Debug)]
#[command(name = "vidcons", version, about, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// Topic to read [default: video]
    #[arg(short, long, value_parser = kafka::topic_name)]
    pub topic: Option<String>,
    /// Show this source (repeatable: the first one that exists is shown, Tab switches to the next)
    #[arg(long = "source", value_name = "NAME", value_parser = values::filled)]
    pub sources: Vec<String>,
    /// List the topics (with -t only that one), and the sources in each: frame rate, size, age
    #[arg(short, long)]
    pub list: bool,
    /// Print completions for a shell
    #[arg(long, value_enum, value_name = "SHELL", hide_short_help = true, exclusive = true)]
    pub completions: Option<cli::Shell>,

    /// Begin at: newest, end, beginning, an offset N, the last N records (-N), or s@TIME, as in s@-10m
    ///
    /// TIME: -10m is ten minutes ago, 14:03 the most recent 14:03, 2026-01-31T12:00:00 local time (add Z or an offset as
    /// in +02:00 for another time zone), 2026-01-31 the beginning of that day, 1769857200000 milliseconds since 1970.
    #[arg(
        short,
        long,
        default_value = "newest",
        value_name = "WHERE",
        allow_hyphen_values = true,
        help_heading = "Playback"
    )]
    pub offset: Start,
    /// The same as -o beginning
    #[arg(long, conflicts_with = "offset", hide_short_help = true, help_heading = "Playback")]
    pub from_beginning: bool,
    /// End after N pictures
    #[arg(allow_hyphen_values = true, short, long, value_name = "N", value_parser = whole(1_u64..), help_heading = "Playback")]
    pub count: Option<u64>,
    /// End with the live stream, or at the end of the recorded frames
    ///
    /// A live stream that had ended before does not count. The end of the recorded frames is that of the topic when vidcons
    /// started.
    #[arg(short, long, help_heading = "Playback")]
    pub exit: bool,
    /// End when no frame has arrived for this time
    #[arg(allow_hyphen_values = true, long, value_name = "SECONDS", hide_short_help = true, help_heading = "Playback")]
    pub idle_timeout: Option<DurationArg>,
    /// Show every frame in order [default when reading recorded frames]
    #[arg(long, hide_short_help = true, help_heading = "Playback")]
    pub every_frame: bool,
    /// Show only the newest frame [default otherwise]
    #[arg(long, conflicts_with = "every_frame", hide_short_help = true, help_heading = "Playback")]
    pub live: bool,
    /// Speed of recorded frames [default: 1 in a window, max without]
    #[arg(long, value_name = "X|max", value_parser = values::speed, allow_hyphen_values = true, hide_short_help = true, help_heading = "Playback")]
    pub speed: Option<Speed>,
    /// Threads that decode a frame, at most 16 [default: one for each available core]
    #[arg(long, value_name = "N", value_parser = values::threads, allow_hyphen_values = true, hide_short_help = true, help_heading = "Playback")]
    pub threads: Option<NonZeroUsize>,

    /// Open no window; no display is needed
    #[arg(long, help_heading = "Window")]
    pub headless: bool,
    /// Position of the window's upper left corner
    #[arg(long, value_name = "X,Y", value_parser = position, allow_hyphen_values = true, hide_short_help = true, help_heading = "Window")]
    pub position: Option<(isize, isize)>,
    /// Size of the window [default: the picture's own]
    #[arg(long, value_name = "WxH", value_parser = window_size, allow_hyphen_values = true, hide_short_help = true, help_heading = "Window")]
    pub window_size: Option<(usize, usize)>,
    /// Open a window without a frame around it
    #[arg(long, hide_short_help = true, help_heading = "Window")]
    pub borderless: bool,
    /// Begin in full screen (f switches it on and off, Esc leaves it)
    #[arg(long, hide_short_help = true, help_heading = "Window")]
    pub fullscreen: bool,
    /// Begin without the overlay (o switches it on)
    #[arg(long, hide_short_help = true, help_heading = "Window")]
    pub no_overlay: bool,
    /// Title of the window [default: the source and its latency]
    #[arg(long, hide_short_help = true, help_heading = "Window")]
    pub title: Option<String>,

    /// Show all sources in browsers, at this address and port, as in 8080 or 127.0.0.1:8080
    #[arg(allow_hyphen_values = true, long, value_name = "[ADDRESS:]PORT", value_parser = web::address, help_heading = "Web")]
    pub http: Option<SocketAddr>,
    /// Open the page in the browser
    #[arg(long, requires = "http", hide_short_help = true, help_heading = "Web")]
    pub open: bool,
    #[command(flatten)]
    pub access: AccessArgs,

    /// Print a line for each frame of every source
    #[arg(long, help_heading = "Output")]
    pub print: bool,
    /// Print that line in this format: %s source, %n number, %f frame, %t topic, %p partition, %o offset, %k key,
    /// %T timestamp (ms), %S bytes, %w width, %e height, %L latency on arrival (ms), %h headers, \n, \t
    #[arg(long, value_name = "FORMAT", hide_short_help = true, help_heading = "Output")]
    pub format: Option<LineFormat>,
    /// Save a picture as PNG, or unchanged if the name ends in .jpg (the s key then saves FILE-1, FILE-2 …)
    #[arg(long, value_name = "FILE", value_parser = snapshot, help_heading = "Output")]
    pub snapshot: Option<PathBuf>,
    /// Save the Nth picture that is shown
    #[arg(long, value_name = "N", default_value_t = 1, requires = "snapshot", allow_hyphen_values = true, value_parser = whole(1_u64..), hide_short_help = true, help_heading = "Output")]
    pub at: u64,
    /// Write the JPEGs that are shown, one after the other (MJPEG); '-': standard output
    #[arg(long, value_name = "FILE|-", value_parser = mjpeg, hide_short_help = true, help_heading = "Output")]
    pub output: Option<Output>,
    /// Compare the bar in each shown test card with the headers; a mismatch makes the exit code 1
    #[arg(long, hide_short_help = true, help_heading = "Output")]
    pub verify_pixels: bool,

    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Read only this partition
    #[arg(allow_hyphen_values = true, short, long, value_name = "N", value_parser = whole(0_i32..), hide_short_help = true, help_heading = "Kafka")]
    pub partition: Option<i32>,
    /// Share the topic with the other members of this group, and commit the position
    #[arg(short, long, value_parser = values::filled, conflicts_with = "partition", hide_short_help = true, help_heading = "Kafka")]
    pub group: Option<String>,
    /// Fail if broker or topic are not there within this time [default: wait for ever]
    #[arg(allow_hyphen_values = true, long, value_name = "SECONDS", hide_short_help = true, help_heading = "Kafka")]
    pub timeout: Option<DurationArg>,

    #[command(flatten)]
    pub reports: ReportArgs,
    /// Leave the first N shown frames out of the latency, because the programs warm up
    #[arg(allow_hyphen_values = true, long, value_name = "N", default_value_t = 0, value_parser = whole(0_u64..), hide_short_help = true, help_heading = "Report")]
    pub skip: u64,
    /// The same as --report FILE.hgrm, whatever the file's name
    #[arg(long, value_name = "FILE.hgrm", hide_short_help = true, help_heading = "Report")]
    pub histogram: Option<PathBuf>,
    /// Explain at the end why p99 is what it is, and what to change (JSON reports always do)
    #[arg(long, hide_short_help = true, help_heading = "Report")]
    pub explain: bool,
    #[command(flatten)]
    pub log: LogArgs,
    #[command(flatten)]
    pub status: StatusArgs,
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
