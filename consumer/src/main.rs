//! `vidcons`: video out of a Kafka topic, and how old it is.

mod canvas;
mod cli;
mod decode;
mod find;
mod format;
mod glance;
mod list;
mod options;
mod outputs;
mod overlay;
mod pipeline;
mod present;
mod receive;
mod replay;
mod select;
mod start;
mod viewer;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use common::clock::{Clock, SystemClock};
use common::report::{Report, SCHEMA, percentiles, viewer_sums};
use shell::output;
use shell::shutdown::Shutdown;

use crate::cli::Cli;
use crate::options::Options;
use crate::pipeline::Outcome;

/// How long a group is given to say goodbye.
const LEAVE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(shell) = cli.completions {
        shell::print_completions::<Cli>(shell);
        return ExitCode::SUCCESS;
    }
    if let [one, other, ..] = cli::writers_to_stdout(&cli)[..] {
        shell::usage_error::<Cli>(format!("{one} and {other} both write to standard output: send one to a file"));
    }
    cli.log.init();
    shell::outcome(run(&cli))
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let options = Options::check(cli)?;
    let shutdown = Shutdown::listen()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    if cli.list {
        return list::list(&options, clock, &shutdown);
    }
    let started_ms = clock.wall_us() / 1000;
    let outcome = pipeline::run(&options, clock, &shutdown)?;
    let report = report(&options, &outcome, started_ms);
    output::tell(&report, options.report.as_ref())?;
    if let Some(path) = &options.histogram {
        write_histograms(path, &outcome)?;
    }
    outcome.tail.close(LEAVE);
    outcome.trouble.map_or(Ok(ExitCode::SUCCESS), Err)
}

fn report(options: &Options, outcome: &Outcome, started_ms: u64) -> Report {
    let (sums, sources) = viewer_sums(&outcome.books, &outcome.reassembler, outcome.stages);
    Report {
        schema: SCHEMA,
        program: "vidcons".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_ms,
        seconds: outcome.seconds,
        cpu_seconds: shell::machine::cpu_time().as_secs_f64(),
        sums,
        sources,
        settings: options.settings(),
        machine: shell::machine::machine(),
    }
}

/// The total into `path`, each stage into a file beside it.
fn write_histograms(path: &Path, outcome: &Outcome) -> anyhow::Result<()> {
    let latencies = &outcome.books.total.latencies;
    let write = |path: &Path, text: &str| {
        let mut file = output::create(path)?;
        file.write_all(text.as_bytes()).with_context(|| format!("writing {}", path.display()))
    };
    write(path, &percentiles(&latencies.total))?;
    for &stage in outcome.stages {
        write(&path.with_extension(format!("{}.hgrm", stage.name())), &percentiles(latencies.stage(stage)))?;
    }
    Ok(())
}
