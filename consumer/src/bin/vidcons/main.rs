//! `vidcons`: shows video from a Kafka topic, and measures its latency.

mod args;
mod conflicts;
mod moment;
mod options;
mod page;
mod report;
mod start;
mod verify;
mod viewer;

use std::process::ExitCode;
use std::sync::Arc;

use charts::Figure;
use cli::shutdown::Shutdown;
use common::time::latency::Latencies;
use common::time::{Clock, SystemClock};
use reports::recorder::Course;

use crate::args::Cli;
use crate::options::Options;

fn main() -> ExitCode {
    let cli: Cli = cli::parse();
    if let Some(shell) = cli.completions {
        cli::print_completions::<Cli>(shell);
        return ExitCode::SUCCESS;
    }
    conflicts::check(&cli).unwrap_or_else(|wrong| cli::usage_error::<Cli>(wrong));
    cli.log.init("vidcons");
    cli::memory::give_back();
    cli::outcome(run(&cli))
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let now = moment::local_time(&*clock)?;
    let options = Options::check(cli, &now)?;
    let shutdown = Shutdown::listen()?;
    if cli.list {
        return topics::list(&options.list(), clock, &shutdown);
    }
    cli.offset.log_time(&now);
    let watched = viewer::watch(&options, clock.clone(), &shutdown)?;
    let snapshot = watched.engine.snapshot(watched.reader.cause(), clock.now());
    let report = report::report(&options, &watched.report_input(), &snapshot);
    // If the clocks disagree, no charts are drawn: only the slow frames could be measured, and wrongly.
    let nothing = (Latencies::default(), Course::default());
    let latencies = &snapshot.total.books.latencies;
    let (latencies, course) = match latencies.clocks_disagree() {
        None => (latencies, &watched.course),
        Some(_) => (&nothing.0, &nothing.1),
    };
    let figure = Figure {
        report: &report,
        latencies,
        acknowledge: None,
        stages: snapshot.stages,
        timeline: &course.timeline,
        breakdown: &course.breakdown,
    };
    let reported = reports::write_all(&figure, &options.reports);
    watched.reader.close();
    cli::exit_code(watched.error, reported)
}
