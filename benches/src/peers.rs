//! `vidbench peers`: compares our programs with alternatives, measured from outside.
//!
//! ```text
//! clip ─frames, when due─▶ feeder ─y4m─▶ producer … consumer ─pixels─▶ screen ─bar─▶ watcher: which was seen when
//! ```
//!
//! Feeder and watcher know nothing of the programs between them, so any two programs can be compared.

mod bar;
mod clip;
mod compare;
mod feeder;
mod line;
mod needs;
mod options;
mod report;
mod run;
mod table;
mod told;
mod watcher;

use std::process::ExitCode;

use anyhow::{Context, ensure};
use cli::shutdown::Shutdown;
use common::time::Clock;

use self::clip::Clip;
use self::line::{Around, Line};
pub use self::options::{PeersArgs, PeersOptions};
use self::run::Measured;
use crate::about::{self, Began};
use crate::brokers::{self, Broker, Choice};
use crate::failed::Failed;
use crate::topic::{Topic, Wishes};
use crate::{prepare, rounds};

/// The result; after Ctrl-C, of the runs until then.
#[derive(Debug)]
pub struct PeersResult {
    pub brokers: Vec<Broker>,
    /// The lines that could run.
    pub lines: Vec<Line>,
    /// The runs in their order.
    pub measured: Vec<Measured>,
    pub failed: Failed,
    pub interrupted: bool,
}

impl PeersResult {
    fn has(&self, line: Line) -> bool {
        self.measured.iter().any(|measured| measured.line == line)
    }
}

pub fn run(options: &PeersOptions, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let began = Began::now(clock);
    ensure!(options.headless || needs::is_program("Xvfb"), "there is no Xvfb: scripts/setup bench installs it");
    let python = needs::python();
    let mut lines = options.lines.clone();
    lines.retain(|line| match needs::missing(*line, &python) {
        Some(missing) => {
            tracing::warn!("{line} is left out: {missing}");
            false
        }
        None => true,
    });
    let clip = Clip::read(&options.clip, options.size, options.place)?;
    let brokers = start_brokers(&mut lines, clock, shutdown)?;
    ensure!(!lines.is_empty(), "none of the lines can be run");
    let (measured, failed) = measure(options, (&lines, &brokers), &python, &clip, clock, shutdown);
    let result = PeersResult { brokers, lines, measured, failed, interrupted: shutdown.asked() };
    if let Some(to) = &options.report {
        let head = about::head("peers", &result.brokers, report::settings(options), began, clock);
        about::write(report::report(head, &result, options.headless), to)?;
    }
    cli::output::print(&table::text(options, &result))?;
    Ok(end_with(&result))
}

/// Starts the brokers that the lines need; removes lines whose broker does not start.
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
    prepare::run(&started, prepare::MESSAGES, clock, shutdown)?;
    Ok(started)
}

/// Runs every line once in each round. A failure is logged, and the line is tried again in the next round.
fn measure(
    options: &PeersOptions,
    (lines, brokers): (&[Line], &[Broker]),
    python: &str,
    clip: &Clip,
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> (Vec<Measured>, Failed) {
    let mut failed = Failed::default();
    let doing = |(round, line): &(u32, usize)| format!("{}, round {round}", lines[*line]);
    let measured = failed.each(rounds::all(options.rounds, lines.len()), doing, shutdown, |&(round, line)| {
        let line = lines[line];
        let broker = line.broker().and_then(|choice| brokers.iter().find(|b| b.name == choice.name()));
        let measured = one((line, round), options, broker, python, clip, clock, shutdown)?;
        measured.iter().for_each(|one| tracing::info!("round {round}, {}", table::in_words(one)));
        Ok(measured)
    });
    (measured, failed)
}

/// Runs one line; `None` after Ctrl-C.
fn one(
    (line, round): (Line, u32),
    options: &PeersOptions,
    broker: Option<&Broker>,
    python: &str,
    clip: &Clip,
    clock: &dyn Clock,
    shutdown: &Shutdown,
) -> anyhow::Result<Option<Measured>> {
    let name = format!("peers-{}-{round}-{line}", std::process::id());
    let _topic = broker.map(|broker| Topic::create(&broker.address, &name, &Wishes::default(), clock)).transpose()?;
    let folder = tempfile::tempdir().context("a folder for logs and reports")?;
    let around = Around {
        options,
        broker: broker.map_or("", |broker| &broker.address),
        topic: &name,
        port: brokers::free_port(|_| true)?,
        python,
        report: &folder.path().join("report.json"),
    };
    run::run((line, round), &around, clip, folder.path(), clock, shutdown)
}

/// Exit code: Ctrl-C is no failure, nor is a round in which another program failed. A line that failed in every round
/// is one.
fn end_with(result: &PeersResult) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for line in result.lines.iter().filter(|line| !result.interrupted && !result.has(**line)) {
        tracing::error!("{line} failed in every round");
        code = ExitCode::FAILURE;
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::compare::tests::took;

    #[test]
    fn a_line_without_a_round_is_a_failure_unless_interrupted() {
        let check = |measured: &[Line], interrupted: bool, expected: ExitCode| {
            let lines = vec![Line::OursReal, Line::Gstreamer];
            let measured = measured.iter().map(|line| took(*line, 2, 10)).collect();
            let result = PeersResult { brokers: Vec::new(), lines, measured, failed: Failed::default(), interrupted };
            assert_eq!(end_with(&result), expected, "{result:?}");
        };
        check(&[Line::OursReal, Line::Gstreamer], false, ExitCode::SUCCESS);
        check(&[Line::Gstreamer, Line::Gstreamer], false, ExitCode::FAILURE);
        check(&[Line::Gstreamer], true, ExitCode::SUCCESS);
    }
}
