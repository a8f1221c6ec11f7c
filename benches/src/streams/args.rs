//! `vidbench streams` as it is typed.

use clap::{Args, ValueEnum};
use cli::values::positive;

use crate::basics::{Basics, Times};
use crate::size::Size;

pub const EXAMPLES: &str = "\
Examples:
  vidbench streams --brokers embedded                     1, 2, 3 ... sources of 720p30, until p99 passes 33 ms
  vidbench streams --viewers each                         each source with a viewer of its own
  vidbench streams --max 1 --consumers 8                  only one source, for 1 to 8 viewers

All sources publish into one topic; every viewer is headless and receives all of it.";

/// Who watches.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Viewers {
    /// One, which shows the first source.
    #[default]
    One,
    /// One for each source.
    Each,
}

#[derive(Args, Clone, Debug)]
pub struct StreamsArgs {
    /// No more sources than that
    #[arg(long, allow_hyphen_values = true, default_value_t = 16, value_name = "N", value_parser = number)]
    pub max: usize,
    /// Go on until p99 passes this
    #[arg(long, allow_hyphen_values = true, default_value = "33", value_name = "MS", value_parser = positive)]
    pub until_p99_ms: f64,
    /// Who watches the sources
    #[arg(long, value_enum, default_value_t)]
    pub viewers: Viewers,
    /// Then one source with 1, 2, 3 ... viewers, up to this many
    #[arg(long, allow_hyphen_values = true, default_value_t = 4, value_name = "N", value_parser = number)]
    pub consumers: usize,
    /// Picture size: 360p, 720p, 1080p, 4k or WIDTHxHEIGHT
    #[arg(long, allow_hyphen_values = true, default_value = "720p", value_name = "SIZE")]
    pub size: Size,
    /// Frames a second
    #[arg(long, allow_hyphen_values = true, default_value = "30", value_name = "N", value_parser = positive)]
    pub fps: f64,
    #[command(flatten)]
    pub times: Times,
    #[command(flatten)]
    pub basics: Basics,
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=64).contains(n)).ok_or_else(|| "write a number from 1 to 64".to_owned())
}
