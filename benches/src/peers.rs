//! `vidbench peers`: our programs beside what people use instead, seen from outside.
//!
//! ```text
//! clip ─frames, when due─▶ feeder ─y4m─▶ producer … consumer ─pixels─▶ screen ─bar─▶ watcher: which was seen when
//! ```
//!
//! Feeder and watcher know nothing of what lies between them, so any two programs compare.

mod bar;
mod clip;
mod compare;
mod feeder;
mod line;
mod needs;
mod options;
mod report;
mod run;
mod running;
mod screen;
mod table;
mod told;
mod watcher;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use common::clock::Clock;
use shell::shutdown::Shutdown;

use self::clip::Clip;
use self::line::{Around, Line};
pub use self::options::{PeersArgs, PeersOptions};
use self::run::Measured;
use crate::about::{self, Began};
use crate::basics::{PREPARE_BYTES, PREPARE_MESSAGES};
use crate::brokers::{self, Broker, Choice};
use crate::topic::{Topic, Wishes};
use crate::{rounds, throughput};

/// What was measured; after Ctrl-C, up to there.
#[derive(Debug)]
pub struct PeersResult {
    pub brokers: Vec<Broker>,
    /// Those that could be run.
    pub lines: Vec<Line>,
    /// In the order in which it was.
    pub measured: Vec<Measured>,
    pub interrupted: bool,
}

pub fn run(options: &PeersOptions, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let began = Began::now(clock);
    ensure!(options.headless || needs::is_program("Xvfb"), "there is no Xvfb: scripts/setup bench installs it");
    let own = std::env::current_exe().context("finding this program's folder")?;
    let ours = own.parent().context("this program's folder")?;
    let python = needs::python();
    let mut lines = options.lines.clone();
    lines.retain(|line| match needs::missing(*line, ours, &python) {
        Some(missing) => {
            tracing::warn!("{line} is left out: {missing}");
            false
        }
        None => true,
    });
    let clip = Clip::read(&options.clip, options.size, options.place)?;
    let brokers = start_brokers(&mut lines, clock, shutdown)?;
    ensure!(!lines.is_empty(), "none of the lines can be run");
    let mut result = PeersResult { brokers, lines, measured: Vec::new(), interrupted: false };
    measure(options, &mut result, (ours, &python), &clip, clock, shutdown)?;
    result.interrupted = shutdown.asked();
    if let Some(to) = &options.report {
        let head = about::head("peers", &result.brokers, report::settings(options), began, clock);
        about::write(report::report(head, &result, options.headless), to)?;
    }
    shell::output::print(&table::text(options, &result))
}

/// Those that the lines need; lines whose broker does not start are left out.
fn start_brokers(lines: &mut Vec<Line>, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<Vec<Broker>> {
    let mut choices: Vec<Choice> = Vec::new();
    for choice in lines.iter().filter_map(|line| line.broker()) {
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    let mut started = Vec::new();
    for choice in choices {
        match brokers::start(std::slice::from_ref(&choice), None, shutdown) {
            Err(error) if !shutdown.asked() => {
                tracing::warn!("lines through {} are left out: {error:#}", choice.name());
                lines.retain(|line| line.broker().as_ref() != Some(&choice));
            }
            brokers => started.extend(brokers?),
        }
    }
    throughput::prepare(&started, PREPARE_MESSAGES, PREPARE_BYTES, clock, shutdown)?;
    Ok(started)
}

/// Every line once in each round. One that fails is said, and tried again in the next round.
fn measure(
    options: &PeersOptions,
    result: &mut PeersResult,
    (ours, python): (&Path, &str),
    clip: &Clip,
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    for round in 1..=options.rounds {
        for turn in rounds::turns(result.lines.len(), round) {
            let line = result.lines[turn];
            let broker = line.broker().and_then(|choice| result.brokers.iter().find(|b| b.name == choice.name()));
            let name = format!("peers-{}-{round}-{line}", std::process::id());
            let topic =
                broker.map(|broker| Topic::create(&broker.address, &name, &Wishes::default(), clock)).transpose()?;
            let folder = tempfile::tempdir().context("a folder for logs and reports")?;
            let around = Around {
                options,
                broker: broker.map_or("", |broker| &broker.address),
                topic: &name,
                port: brokers::free_port(|_| true)?,
                python,
                ours,
                report: &folder.path().join("report.json"),
            };
            let outcome = run::run((line, round), &around, clip, folder.path(), clock, shutdown);
            drop(topic);
            match outcome {
                Ok(None) => return Ok(()),
                Ok(Some(measured)) => {
                    tracing::info!("round {round}, {}", table::in_words(&measured));
                    result.measured.push(measured);
                }
                Err(error) => tracing::warn!("round {round}, {line} failed: {error:#}"),
            }
        }
    }
    Ok(())
}
