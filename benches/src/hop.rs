//! `vidbench hop`: the latency of the bare hop, one producer to some consumers.
//!
//! Producer and consumers are threads of this process: what disturbs a broker on the same machine are their threads, of
//! which there are as many in processes of their own, and nothing has to be started while something is measured.

pub mod case;
mod ratios;
mod report;
mod table;

use std::process::ExitCode;

use common::clock::Clock;
use shell::shutdown::Shutdown;

use self::case::{Case, Load, Measured};
use crate::about::{self, Began};
use crate::acks::Acks;
use crate::brokers::{self, Broker};
use crate::failed::Failed;
use crate::options::HopOptions;
use crate::payload::Payload;
use crate::{rounds, throughput};

/// What was measured; after Ctrl-C, up to there.
#[derive(Debug)]
pub struct HopResult {
    pub brokers: Vec<Broker>,
    /// In the order in which it was.
    pub measured: Vec<Measured>,
    pub failed: Failed,
    pub interrupted: bool,
}

pub fn run(options: &HopOptions, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let began = Began::now(clock);
    let brokers = brokers::start(&options.common.brokers, options.common.memory.as_deref(), shutdown)?;
    throughput::prepare(&brokers, options.common.prepare_messages, clock, shutdown)?;
    let (measured, failed) = measure(options, &brokers, clock, shutdown);
    let result = HopResult { brokers, measured, failed, interrupted: shutdown.asked() };
    if let Some(to) = &options.common.report {
        let head = about::head("hop", &result.brokers, report::settings(options), began, clock);
        about::write(report::report(head, &result), to)?;
    }
    shell::output::print(&table::text(options, &result))?;
    Ok(result.failed.code())
}

fn measure(
    options: &HopOptions,
    brokers: &[Broker],
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> (Vec<Measured>, Failed) {
    let load = Load { payload: Payload::new(options.common.bytes), warmup: options.warmup, seconds: options.seconds };
    let mut failed = Failed::default();
    let doing = |Case { round, broker, fps, consumers, .. }: &Case| {
        format!("{}, {fps} fps, {consumers} consumer(s), round {round}", brokers[*broker].name)
    };
    let measured = failed.each(cases(options, brokers.len()), doing, shutdown, |case| {
        let one = case::run(*case, &load, &brokers[case.broker], clock, shutdown)?;
        if let Some(one) = &one {
            let at = |quantile| one.from_send.histogram().value_at_quantile(quantile) as f64 / 1e3;
            tracing::info!("{}: p50 {:.2} p99 {:.2} ms", doing(case), at(0.5), at(0.99));
        }
        Ok(one)
    });
    (measured, failed)
}

/// All of them in turn: the brokers of one case right after each other, so that they share a noisy minute.
fn cases(options: &HopOptions, brokers: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for round in 1..=options.common.rounds {
        for &fps in &options.fps {
            for &consumers in &options.consumers {
                let turns = rounds::turns(brokers, round).into_iter();
                cases.extend(turns.map(|broker| Case { round, broker, fps, consumers, acks: Acks::All, linger_ms: 0 }));
            }
        }
    }
    cases
}
