//! An experiment: every case runs once in each round. A failed run is kept, and the others go on.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use cli::output::Output;
use cli::values::whole;
use common::report::Machine;
use common::time::Micros;
use common::words::count;
use serde_json::{Value, json};

use crate::brokers::{self, BenchBroker, BrokerChoice};
use crate::control::Control;
use crate::messages::transfer::prepare;
use crate::spread::Spread;

/// Version of the report's format. Changes when a field changes its meaning or is removed.
const SCHEMA: u32 = 1;

#[derive(Args, Clone, Debug)]
pub struct ExperimentArgs {
    /// Number of rounds; each runs every case once
    #[arg(long, allow_hyphen_values = true, default_value_t = 3, value_name = "N", value_parser = whole(1_u32..=1000))]
    pub rounds: u32,
    // A JVM's compiler takes most of a core, and stops after about 60 000 messages.
    /// Messages through each broker, one by one, before the first round, so that a real Kafka's JVM has compiled its code
    #[arg(long, allow_hyphen_values = true, default_value_t = 100_000, value_name = "N", value_parser = whole(0_u64..))]
    prepare: u64,
    /// Passed to vidbroker as its --memory [default: its own]
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Write machine, versions, settings and each round's figures as JSON ('-': standard output)
    #[arg(long, value_name = "FILE", value_parser = report)]
    report: Option<Output>,
}

#[derive(Debug)]
pub struct Experiment<'a> {
    command: &'a str,
    args: &'a ExperimentArgs,
    pub control: Control<'a>,
    started: Micros,
    /// Descriptions of the failed runs.
    failed: Vec<String>,
    /// Contradictions within results, such as counts that do not balance.
    pub faults: Vec<String>,
}

