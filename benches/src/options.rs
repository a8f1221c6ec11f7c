//! Options that several commands have.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use cli::logging::LogArgs;
use cli::output::Output;
use cli::values::DurationArg;

use crate::brokers::{self, BrokerChoice, StartedBroker};
use crate::control::Control;
use crate::messages::prepare::prepare;
use crate::report::CommonSettings;

/// The number of messages after which a JVM has compiled the code on the request path. Its compiler takes most of a
/// core, and stops after about 60 000.
pub const PREPARE_MESSAGES: u64 = 100_000;

#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// Brokers to compare: embedded, real, real3 (three nodes), or NAME=HOST:PORT of one that is running
    #[arg(
        long,
        allow_hyphen_values = true,
        default_value = "embedded,real",
        value_name = "BROKER,…",
        value_delimiter = ','
    )]
    pub brokers: Vec<BrokerChoice>,
    /// Number of rounds; each runs every case once
    #[arg(long, allow_hyphen_values = true, default_value_t = 3, value_name = "N", value_parser = cli::values::whole(1_u32..=1000))]
    pub rounds: u32,
    /// Messages through each broker, one by one, before the first round, so that a real Kafka's JVM has compiled its code
    #[arg(long, allow_hyphen_values = true, default_value_t = PREPARE_MESSAGES, value_name = "N", value_parser = cli::values::whole(0_u64..))]
    pub prepare: u64,
    /// Passed to vidbroker as its --memory [default: its own]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
    /// Write machine, versions, settings and each round's figures as JSON ('-': standard output)
    #[arg(long, value_name = "FILE", value_parser = report)]
    pub report: Option<Output>,
    #[command(flatten)]
    pub log: LogArgs,
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

impl TimeArgs {
    pub fn seconds(&self) -> Duration {
        self.seconds.duration()
    }

    pub fn warm(&self) -> Duration {
        self.warm.duration()
    }

    /// For the heading of a table.
    pub fn describe(&self) -> String {
        format!("{} s a case after {} s of warm-up", self.seconds().as_secs_f64(), self.warm().as_secs_f64())
    }
}

/// Parses the destination of a report, which is JSON.
pub fn report(text: &str) -> Result<Output, String> {
    text.parse::<Output>()?.of_kind("a report", &["json", "txt", "log"], "name it .json")
}

/// The name of the played video in a report: that of the clip, or `test`.
pub fn input_name(clip: Option<&PathBuf>) -> String {
    clip.map_or("test".to_owned(), |clip| clip.display().to_string())
}

pub fn check_clip(clip: &Path) -> anyhow::Result<()> {
    ensure!(clip.is_file(), "--clip {}: there is no such file", clip.display());
    Ok(())
}

impl CompareArgs {
    /// Starts the brokers and prepares them.
    pub fn start(&self, control: Control<'_>) -> anyhow::Result<Vec<StartedBroker>> {
        let names: Vec<&str> = self.brokers.iter().map(BrokerChoice::name).collect();
        for (i, name) in names.iter().enumerate() {
            ensure!(!names[..i].contains(name), "two brokers are called {name}");
        }
        self.report.iter().try_for_each(Output::check)?;
        let brokers = brokers::start(&self.brokers, self.memory.as_deref(), control)?;
        prepare(&brokers, self.prepare, control)?;
        Ok(brokers)
    }

    pub fn settings(&self, times: Option<&TimeArgs>) -> CommonSettings {
        CommonSettings {
            rounds: self.rounds,
            prepare_messages: self.prepare,
            memory: self.memory.clone(),
            seconds: times.map(|times| times.seconds().as_secs_f64()),
            warmup_seconds: times.map(|times| times.warm().as_secs_f64()),
        }
    }
}
