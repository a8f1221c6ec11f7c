//! `vidbench throughput`: messages as fast as they go, with one consumer that reads along.

mod case;
mod report;

use std::process::ExitCode;

use anyhow::Context;
use common::clock::Clock;
use shell::shutdown::Shutdown;

use self::case::{Measured, Run};
use crate::about::{self, Began};
use crate::basics::PREPARE_BYTES;
use crate::brokers::{self, Broker};
use crate::failed::Failed;
use crate::options::{Amount, ThroughputOptions};
use crate::rounds;

/// What was measured; after Ctrl-C, up to there.
#[derive(Debug)]
pub struct ThroughputResult {
    pub brokers: Vec<Broker>,
    pub measured: Vec<Measured>,
    pub failed: Failed,
    pub interrupted: bool,
}

pub fn run(options: &ThroughputOptions, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let began = Began::now(clock);
    let brokers = brokers::start(&options.common.brokers, options.common.memory.as_deref(), shutdown)?;
    prepare(&brokers, options.common.prepare_messages, clock, shutdown)?;
    let (measured, failed) = measure(options, &brokers, clock, shutdown);
    let result = ThroughputResult { brokers, measured, failed, interrupted: shutdown.asked() };
    if let Some(to) = &options.common.report {
        let head = about::head("throughput", &result.brokers, report::settings(options), began, clock);
        about::write(report::report(head, &result), to)?;
    }
    shell::output::print(&report::text(options, &result))?;
    Ok(result.failed.code())
}

fn measure(
    options: &ThroughputOptions,
    brokers: &[Broker],
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> (Vec<Measured>, Failed) {
    let mut failed = Failed::default();
    let doing = |(round, broker): &(u32, usize)| format!("{}, round {round}", brokers[*broker].name);
    let measured = failed.each(rounds::all(options.common.rounds, brokers.len()), doing, shutdown, |turn| {
        let (round, broker) = *turn;
        let run = Run::full(round, broker, options.amount, options.common.bytes);
        let one = case::run(run, &brokers[broker], clock, shutdown)?;
        one.iter().for_each(|one| tracing::info!("{}: {:.0} MB/s", doing(turn), one.mb_per_second()));
        Ok(one)
    });
    (measured, failed)
}

/// Before the first round: a real Kafka that has just started runs uncompiled code, which is not what is compared. One message
/// at a time, as frames come: what is sent as fast as it goes is sent in few requests.
pub fn prepare(brokers: &[Broker], messages: u64, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<()> {
    for (broker, started) in brokers.iter().enumerate().filter(|_| messages > 0) {
        let run = Run { round: 0, broker, amount: Amount::Messages(messages), bytes: PREPARE_BYTES, in_flight_max: 1 };
        case::run(run, started, clock, shutdown).with_context(|| format!("{}, preparing", started.name))?;
    }
    Ok(())
}
