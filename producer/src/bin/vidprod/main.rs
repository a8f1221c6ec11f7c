//! `vidprod`: video into a Kafka topic.

mod announce;
mod args;
mod embedded;
mod ending;
mod metrics;
mod options;
mod run;
mod status;

use std::process::ExitCode;
use std::sync::Arc;

use charts::Figure;
use cli::shutdown::Shutdown;
use common::books::Loss;
use common::report::Explain;
use common::report::{Report, SCHEMA, Sums};
use common::time::{Clock, Stage, SystemClock};
use explain::{Evidence, RunContext, SideFigures, SourceKind, StageLatencies, explain};
use producer::DropPolicy;
use producer::source::{self, Input};

use crate::args::Cli;
use crate::options::Options;
use crate::run::FinishedRun;

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
    let done = run::run(&options, clock, &shutdown)?;
    let report = report(&options, &done, started_ms);
    let figure = Figure {
        report: &report,
        latencies: &done.books.latencies,
        acknowledge: Some(&done.books.ack),
        stages: &Stage::PRODUCER,
        timeline: &done.course.timeline,
        breakdown: &done.course.breakdown,
    };
    let every_frame = options.drop_policy == DropPolicy::EveryFrame;
    // Waits even if a report failed, because viewers may still read from our broker.
    let written = reports::write_all(&figure, &options.cli.reports.files);
    if let Some(embedded) = done.embedded {
        embedded.serve_on(&SystemClock, &shutdown);
    }
    let unacknowledged = ending::unacknowledged(&done.books, every_frame, done.cause.as_deref());
    cli::exit_code(done.fault.or(unacknowledged), written)
}

fn explained(options: &Options, done: &FinishedRun) -> Explain {
    let books = &done.books;
    let explained = explain(&Evidence {
        latency: StageLatencies::new(&books.latencies, &Stage::PRODUCER),
        interval: books.interval.interval(),
        superseded: books.losses.of(Loss::Superseded),
        client: done.client,
        properties: options.connection.properties.clone(),
        context: RunContext {
            source: source_kind(&options.source.input),
            embedded_broker: done.embedded_broker,
            bytes_per_second: (books.bytes as f64 / done.seconds.max(1.0)) as u64,
            window_size_given: false,
        },
        side: SideFigures::producer(books, options.drop_policy == DropPolicy::EveryFrame),
    });
    Explain { printed: options.cli.explain, ..explained }
}

/// The kind that is used in advice about a late input.
fn source_kind(input: &Input) -> SourceKind {
    match input {
        Input::File(_) => SourceKind::File,
        Input::Stdin => SourceKind::Pipe,
        Input::Url(_) => SourceKind::Network,
        Input::Camera(_) => SourceKind::Camera,
        Input::TestCard { .. } => SourceKind::TestCard,
    }
}

fn report(options: &Options, done: &FinishedRun, started_ms: u64) -> Report {
    let mut sums = Sums::from(&done.books);
    sums.counts.reconnections = done.client.reconnections;
    Report {
        schema: SCHEMA,
        program: "vidprod".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_ms,
        seconds: done.seconds,
        cpu_seconds: cli::machine::cpu_time().as_secs_f64(),
        sources: [(options.source.name.clone(), sums.clone())].into(),
        sums,
        pixels: None,
        pages: Vec::new(),
        explain: explained(options, done),
        settings: options.settings(done.passed_through),
        machine: cli::machine::machine(),
        versions: kafka::versions(),
    }
}