impl<'a> Experiment<'a> {
    /// `command` is the name under which `vidbench` was called.
    pub fn new(command: &'a str, args: &'a ExperimentArgs, control: Control<'a>) -> Experiment<'a> {
        let started = control.clock.now();
        Experiment { command, args, control, started, failed: Vec::new(), faults: Vec::new() }
    }

    /// Starts the brokers and prepares them. Brokers that do not start are left out.
    pub fn start_brokers(&self, choices: &[BrokerChoice]) -> Result<Vec<BenchBroker>> {
        self.args.report.iter().try_for_each(Output::check)?;
        let brokers = brokers::start(choices, self.args.memory.as_deref(), self.control)?;
        prepare(&brokers, self.args.prepare, self.control)?;
        Ok(brokers)
    }

    /// Runs every case, by its label, once in each round; every other round goes in the opposite order.
    pub fn rounds<T: Display>(
        &mut self,
        cases: &[impl Display],
        mut run: impl FnMut(u32, usize) -> Result<T>,
    ) -> Rounds<T> {
        let mut runs = Vec::new();
        for round in 1..=self.args.rounds {
            for case in turns(cases.len(), round) {
                let label = format!("{}, round {round}", cases[case]);
                let result = self.attempt(&label, || run(round, case));
                runs.extend(result.map(|result| CaseRun { round, case, result }));
            }
        }
        Rounds(runs)
    }

    /// One run, which is logged. `None` after Ctrl-C, which is no failure, and after a failure, which is kept.
    pub fn attempt<T: Display>(&mut self, label: &str, run: impl FnOnce() -> Result<T>) -> Option<T> {
        if self.control.interrupted() {
            return None;
        }
        match run() {
            Ok(result) => {
                tracing::info!("{label}: {result}");
                Some(result)
            }
            Err(_) if self.control.interrupted() => None,
            Err(error) => {
                let failure = format!("{label} failed: {error:#}");
                tracing::warn!("{failure}");
                self.failed.push(failure);
                None
            }
        }
    }

    /// The lines above the tables: the title, the number of rounds, the unit, and the machine.
    pub fn heading(&self, title: &str, unit: &str) -> String {
        let Machine { cpu, cores, memory_mb, os, .. } = cli::machine::machine();
        let interrupted = if self.control.interrupted() { ", interrupted" } else { "" };
        let (rounds, cores) = (count(self.args.rounds, "round"), count(cores, "core"));
        format!("{title}, {rounds}{interrupted}; {unit}\n{cpu}, {cores}, {memory_mb} MB, {os}\n\n")
    }

    /// Writes the report, prints the text, and returns the exit code: 1 if a run failed or contradicts itself. `own` are
    /// the command's settings and figures.
    pub fn finish(&self, brokers: &[BenchBroker], mut own: Value, text: &str) -> Result<ExitCode> {
        let ExperimentArgs { rounds, prepare, memory, report: to } = self.args;
        let took = self.control.clock.now().since(self.started);
        let common = json!({ "rounds": rounds, "prepare_messages": prepare, "memory": memory });
        let settings = joined(common, own["settings"].take());
        let report = json!({
            "schema": SCHEMA,
            "program": format!("vidbench {}", self.command),
            "version": env!("CARGO_PKG_VERSION"),
            "commit": commit(),
            "librdkafka": rdkafka::util::get_rdkafka_version().1,
            "started_ms": self.control.clock.wall_us() / 1000 - took.as_millis() as u64,
            "seconds": (took.as_secs_f64() * 10.0).round() / 10.0,
            "machine": cli::machine::machine(),
            "brokers": brokers,
            "interrupted": self.control.interrupted(),
            "failed": self.failed,
        });
        if let Some(to) = to {
            let mut out = to.create()?;
            writeln!(out, "{:#}", joined(report, joined(own, json!({ "settings": settings }))))
                .and_then(|()| out.flush())
                .context("writing the report")?;
        }
        cli::output::print(text)?;
        self.faults.iter().for_each(|fault| tracing::error!("WRONG: {fault}"));
        let good = self.failed.is_empty() && self.faults.is_empty();
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Parses the destination of a report, which is JSON.
fn report(text: &str) -> Result<Output, String> {
    text.parse::<Output>()?.of_kind("a report", &["json", "txt", "log"], "name it .json")
}

/// The commit of the sources, and whether they have changed since.
fn commit() -> Option<String> {
    let git = |args: &[&str]| {
        let out = Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(args).output().ok()?;
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    // Results, and the tables made from them, do not affect the measurement.
    let code = [":/", ":(top,exclude)benches/results", ":(top,exclude)*.md"];
    let status = [&["status", "--porcelain", "--untracked-files=no", "--"][..], &code].concat();
    let changed = git(&status).is_some_and(|changes| !changes.is_empty());
    git(&["rev-parse", "HEAD"]).map(|id| if changed { format!("{id}, changed") } else { id })
}

/// One object with the fields of both.
pub fn joined(mut first: Value, second: Value) -> Value {
    if let (Value::Object(first), Value::Object(second)) = (&mut first, second) {
        first.extend(second);
    }
    first
}

/// The order of the cases in a round: reversed in every other round, so that none is always first.
pub fn turns(cases: usize, round: u32) -> impl Iterator<Item = usize> {
    (0..cases).map(move |turn| if round % 2 == 1 { turn } else { cases - 1 - turn })
}

/// One run of one case.
#[derive(Clone, Debug)]
pub struct CaseRun<T> {
    pub round: u32,
    /// Index into the cases.
    pub case: usize,
    pub result: T,
}

/// The runs of an experiment in their order; after Ctrl-C, those until then.
#[derive(Clone, Debug)]
pub struct Rounds<T>(pub Vec<CaseRun<T>>);

impl<T> Rounds<T> {
    pub fn of(&self, case: usize) -> impl Iterator<Item = &CaseRun<T>> + Clone {
        self.0.iter().filter(move |run| run.case == case)
    }

    /// The results of a case, round by round.
    pub fn results(&self, case: usize) -> impl Iterator<Item = &T> + Clone {
        self.of(case).map(|run| &run.result)
    }

    /// True if the case has a round.
    pub fn has(&self, case: usize) -> bool {
        self.of(case).next().is_some()
    }

    /// The figure over the rounds of a case; `None` if the case has none.
    pub fn spread(&self, case: usize, figure: impl Fn(&T) -> f64) -> Option<Spread> {
        Spread::of(self.results(case).map(figure))
    }

    /// Several figures over the rounds of a case, by name.
    pub fn spreads<const N: usize>(
        &self,
        case: usize,
        figures: impl Fn(&T) -> [(&'static str, f64); N],
    ) -> BTreeMap<&'static str, Spread> {
        let mut values = BTreeMap::<_, Vec<f64>>::new();
        self.results(case).flat_map(figures).for_each(|(name, value)| values.entry(name).or_default().push(value));
        values.into_iter().filter_map(|(name, values)| Some((name, Spread::of(values)?))).collect()
    }

    /// The ratio of a figure of two cases, over the rounds that have both.
    pub fn ratio(&self, of: usize, to: usize, figure: impl Fn(&T) -> f64) -> Option<Spread> {
        Spread::of_ratios(self.of(of).filter_map(|run| {
            let other = self.of(to).find(|other| other.round == run.round)?;
            Some((figure(&run.result), figure(&other.result)))
        }))
    }
}

#[cfg(test)]
pub mod tests {
    use anyhow::anyhow;
    use clap::Parser;
    use cli::shutdown::Shutdown;
    use common::time::ManualClock;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: ExperimentArgs,
    }

    fn typed(args: &[&str]) -> ExperimentArgs {
        Typed::try_parse_from([&["run"], args].concat()).expect("it parses").args
    }

    /// Rounds from `(round, case, result)`.
    pub fn rounds<T: Clone>(runs: &[(u32, usize, T)]) -> Rounds<T> {
        let run =
            |(round, case, result): &(u32, usize, T)| CaseRun { round: *round, case: *case, result: result.clone() };
        Rounds(runs.iter().map(run).collect())
    }

    fn check(run: impl Fn(u32, usize, &Shutdown) -> Result<u32>, expected: &[(u32, usize)], failed: &[&str]) {
        let (clock, shutdown) = (ManualClock::default(), Shutdown::default());
        let args = typed(&["--rounds", "2"]);
        let mut experiment = Experiment::new("test", &args, Control { clock: &clock, shutdown: &shutdown });
        let done = experiment.rounds(&["a", "b"], |round, case| run(round, case, &shutdown));
        assert_eq!(done.0.iter().map(|run| (run.round, run.case)).collect::<Vec<_>>(), expected);
        assert_eq!(experiment.failed, failed);
        let code = if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        assert_eq!(experiment.finish(&[], json!({ "settings": {} }), "").unwrap(), code);
    }

    #[test]
    fn every_other_round_goes_in_the_opposite_order() {
        check(|round, _, _| Ok(round), &[(1, 0), (1, 1), (2, 1), (2, 0)], &[]);
        assert_eq!(turns(3, 2).collect::<Vec<_>>(), [2, 1, 0]);
    }

    #[test]
    fn a_failed_run_is_kept_and_the_others_go_on() {
        let run = |round, case, _: &Shutdown| if case == 1 { Err(anyhow!("no topic")) } else { Ok(round) };
        check(run, &[(1, 0), (2, 0)], &["b, round 1 failed: no topic", "b, round 2 failed: no topic"]);
    }

    #[test]
    fn an_interruption_is_no_failure_and_ends_the_experiment() {
        let run = |round, case, shutdown: &Shutdown| {
            if case == 1 {
                shutdown.request();
                return Err(anyhow!("vidcons ended"));
            }
            Ok(round)
        };
        check(run, &[(1, 0)], &[]);
    }

    #[test]
    fn a_ratio_is_of_the_same_round() {
        // Case 1 has no fourth round.
        let runs =
            [(1, 0, 100.0), (1, 1, 200.0), (2, 1, 2000.0), (2, 0, 1500.0), (3, 0, 100.0), (3, 1, 400.0), (4, 0, 1.0)];
        let rounds = rounds(&runs);
        assert_eq!(rounds.ratio(0, 1, |x| *x), Some(Spread { median: 0.5, min: 0.25, max: 0.75 }));
        assert_eq!(rounds.ratio(0, 2, |x| *x), None);
        assert_eq!(rounds.spread(0, |x| *x).map(|s| s.median), Some(100.0));
    }
}
