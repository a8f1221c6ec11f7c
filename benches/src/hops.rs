//! `vidbench kafka`: the bare hop in a table of sizes, acknowledgements, lingering, consumers and brokers.

pub mod args;
mod matrix;
mod report;

use common::words::count;
use std::process::ExitCode;

use anyhow::ensure;
use cli::shutdown::Shutdown;
use common::time::{Clock, Latency};

use self::args::KafkaArgs;
use self::matrix::Cell;
use crate::about::{self, Began};
use crate::brokers::Broker;
use crate::failed::Failed;
use crate::hop::case::{self, Load};
use crate::payload::Payload;
use crate::{rounds, schedule};

/// A cell of the table, after all rounds.
#[derive(Clone, Debug)]
pub struct Filled {
    pub cell: Cell,
    /// Latency from just before the send call, for each round.
    pub rounds: Vec<Latency>,
}

#[derive(Debug)]
pub struct KafkaResult {
    pub brokers: Vec<Broker>,
    pub table: Vec<Filled>,
    pub failed: Failed,
    pub interrupted: bool,
}

pub fn run(args: &KafkaArgs, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    args.basics.check()?;
    for &bytes in &args.sizes {
        let fps = matrix::fps(args, bytes);
        ensure!(
            schedule::count(args.times.seconds.duration(), fps) > 0,
            "--seconds is too short for a single message of {bytes} bytes at {fps:.2} a second"
        );
    }
    let began = Began::now(clock);
    let brokers = args.basics.start(clock, shutdown)?;
    let cells = matrix::cells(args, brokers.len());
    tracing::info!("{} a round, {}", count(cells.len(), "case"), count(args.basics.rounds, "round"));
    let (table, failed) = measure(args, &cells, &brokers, clock, shutdown);
    let result = KafkaResult { brokers, table, failed, interrupted: shutdown.asked() };
    if let Some(to) = &args.basics.report {
        let head = about::head("kafka", &result.brokers, report::settings(args), began, clock);
        about::write(report::report(head, &result), to)?;
    }
    cli::output::print(&report::text(args, &result))?;
    Ok(result.failed.code())
}

fn measure(
    args: &KafkaArgs,
    cells: &[Cell],
    brokers: &[Broker],
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> (Vec<Filled>, Failed) {
    let mut table: Vec<Filled> = cells.iter().map(|cell| Filled { cell: *cell, rounds: Vec::new() }).collect();
    let mut failed = Failed::default();
    let broker = |cell: &Cell| &brokers[cell.case.broker];
    let doing = |(round, index): &(u32, usize)| {
        let cell = &cells[*index];
        format!("{}, {cell}, round {round}", broker(cell).name)
    };
    let measured = failed.each(rounds::all(args.basics.rounds, cells.len()), doing, shutdown, |&(round, index)| {
        let cell = &cells[index];
        let load = Load {
            payload: Payload::new(cell.bytes),
            warmup: args.times.warm.duration(),
            seconds: args.times.seconds.duration(),
        };
        let case = case::Case { round, ..cell.case };
        let Some(one) = case::run(case, &load, broker(cell), clock, shutdown)? else { return Ok(None) };
        let at = |quantile| one.from_send.histogram().value_at_quantile(quantile);
        tracing::info!("{}: p50 {} p99 {} us", doing(&(round, index)), at(0.5), at(0.99));
        Ok(Some((index, one.from_send)))
    });
    measured.into_iter().for_each(|(index, latency)| table[index].rounds.push(latency));
    (table, failed)
}
