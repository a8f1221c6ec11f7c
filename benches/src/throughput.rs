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
use crate::options::{Amount, ThroughputOptions};
use crate::rounds;

/// What was measured; after Ctrl-C, up to there.
#[derive(Debug)]
pub struct ThroughputResult {
    pub brokers: Vec<Broker>,
    pub measured: Vec<Measured>,
    pub interrupted: bool,
}

pub fn run(options: &ThroughputOptions, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let began = Began::now(clock);
    let brokers = brokers::start(&options.common.brokers, options.common.memory.as_deref(), shutdown)?;
    prepare(&brokers, options.common.prepare_messages, clock, shutdown)?;
    let measured = measure(options, &brokers, clock, shutdown)?;
    let result = ThroughputResult { brokers, measured, interrupted: shutdown.asked() };
    if let Some(to) = &options.common.report {
        let head = about::head("throughput", &result.brokers, report::settings(options), began, clock);
        about::write(report::report(head, &result), to)?;
    }
    shell::output::print(&report::text(options, &result))
}

fn measure(
    options: &ThroughputOptions,
    brokers: &[Broker],
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> anyhow::Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for round in 1..=options.common.rounds {
        for broker in rounds::turns(brokers.len(), round) {
            let run = Run::full(round, broker, options.amount, options.common.bytes);
            let name = &brokers[broker].name;
            let doing = || format!("{name}, round {round}");
            let Some(one) = case::run(run, &brokers[broker], clock, shutdown).with_context(doing)? else {
                return Ok(measured);
            };
            tracing::info!("{}: {:.0} MB/s", doing(), one.mb_per_second());
            measured.push(one);
        }
    }
    Ok(measured)
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
