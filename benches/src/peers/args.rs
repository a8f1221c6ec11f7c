//! The options of `vidbench peers`.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use cli::values::{DurationArg, whole};
use testkit::workspace::root;

use super::bar::{self, BarPlace};
use super::programs::{PEERS, Peer, peer};
use crate::experiment::ExperimentArgs;
use crate::options::PictureArgs;
use crate::size::PictureSize;

pub const EXAMPLES: &str = "\
Examples:
  vidbench peers                                           all lines, seen on a screen
  vidbench peers --lines ours-real,gstreamer --rounds 5    two of them
  vidbench peers --headless                                captured to decoded, without a screen
  vidbench peers --fps 60 --size 1920x1080 --clip FILE     other pictures

A line whose requirements are missing is reported and left out; scripts/setup bench installs what it can.";

#[derive(Args, Clone, Debug)]
pub struct PeersArgs {
    /// Lines to compare: ours-real, ours-embedded, gstreamer, gstreamer-synced, gstreamer-rtp, imagezmq,
    /// confluent-tuned, confluent, kafka-python [default: all but gstreamer-synced and gstreamer-rtp]
    #[arg(long, value_name = "LINE,…", value_delimiter = ',', value_parser = peer)]
    pub lines: Vec<&'static Peer>,
    /// Without a screen: from captured to decoded, as the programs themselves report it
    #[arg(long)]
    pub headless: bool,
    /// Number of frames in a run
    #[arg(long, allow_hyphen_values = true, default_value_t = 450, value_name = "N", value_parser = whole(1_usize..))]
    pub frames: usize,
    /// Number of frames at the beginning that do not count
    #[arg(long, allow_hyphen_values = true, default_value_t = 60, value_name = "N", value_parser = whole(0_usize..))]
    pub warm: usize,
    #[command(flatten)]
    pub picture: PictureArgs,
    /// JPEG quality
    #[arg(long, allow_hyphen_values = true, default_value_t = 80, value_name = "1-100", value_parser = whole(1_u8..=100))]
    pub quality: u8,
    /// The video, which is scaled to the size [default: samples/clip.mp4]
    #[arg(long, value_name = "FILE", default_value_os_t = root().join("samples/clip.mp4"), hide_default_value = true)]
    pub clip: PathBuf,
    /// Time for a consumer to start before its producer does
    #[arg(long, allow_hyphen_values = true, default_value = "3", value_name = "TIME")]
    pub settle: DurationArg,
    #[command(flatten)]
    pub experiment: ExperimentArgs,
}

impl PeersArgs {
    /// The lines to run.
    pub fn peers(&self) -> Vec<&'static Peer> {
        let default = || PEERS.iter().filter(|peer| peer.by_default(self.headless)).collect();
        if self.lines.is_empty() { default() } else { self.lines.clone() }
    }

    /// Refuses values that do not go together; returns the place of the bar in the pictures.
    pub fn check(&self) -> Result<BarPlace> {
        for (i, line) in self.lines.iter().enumerate() {
            ensure!(!self.lines[..i].contains(line), "{line} is named twice in --lines");
            ensure!(!self.headless || line.reports(), "{line} does not report its latency: omit --headless");
        }
        let PictureSize { width, height, .. } = self.picture.size;
        ensure!(width % 2 == 0 && height % 2 == 0, "--size must be even both ways, as 4:2:0 requires");
        let place =
            BarPlace::of(&self.picture.size).with_context(|| format!("--size must be at least {}x32", bar::WIDTH))?;
        ensure!(self.frames <= bar::FRAMES_MAX, "--frames can be {} at most", bar::FRAMES_MAX);
        ensure!(self.frames > self.warm, "--frames must be more than --warm ({})", self.warm);
        ensure!(self.clip.is_file(), "there is no clip {}: name one with --clip", self.clip.display());
        Ok(place)
    }
}
