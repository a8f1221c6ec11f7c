//! `vidbench throughput`: messages at full speed, with one consumer that reads them.

pub mod args;
pub mod case;
mod report;

use std::process::ExitCode;

use anyhow::ensure;
use cli::shutdown::Shutdown;
use common::time::Clock;

use self::args::ThroughputArgs;
use self::case::{Measured, Run};
use crate::about::{self, Began};
use crate::brokers::Broker;
use crate::failed::Failed;
use crate::rounds;

/// The result; after Ctrl-C, of the runs until then.
#[derive(Debug)]
pub struct ThroughputResult {
    pub brokers: Vec<Broker>,
    pub measured: Vec<Measured>,
    pub failed: Failed,
    pub interrupted: bool,
}

pub fn run(args: &ThroughputArgs, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    args.basics.check()?;
    ensure!(!args.seconds.duration().is_zero(), "--seconds must be above zero");
    let began = Began::now(clock);
    let brokers = args.basics.start(clock, shutdown)?;
    let (measured, failed) = measure(args, &brokers, clock, shutdown);
    let result = ThroughputResult { brokers, measured, failed, interrupted: shutdown.asked() };
    if let Some(to) = &args.basics.report {
        let head = about::head("throughput", &result.brokers, report::settings(args), began, clock);
        about::write(report::report(head, &result), to)?;
    }
    cli::output::print(&report::text(args, &result))?;
    Ok(result.failed.code())
}

fn measure(
    args: &ThroughputArgs,
    brokers: &[Broker],
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> (Vec<Measured>, Failed) {
    let mut failed = Failed::default();
    let doing = |(round, broker): &(u32, usize)| format!("{}, round {round}", brokers[*broker].name);
    let measured = failed.each(rounds::all(args.basics.rounds, brokers.len()), doing, shutdown, |turn| {
        let (round, broker) = *turn;
        let run = Run::full(round, broker, args.amount(), args.bytes);
        let one = case::run(run, &brokers[broker], clock, shutdown)?;
        one.iter().for_each(|one| tracing::info!("{}: {:.0} MB/s", doing(turn), one.mb_per_second()));
        Ok(one)
    });
    (measured, failed)
}
