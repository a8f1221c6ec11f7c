//! `vidbench run`: a frame's latency end to end, with the real programs.

pub mod args;
mod matrix;
mod report;
mod summary;
mod table;

use std::process::ExitCode;

use anyhow::ensure;
use cli::shutdown::Shutdown;
use common::time::Clock;

use self::args::RunArgs;
use self::matrix::Case;
use crate::about::{self, Began};
use crate::brokers::Broker;
use crate::display::Display;
use crate::e2e::{self, Place, Ran};
use crate::failed::Failed;
use crate::rounds;

/// One run of one case.
#[derive(Clone, Debug)]
pub struct Measured {
    pub round: u32,
    /// Index into the cases.
    pub case: usize,
    pub ran: Ran,
}

/// The result; after Ctrl-C, of the runs until then.
#[derive(Debug)]
pub struct RunResult {
    pub brokers: Vec<Broker>,
    pub cases: Vec<Case>,
    pub measured: Vec<Measured>,
    pub failed: Failed,
    pub display: Option<&'static str>,
    pub interrupted: bool,
}

pub fn run(args: &RunArgs, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    args.basics.check()?;
    ensure!(!args.times.seconds.duration().is_zero(), "--seconds must be above zero");
    if let Some(clip) = &args.clip {
        ensure!(clip.is_file(), "--clip {}: there is no such file", clip.display());
    }
    let began = Began::now(clock);
    let display = args.window.then(Display::find).transpose()?;
    let brokers = args.basics.start(clock, shutdown)?;
    let cases = matrix::cases(args, brokers.len());
    let (measured, failed) = measure(args, &cases, &brokers, display.as_ref(), clock, shutdown);
    let display = display.as_ref().map(Display::kind);
    let result = RunResult { brokers, cases, measured, failed, display, interrupted: shutdown.asked() };
    if let Some(to) = &args.basics.report {
        let head = about::head("run", &result.brokers, report::settings(args, result.display), began, clock);
        about::write(report::report(head, &result), to)?;
    }
    cli::output::print(&table::text(args, &result))?;
    Ok(end_with(&result))
}

/// Runs every case once in each round. A failure is logged, and the case is tried again in the next round.
fn measure(
    args: &RunArgs,
    cases: &[Case],
    brokers: &[Broker],
    display: Option<&Display>,
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> (Vec<Measured>, Failed) {
    let mut failed = Failed::default();
    let doing = |(round, case): &(u32, usize)| format!("{}, round {round}", cases[*case].label(brokers));
    let measured = failed.each(rounds::all(args.basics.rounds, cases.len()), doing, shutdown, |&(round, case)| {
        let Case { broker, setup } = &cases[case];
        let place = Place { broker: &brokers[*broker], display, clock, shutdown };
        let topic = format!("run-{}-{round}-{case}", std::process::id());
        let Some(ran) = e2e::run(setup, &topic, place)?.map(Ran::seen).transpose()? else { return Ok(None) };
        let total = ran.viewers[0].sums.latency_us.total;
        let (p50, p99) = (total.p50 as f64 / 1e3, total.p99 as f64 / 1e3);
        tracing::info!("{}: p50 {p50:.2} p99 {p99:.2} ms", doing(&(round, case)));
        Ok(Some(Measured { round, case, ran }))
    });
    (measured, failed)
}

/// Exit code. Figures whose counts do not balance are reported as errors and make the exit code 1, as failed runs do.
fn end_with(result: &RunResult) -> ExitCode {
    let mut code = result.failed.code();
    for Measured { round, case, ran } in &result.measured {
        for fault in ran.faults() {
            tracing::error!("WRONG: {}, round {round}: {fault}", result.cases[*case].label(&result.brokers));
            code = ExitCode::FAILURE;
        }
    }
    code
}
