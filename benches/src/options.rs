//! The command line as it is checked.

use std::time::Duration;

use anyhow::ensure;
use shell::output::Output;

use crate::brokers::Choice;
use crate::cli::{CommonArgs, HopArgs, ThroughputArgs};

/// What every comparison of brokers has.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub brokers: Vec<Choice>,
    pub bytes: usize,
    pub rounds: u32,
    pub prepare_messages: u64,
    pub memory: Option<String>,
    pub report: Option<Output>,
}

#[derive(Clone, Debug)]
pub struct HopOptions {
    pub fps: Vec<f64>,
    pub consumers: Vec<usize>,
    pub seconds: Duration,
    pub warmup: Duration,
    pub common: Comparison,
}

/// When sending ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Amount {
    Time(Duration),
    Messages(u64),
}

#[derive(Clone, Debug)]
pub struct ThroughputOptions {
    pub amount: Amount,
    pub common: Comparison,
}

impl HopOptions {
    pub fn check(args: &HopArgs) -> anyhow::Result<HopOptions> {
        let mut fps = args.fps.clone();
        fps.sort_by(f64::total_cmp);
        fps.dedup();
        let mut consumers = args.consumers.clone();
        consumers.sort_unstable();
        consumers.dedup();
        let (seconds, warmup) = (args.seconds.duration(), args.warmup.duration());
        let slowest = fps.first().copied().unwrap_or(1.0);
        ensure!(seconds.as_secs_f64() * slowest >= 1.0, "--seconds is too short for a single message at {slowest} fps");
        Ok(HopOptions { fps, consumers, seconds, warmup, common: Comparison::check(&args.common)? })
    }
}

impl ThroughputOptions {
    pub fn check(args: &ThroughputArgs) -> anyhow::Result<ThroughputOptions> {
        let seconds = args.seconds.duration();
        ensure!(!seconds.is_zero(), "--seconds must be above zero");
        let amount = args.messages.map_or(Amount::Time(seconds), Amount::Messages);
        Ok(ThroughputOptions { amount, common: Comparison::check(&args.common)? })
    }
}

impl Comparison {
    fn check(args: &CommonArgs) -> anyhow::Result<Comparison> {
        let brokers = args.brokers.clone();
        for (i, broker) in brokers.iter().enumerate() {
            ensure!(brokers[..i].iter().all(|b| b.name() != broker.name()), "two brokers are called {}", broker.name());
        }
        if let Some(report) = &args.report {
            report.check()?;
        }
        Ok(Comparison {
            brokers,
            bytes: args.bytes,
            rounds: args.rounds,
            prepare_messages: args.prepare,
            memory: args.memory.clone(),
            report: args.report.clone(),
        })
    }
}
