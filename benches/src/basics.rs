//! Options that all comparisons have: brokers, rounds, destination of the report.

use anyhow::ensure;
use clap::Args;
use cli::logging::LogArgs;
use cli::output::Output;
use cli::shutdown::Shutdown;
use cli::values::DurationArg;
use common::time::Clock;

use crate::brokers::{self, Broker, Choice};
use crate::prepare;

#[derive(Args, Clone, Debug)]
pub struct Basics {
    /// What to compare: embedded, real, real3 (three nodes), or NAME=HOST:PORT of one that is running
    #[arg(
        long,
        allow_hyphen_values = true,
        default_value = "embedded,real",
        value_name = "BROKER,…",
        value_delimiter = ','
    )]
    pub brokers: Vec<Choice>,
    /// How often every case is run, in turn
    #[arg(long, allow_hyphen_values = true, default_value_t = 3, value_name = "N", value_parser = cli::values::whole(1_u32..=1000))]
    pub rounds: u32,
    /// Messages through each broker, one by one, before the first round: for the real one's compiler
    #[arg(long, allow_hyphen_values = true, default_value_t = prepare::MESSAGES, value_name = "N", value_parser = cli::values::whole(0_u64..))]
    pub prepare: u64,
    /// Given to vidbroker as its --memory [default: its own]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
    /// Write machine, versions, settings and each round's figures as JSON ('-': standard output)
    #[arg(long, value_name = "FILE", value_parser = report)]
    pub report: Option<Output>,
    #[command(flatten)]
    pub log: LogArgs,
}

/// What every comparison of cases that go on for a time is told besides.
#[derive(Args, Clone, Debug)]
pub struct Times {
    /// How long each case is measured
    #[arg(long, allow_hyphen_values = true, default_value = "10", value_name = "TIME")]
    pub seconds: DurationArg,
    /// How long each case goes on before that without being counted
    #[arg(long, allow_hyphen_values = true, default_value = "2", value_name = "TIME")]
    pub warm: DurationArg,
}

/// Parses the destination of a report, which is JSON.
pub fn report(text: &str) -> Result<Output, String> {
    text.parse::<Output>()?.of_kind("a report", &["json", "txt", "log"], "name it .json")
}

impl Basics {
    pub fn check(&self) -> anyhow::Result<()> {
        let names: Vec<&str> = self.brokers.iter().map(Choice::name).collect();
        for (i, name) in names.iter().enumerate() {
            ensure!(!names[..i].contains(name), "two brokers are called {name}");
        }
        self.report.iter().try_for_each(Output::check)
    }

    /// Starts the brokers and prepares them.
    pub fn start(&self, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<Vec<Broker>> {
        let brokers = brokers::start(&self.brokers, self.memory.as_deref(), shutdown)?;
        prepare::run(&brokers, self.prepare, clock, shutdown)?;
        Ok(brokers)
    }
}
