//! `vidbench floor` as it is typed.

use std::path::PathBuf;

use clap::Args;
use cli::values::positive;

use crate::basics::{Basics, Times};
use crate::size::Size;

pub const EXAMPLES: &str = "\
Examples:
  vidbench floor                                    720p30 of the test card, embedded and real, headless
  vidbench floor --window --brokers real            with present, as vidcons reports it
  vidbench floor --size 1080p --clip samples/clip.mp4

Each stage is measured alone and at the frames' own pace, in the same rounds as the whole.";

#[derive(Args, Clone, Debug)]
pub struct FloorArgs {
    /// Picture size: 360p, 720p, 1080p, 4k or WIDTHxHEIGHT
    #[arg(long, allow_hyphen_values = true, default_value = "720p", value_name = "SIZE")]
    pub size: Size,
    /// Frames a second
    #[arg(long, allow_hyphen_values = true, default_value = "30", value_name = "N", value_parser = positive)]
    pub fps: f64,
    /// Play this file instead of the test card; its pictures are made smaller, never larger
    #[arg(long, value_name = "FILE")]
    pub clip: Option<PathBuf>,
    /// With windows: on DISPLAY, or without one under an Xvfb of its own
    #[arg(long)]
    pub window: bool,
    #[command(flatten)]
    pub times: Times,
    #[command(flatten)]
    pub basics: Basics,
}
