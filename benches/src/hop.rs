//! `vidbench hop`: the latency of the bare hop, from one producer to some consumers.
//!
//! Producer and consumers are threads of this process. In processes of their own they would have as many threads, which
//! disturb a broker on the same machine equally; and no process has to be started while something is measured.

pub mod args;
pub mod case;
mod ratios;
mod report;
mod table;

use common::words::count;
use std::process::ExitCode;

use anyhow::ensure;
use cli::shutdown::Shutdown;
use common::time::Clock;

use self::args::HopArgs;
use self::case::{Case, Load, Measured};
use crate::about::{self, Began};
use crate::acks::Acks;
use crate::brokers::Broker;
use crate::failed::Failed;
use crate::payload::Payload;
use crate::{rounds, schedule};

/// The result; after Ctrl-C, of the runs until then.
#[derive(Debug)]
pub struct HopResult {
    pub brokers: Vec<Broker>,
    /// The runs in their order.
    pub measured: Vec<Measured>,
    pub failed: Failed,
    pub interrupted: bool,
}

pub fn run(args: &HopArgs, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    args.basics.check()?;
    for &fps in &args.fps {
        let count = schedule::count(args.times.seconds.duration(), fps);
        ensure!(count > 0, "--seconds is too short for a single message at {fps} fps");
    }
    let began = Began::now(clock);
    let brokers = args.basics.start(clock, shutdown)?;
    let (measured, failed) = measure(args, &brokers, clock, shutdown);
    let result = HopResult { brokers, measured, failed, interrupted: shutdown.asked() };
    if let Some(to) = &args.basics.report {
        let head = about::head("hop", &result.brokers, report::settings(args), began, clock);
        about::write(report::report(head, &result), to)?;
    }
    cli::output::print(&table::text(args, &result))?;
    Ok(result.failed.code())
}

fn measure(args: &HopArgs, brokers: &[Broker], clock: &dyn Clock, shutdown: &Shutdown) -> (Vec<Measured>, Failed) {
    let (warmup, seconds) = (args.times.warm.duration(), args.times.seconds.duration());
    let load = Load { payload: Payload::new(args.bytes), warmup, seconds };
    let mut failed = Failed::default();
    let doing = |Case { round, broker, fps, consumers, .. }: &Case| {
        format!("{}, {fps} fps, {}, round {round}", brokers[*broker].name, count(*consumers, "consumer"))
    };
    let measured = failed.each(cases(args, brokers.len()), doing, shutdown, |case| {
        let one = case::run(*case, &load, &brokers[case.broker], clock, shutdown)?;
        if let Some(one) = &one {
            let at = |quantile| one.from_send.histogram().value_at_quantile(quantile) as f64 / 1e3;
            tracing::info!("{}: p50 {:.2} p99 {:.2} ms", doing(case), at(0.5), at(0.99));
        }
        Ok(one)
    });
    (measured, failed)
}

/// All cases in turn. The brokers of one case follow each other, so that noise on the machine affects all of them.
fn cases(args: &HopArgs, brokers: usize) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for round in 1..=args.basics.rounds {
        for &fps in &args.fps {
            for &consumers in &args.consumers {
                for broker in rounds::turns(brokers, round) {
                    let case = Case { round, broker, fps, consumers, acks: Acks::All, linger_ms: 0 };
                    // Settings given twice are measured once.
                    cases.extend((!cases.contains(&case)).then_some(case));
                }
            }
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        hop: HopArgs,
    }

    #[test]
    fn brokers_of_one_case_take_turns_and_no_case_comes_twice() {
        let typed = ["hop", "--fps", "60,30,60", "--consumers", "1", "--rounds", "2"];
        let cases = cases(&Typed::try_parse_from(typed).expect("it parses").hop, 2);
        let order: Vec<_> = cases.iter().map(|case| (case.round, case.fps, case.broker)).collect();
        let (first, second) = ([(1, 60.0, 0), (1, 60.0, 1), (1, 30.0, 0), (1, 30.0, 1)], (2, 60.0, 1));
        assert_eq!((&order[..4], order[4], order.len()), (&first[..], second, 8));
    }
}
