//! The command line of `vidbench peers`, as it is typed and as it is checked.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use cli::logging::LogArgs;
use cli::output::Output;
use cli::values::{self, DurationArg};

use super::bar::{self, Place};
use super::line::Line;
use crate::brokers::root;

const EXAMPLES: &str = "\
Examples:
  vidbench peers                                           all lines, seen on a screen
  vidbench peers --lines ours-real,gstreamer --rounds 5    two of them
  vidbench peers --headless                                captured to decoded, without a screen
  vidbench peers --fps 60 --size 1920x1080 --clip FILE     other pictures

What a line needs and is not there is said, and it is left out; scripts/setup bench installs what it can.";

#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct PeersArgs {
    /// What to compare: ours-real, ours-embedded, gstreamer, gstreamer-synced, gstreamer-rtp, imagezmq,
    /// confluent-tuned, confluent, kafka-python [default: all of them but gstreamer's two others]
    #[arg(long, value_name = "LINE,…", value_delimiter = ',')]
    pub lines: Vec<Line>,
    /// No screen: from captured to decoded, as the programs themselves tell it
    #[arg(long)]
    pub headless: bool,
    /// How often every line is run, in turn
    #[arg(long, allow_hyphen_values = true, default_value_t = 3, value_name = "N", value_parser = cli::values::whole(1_u32..=1000))]
    pub rounds: u32,
    /// How many frames a run has
    #[arg(long, allow_hyphen_values = true, default_value_t = 450, value_name = "N", value_parser = values::whole(1_usize..))]
    pub frames: usize,
    /// How many of them, at its begin, are not counted
    #[arg(long, allow_hyphen_values = true, default_value_t = 60, value_name = "N", value_parser = values::whole(0_usize..))]
    pub warm: usize,
    /// The size of the pictures, and of the screen
    #[arg(long, allow_hyphen_values = true, default_value = "1280x720", value_name = "WxH", value_parser = values::size)]
    pub size: (usize, usize),
    /// Frames a second
    #[arg(long, allow_hyphen_values = true, default_value = "30", value_name = "N", value_parser = values::positive)]
    pub fps: f64,
    /// JPEG quality
    #[arg(long, allow_hyphen_values = true, default_value_t = 80, value_name = "1-100", value_parser = cli::values::whole(1_u8..=100))]
    pub quality: u8,
    /// What is shown; scaled to the size [default: samples/clip.mp4]
    #[arg(long, value_name = "FILE")]
    pub clip: Option<PathBuf>,
    /// What a consumer gets to start before its producer is
    #[arg(long, allow_hyphen_values = true, default_value = "3", value_name = "TIME")]
    pub settle: DurationArg,
    /// Write machine, versions, settings and each run's figures as JSON ('-': standard output)
    #[arg(long, value_name = "FILE", value_parser = crate::basics::report)]
    pub report: Option<Output>,
    #[command(flatten)]
    pub log: LogArgs,
}

/// The size of a picture in 4:2:0; both numbers are even.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    pub width: usize,
    pub height: usize,
}

impl Size {
    /// Size of all planes in bytes.
    pub fn bytes(self) -> usize {
        self.width * self.height * 3 / 2
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

#[derive(Clone, Debug)]
pub struct PeersOptions {
    pub lines: Vec<Line>,
    pub headless: bool,
    pub rounds: u32,
    pub frames: usize,
    pub warm: usize,
    pub size: Size,
    pub place: Place,
    pub fps: f64,
    pub quality: u8,
    pub clip: PathBuf,
    pub settle: Duration,
    pub report: Option<Output>,
}

impl PeersOptions {
    pub fn check(args: &PeersArgs) -> anyhow::Result<PeersOptions> {
        let mut lines = args.lines.clone();
        if lines.is_empty() {
            lines = Line::ALL.into_iter().filter(|line| line.by_default(args.headless)).collect();
        }
        for (i, line) in lines.iter().enumerate() {
            ensure!(!lines[..i].contains(line), "{line} is named twice in --lines");
            ensure!(!args.headless || line.tells(), "{line} does not tell its latency: it cannot be had --headless");
        }
        let (width, height) = args.size;
        ensure!(width % 2 == 0 && height % 2 == 0, "--size must be even both ways, as 4:2:0 wants it");
        let size = Size { width, height };
        let Some(place) = Place::of(size) else { anyhow::bail!("--size must be at least {}x32", bar::WIDTH) };
        ensure!(args.frames <= bar::FRAMES_MAX, "--frames can be {} at most", bar::FRAMES_MAX);
        ensure!(args.frames > args.warm, "--frames must be more than --warm ({})", args.warm);
        let clip = args.clip.clone().unwrap_or_else(|| root().join("samples/clip.mp4"));
        ensure!(clip.is_file(), "there is no clip {}: name one with --clip", clip.display());
        if let Some(report) = &args.report {
            report.check()?;
        }
        Ok(PeersOptions {
            lines,
            headless: args.headless,
            rounds: args.rounds,
            frames: args.frames,
            warm: args.warm,
            size,
            place,
            fps: args.fps,
            quality: args.quality,
            clip,
            settle: args.settle.duration(),
            report: args.report.clone(),
        })
    }
}
