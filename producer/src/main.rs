//! `vidprod`: video into a Kafka topic.

mod args;
mod connect;
mod embedded;
mod encode;
mod ending;
mod fit;
mod in_flight;
mod limit;
mod options;
mod pace;
mod picture;
mod pipeline;
mod publish;
mod scale;
mod source;
mod status;

use std::process::ExitCode;
use std::sync::Arc;

use charts::Figure;
use cli::shutdown::Shutdown;
use common::books::Loss;
use common::report::Explain;
use common::report::{Report, SCHEMA, Sums};
use common::time::{Clock, Stage, SystemClock};
use explain::{Evidence, RunContext, SideFigures, StageLatencies, explain};

use crate::args::Cli;
use crate::options::Options;
use crate::pipeline::Outcome;

fn main() -> ExitCode {
    let cli: Cli = cli::parse();
    if let Some(shell) = cli.completions {
        cli::print_completions::<Cli>(shell);
        return ExitCode::SUCCESS;
    }
    cli.check().unwrap_or_else(|wrong| cli::usage_error::<Cli>(wrong));
    cli.log.init("vidprod");
    cli::memory::give_back();
    cli::outcome(run(&cli))
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    if cli.list_cameras {
        return cli::output::print(&source::list_cameras());
    }
    let options = Options::check(cli)?;
    let shutdown = Shutdown::listen()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let started_ms = clock.wall_us() / 1000;
    let outcome = pipeline::run(&options, clock, &shutdown)?;
    let report = report(&options, &outcome, started_ms);
    let figure = Figure {
        report: &report,
        latencies: &outcome.books.latencies,
        acknowledge: Some(&outcome.books.ack),
        stages: &Stage::PRODUCER,
        timeline: &outcome.course.timeline,
        breakdown: &outcome.course.breakdown,
    };
    // Waits even if a report failed, because viewers may still read from our broker.
    let told = reports::write_all(&figure, &options.reports);
    if let Some(embedded) = outcome.embedded {
        embedded.serve_on(&SystemClock, &shutdown);
    }
    let unacknowledged = ending::unacknowledged(&outcome.books, outcome.every_frame, outcome.cause.as_deref());
    cli::exit_code(outcome.trouble.or(unacknowledged), told)
}

fn explained(options: &Options, outcome: &Outcome) -> Explain {
    let books = &outcome.books;
    let explained = explain(&Evidence {
        latency: StageLatencies::new(&books.latencies, &Stage::PRODUCER),
        interval: books.interval.interval(),
        superseded: books.losses.of(Loss::Superseded),
        client: outcome.client,
        properties: options.connection.properties.clone(),
        context: RunContext {
            source: options.source.input.source_kind(),
            embedded_broker: outcome.embedded_broker,
            bytes_per_second: (books.bytes as f64 / outcome.seconds.max(1.0)) as u64,
            window_size_given: false,
        },
        side: SideFigures::producer(books, outcome.every_frame),
    });
    Explain { printed: options.explain, ..explained }
}

fn report(options: &Options, outcome: &Outcome, started_ms: u64) -> Report {
    let mut sums = Sums::from(&outcome.books);
    sums.counts.reconnections = outcome.client.reconnections;
    Report {
        schema: SCHEMA,
        program: "vidprod".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_ms,
        seconds: outcome.seconds,
        cpu_seconds: cli::machine::cpu_time().as_secs_f64(),
        sources: [(options.source.name.clone(), sums.clone())].into(),
        sums,
        pixels: None,
        explain: explained(options, outcome),
        settings: options.settings(),
        machine: cli::machine::machine(),
        versions: kafka::versions(),
    }
}
