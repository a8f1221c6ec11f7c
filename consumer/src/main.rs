//! `vidcons`: shows video from a Kafka topic, and measures its latency.

mod args;
mod canvas;
mod conflicts;
mod decode;
mod find;
mod flow;
mod format;
mod glance;
mod list;
mod missing;
mod moment;
mod options;
mod outputs;
mod overlay;
mod pipeline;
mod present;
mod receive;
mod replay;
mod select;
mod silence;
mod snapshot;
mod start;
mod verify;
mod viewer;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use charts::Figure;
use cli::shutdown::Shutdown;
use common::books::Loss;
use common::report::Explain;
use common::report::{Report, SCHEMA, viewer_sums};
use common::time::latency::{Latencies, clocks_disagree};
use common::time::{Clock, SystemClock};
use explain::{Evidence, RunContext, SideFigures, SourceKind, StageLatencies, explain};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use reports::recorder::Course;

use crate::args::Cli;
use crate::options::Options;
use crate::pipeline::Outcome;

/// Time for leaving a group.
const LEAVE: Duration = Duration::from_secs(2);

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
    let now = local_time(&*clock)?;
    let options = Options::check(cli, &now)?;
    let shutdown = Shutdown::listen()?;
    if cli.list {
        return list::list(&options, clock, &shutdown);
    }
    cli.offset.log_time(&now);
    let started_ms = clock.wall_us() / 1000;
    let outcome = pipeline::run(&options, clock, &shutdown)?;
    let report = report(&options, &outcome, started_ms);
    // If the clocks disagree, no charts are drawn: only the slow frames could be measured, and wrongly.
    let nothing = (Latencies::default(), Course::default());
    let known = outcome.books.total.latencies.clocks_disagree().is_none();
    let (latencies, course) =
        if known { (&outcome.books.total.latencies, &outcome.course) } else { (&nothing.0, &nothing.1) };
    let figure = Figure {
        report: &report,
        latencies,
        acknowledge: None,
        stages: outcome.stages,
        timeline: &course.timeline,
        breakdown: &course.breakdown,
    };
    let told = reports::write_all(&figure, &options.reports);
    outcome.tail.close(LEAVE);
    cli::exit_code(outcome.trouble, told)
}

/// The present time of the system's clock, in the system's time zone (or that of `TZ`).
fn local_time(clock: &dyn Clock) -> anyhow::Result<ZonedDateTime> {
    let now = Timestamp::from_microsecond(i64::try_from(clock.wall_us())?).context("reading the clock")?;
    Ok(now.to_zoned_datetime(TimeZone::system()))
}

fn explained(options: &Options, outcome: &Outcome) -> Explain {
    let books = &outcome.books;
    let total = &books.total;
    if let Some(by) = total.latencies.clocks_disagree() {
        let summary = format!("the latency is {}", clocks_disagree(by));
        return Explain { summary, printed: options.explain, ..Explain::default() };
    }
    let latency = StageLatencies::new(&total.latencies, outcome.stages);
    let side = SideFigures::Viewer {
        display: outcome.screen,
        display_us: outcome.display.longest(latency.tail.frames),
        frame_bytes: total.frame_bytes_max,
    };
    let explained = explain(&Evidence {
        latency,
        interval: books.interval.interval(),
        superseded: total.losses.of(Loss::Superseded),
        client: outcome.tail.facts().get(),
        properties: options.connection.properties.clone(),
        context: RunContext {
            source: SourceKind::Unknown,
            embedded_broker: outcome.tail.is_to_embedded_broker(),
            bytes_per_second: (total.bytes as f64 / outcome.seconds.max(1.0)) as u64,
            window_size_given: options.window.as_ref().is_some_and(|window| window.size.is_some()),
        },
        side,
    });
    Explain { printed: options.explain, ..explained }
}

fn report(options: &Options, outcome: &Outcome, started_ms: u64) -> Report {
    let (mut sums, sources) = viewer_sums(&outcome.books, &outcome.reassembler, outcome.stages);
    sums.counts.reconnections = outcome.tail.facts().get().reconnections;
    Report {
        schema: SCHEMA,
        program: "vidcons".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_ms,
        seconds: outcome.seconds,
        cpu_seconds: cli::machine::cpu_time().as_secs_f64(),
        sums,
        sources,
        pixels: outcome.pixels,
        explain: explained(options, outcome),
        settings: options.settings(),
        machine: cli::machine::machine(),
        versions: kafka::versions(),
    }
}
