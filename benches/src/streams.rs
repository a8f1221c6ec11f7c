//! `vidbench streams`: how many sources, and how many viewers, one machine carries.

pub mod args;
mod load;
mod report;

use common::words::count;
use std::process::ExitCode;

use cli::shutdown::Shutdown;
use common::time::Clock;

use self::args::{StreamsArgs, Viewers};
use self::load::Load;
use crate::about::{self, Began};
use crate::acks::Acks;
use crate::brokers::Broker;
use crate::e2e::{self, Input, Place, Setup};
use crate::failed::Failed;
use crate::rounds;

/// One run of one case.
#[derive(Clone, Debug)]
pub struct Measured {
    pub round: u32,
    pub broker: usize,
    pub load: Load,
    pub faults: Vec<String>,
}

/// A line of the table: broker, sources, viewers.
type Key = (usize, usize, usize);

#[derive(Debug)]
pub struct StreamsResult {
    pub brokers: Vec<Broker>,
    pub measured: Vec<Measured>,
    pub failed: Failed,
    /// The lines of the failed runs.
    pub failed_at: Vec<Key>,
    pub interrupted: bool,
}

pub fn run(args: &StreamsArgs, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    args.basics.check()?;
    let began = Began::now(clock);
    let brokers = args.basics.start(clock, shutdown)?;
    let (measured, failed, failed_at) = (Vec::new(), Failed::default(), Vec::new());
    let mut result = StreamsResult { brokers, measured, failed, failed_at, interrupted: false };
    for round in 1..=args.basics.rounds {
        let sources = (1..=args.max).map(|n| (n, if args.viewers == Viewers::Each { n } else { 1 }));
        climb(args, round, sources, &mut result, clock, shutdown);
        // One source with one viewer was measured before.
        let viewers = (2..=args.consumers).map(|n| (1, n));
        climb(args, round, viewers, &mut result, clock, shutdown);
    }
    result.interrupted = shutdown.asked();
    if let Some(to) = &args.basics.report {
        let head = about::head("streams", &result.brokers, report::settings(args), began, clock);
        about::write(report::report(head, args, &result), to)?;
    }
    cli::output::print(&report::text(args, &result))?;
    let faults: Vec<&String> = result.measured.iter().flat_map(|m| &m.faults).collect();
    faults.iter().for_each(|fault| tracing::error!("WRONG: {fault}"));
    Ok(if faults.is_empty() { result.failed.code() } else { ExitCode::FAILURE })
}

/// Increases the load step by step, with the brokers in turn at each step. A broker that had too much load or failed is
/// left out of further steps.
fn climb(
    args: &StreamsArgs,
    round: u32,
    steps: impl Iterator<Item = (usize, usize)>,
    result: &mut StreamsResult,
    clock: &dyn Clock,
    shutdown: &Shutdown,
) {
    let mut going = vec![true; result.brokers.len()];
    for (sources, viewers) in steps {
        for broker in rounds::turns(going.len(), round) {
            if !going[broker] || shutdown.asked() {
                continue;
            }
            let place = Place { broker: &result.brokers[broker], display: None, clock, shutdown };
            let doing = || {
                let (sources, viewers) = (count(sources, "source"), count(viewers, "viewer"));
                format!("{}, {sources}, {viewers}, round {round}", place.broker.name)
            };
            let topic = format!("streams-{}-{round}-{broker}-{sources}-{viewers}", std::process::id());
            let outcome = e2e::run(&setup(args, sources, viewers), &topic, place);
            let Some(ran) = result.failed.or(outcome, doing, shutdown) else {
                if shutdown.asked() {
                    return;
                }
                going[broker] = false;
                result.failed_at.push((broker, sources, viewers));
                continue;
            };
            let load = Load::of(&ran);
            tracing::info!("{}: {load}", doing());
            going[broker] = !load.is_too_much(args.until_p99_ms);
            result.measured.push(Measured { round, broker, load, faults: ran.faults() });
        }
    }
}

fn setup(args: &StreamsArgs, sources: usize, viewers: usize) -> Setup {
    Setup {
        input: Input::TestCard,
        size: args.size.clone(),
        fps: args.fps,
        acks: Acks::All,
        message_bytes_max: None,
        sources,
        viewers,
        warmup: args.times.warm.duration(),
        seconds: args.times.seconds.duration(),
        verify_pixels: false,
    }
}
