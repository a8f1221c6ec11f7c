//! `vidbench run` as it is typed.

use std::path::PathBuf;

use clap::Args;
use cli::values::{Bytes, positive};

use crate::acks::Acks;
use crate::basics::{Basics, Times};
use crate::size::Size;

pub const EXAMPLES: &str = "\
Examples:
  vidbench run                                                 720p30, embedded against real
  vidbench run --sizes 720p,1080p --fps 30,60 --brokers real   one broker, four cases
  vidbench run --brokers real --acks all,1,0 --window          with windows, under Xvfb where there is no display
  vidbench run --clip samples/clip.mp4 --limit 1000000,50000   a clip; whole frames against frames in parts

Latency counts from when a frame was due to when it was decoded, or with --window presented, as vidcons reports it.";

#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Picture sizes: 360p, 720p, 1080p, 4k or WIDTHxHEIGHT
    #[arg(long, allow_hyphen_values = true, default_value = "720p", value_name = "SIZE,…", value_delimiter = ',')]
    pub sizes: Vec<Size>,
    /// Frames a second
    #[arg(long, allow_hyphen_values = true, default_value = "30", value_name = "N,…", value_delimiter = ',', value_parser = positive)]
    pub fps: Vec<f64>,
    /// Whose acknowledgement is waited for: all, 1, 0
    #[arg(long, allow_hyphen_values = true, default_value = "all", value_name = "ACKS,…", value_delimiter = ',')]
    pub acks: Vec<Acks>,
    /// Message limits: larger frames go in parts [default: what the topic says]
    #[arg(long, allow_hyphen_values = true, value_name = "SIZE,…", value_delimiter = ',')]
    pub limit: Vec<Bytes>,
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
