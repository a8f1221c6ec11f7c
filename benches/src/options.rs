//! Options that several commands have.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use cli::values::{DurationArg, positive};
use itertools::Itertools;
use serde_json::{Value, json};
use testkit::display::Display;

use crate::brokers::{BenchBroker, BrokerChoice};
use crate::control::Control;
use crate::experiment::{Experiment, ExperimentArgs, joined};
use crate::schedule::{Schedule, count};
use crate::size::PictureSize;

#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// Brokers to compare: embedded, real, real3 (three nodes), or NAME=HOST:PORT of one that is running
    #[arg(
        long,
        allow_hyphen_values = true,
        default_value = "embedded,real",
        value_name = "NAME,…",
        value_delimiter = ','
    )]
    brokers: Vec<BrokerChoice>,
    #[command(flatten)]
    pub experiment: ExperimentArgs,
}

#[derive(Args, Clone, Copy, Debug)]
pub struct TimeArgs {
    /// How long each case is measured
    #[arg(long, allow_hyphen_values = true, default_value = "10", value_name = "TIME")]
    seconds: DurationArg,
    /// How long each case runs before it is measured
    #[arg(long, allow_hyphen_values = true, default_value = "2", value_name = "TIME")]
    warm: DurationArg,
}

/// The pictures of a command that has one size.
#[derive(Args, Clone, Debug)]
pub struct PictureArgs {
    /// Picture size: 360p, 720p, 1080p, 4k or WIDTHxHEIGHT
    #[arg(long, allow_hyphen_values = true, default_value = "720p", value_name = "SIZE")]
    pub size: PictureSize,
    /// Frames a second
    #[arg(long, allow_hyphen_values = true, default_value = "30", value_name = "N", value_parser = positive)]
    pub fps: f64,
}

#[derive(Args, Clone, Debug)]
pub struct PlayArgs {
    /// Play this file instead of the test card; its pictures are made smaller, never larger
    #[arg(long, value_name = "FILE")]
    pub clip: Option<PathBuf>,
    /// With windows: on DISPLAY, or under an Xvfb of its own if there is none
    #[arg(long)]
    pub window: bool,
}

impl CompareArgs {
    /// Starts an experiment and its brokers.
    pub fn start<'a>(&'a self, command: &'a str, control: Control<'a>) -> Result<(Experiment<'a>, Vec<BenchBroker>)> {
        if let Some(twice) = self.brokers.iter().map(|broker| &broker.name).duplicates().next() {
            anyhow::bail!("two brokers are called {twice}");
        }
        let experiment = Experiment::new(command, &self.experiment, control);
        let brokers = experiment.start_brokers(&self.brokers)?;
        ensure!(!brokers.is_empty(), "none of the brokers could be started");
        Ok((experiment, brokers))
    }
}

impl TimeArgs {
    pub fn seconds(&self) -> Duration {
        self.seconds.duration()
    }

    pub fn warm(&self) -> Duration {
        self.warm.duration()
    }

    /// The times at which frames or messages at this rate are due.
    pub fn schedule(&self, fps: f64) -> Schedule {
        Schedule { fps, warmup: count(self.warm(), fps), measured: count(self.seconds(), fps) }
    }

    /// The settings of a command together with these.
    pub fn settings(&self, of_command: Value) -> Value {
        let (seconds, warmup) = (self.seconds().as_secs_f64(), self.warm().as_secs_f64());
        joined(of_command, json!({ "seconds": seconds, "warmup_seconds": warmup }))
    }

    /// For the heading of a table.
    pub fn describe(&self) -> String {
        format!("{} s a case after {} s of warm-up", self.seconds().as_secs_f64(), self.warm().as_secs_f64())
    }
}

impl PlayArgs {
    /// Checks that the clip exists, and finds the display if there are windows.
    pub fn display(&self) -> Result<Option<Display>> {
        if let Some(clip) = &self.clip {
            ensure!(clip.is_file(), "--clip {}: there is no such file", clip.display());
        }
        self.window.then(Display::find).transpose()
    }

    /// The name of the played video in a report: that of the clip, or `test`.
    pub fn input(&self) -> String {
        self.clip.as_ref().map_or("test".to_owned(), |clip| clip.display().to_string())
    }
}
