//! An experiment: every case runs once in each round. A failed run is kept, and the others go on.

use std::fmt::Display;
use std::process::ExitCode;

use cli::output::Output;
use common::time::Micros;
use serde::Serialize;

use crate::brokers::StartedBroker;
use crate::control::Control;
use crate::report::BenchReport;
use crate::spread::Spread;

#[derive(Debug)]
pub struct Experiment<'a> {
    pub control: Control<'a>,
    started_ms: u64,
    started: Micros,
    /// Descriptions of the failed runs.
    pub failed: Vec<String>,
    /// Contradictions within results, such as counts that do not balance.
    pub faults: Vec<String>,
}

impl<'a> Experiment<'a> {
    pub fn start(control: Control<'a>) -> Experiment<'a> {
        let (started_ms, started) = (control.clock.wall_us() / 1000, control.clock.now());
        Experiment { control, started_ms, started, failed: Vec::new(), faults: Vec::new() }
    }

    /// Runs every case once in each round, each with its label; every other round goes in the opposite order.
    pub fn rounds<T: Display>(
        &mut self,
        rounds: u32,
        labels: &[String],
        mut run: impl FnMut(u32, usize) -> anyhow::Result<Option<T>>,
    ) -> Rounds<T> {
        let mut runs = Vec::new();
        for (round, case) in (1..=rounds).flat_map(|round| turns(labels.len(), round).map(move |case| (round, case))) {
            let label = format!("{}, round {round}", labels[case]);
            let result = self.attempt(&label, || run(round, case));
            runs.extend(result.map(|result| CaseRun { round, case, result }));
        }
        Rounds(runs)
    }

    /// One run, which is logged. `None` after Ctrl-C, which is no failure, and after a failure, which is kept.
    pub fn attempt<T: Display>(&mut self, label: &str, run: impl FnOnce() -> anyhow::Result<Option<T>>) -> Option<T> {
        if self.control.interrupted() {
            return None;
        }
        match run() {
            Ok(result) => {
                result.iter().for_each(|result| tracing::info!("{label}: {result}"));
                result
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

    /// The report of everything until now.
    pub fn report<S, F>(&self, command: &str, brokers: &[StartedBroker], settings: S, figures: F) -> BenchReport<S, F> {
        BenchReport {
            started_ms: self.started_ms,
            seconds: (self.control.clock.now().since(self.started).as_secs_f64() * 10.0).round() / 10.0,
            brokers: brokers.iter().map(StartedBroker::facts).collect(),
            interrupted: self.control.interrupted(),
            failed: self.failed.clone(),
            ..BenchReport::new(command, settings, figures)
        }
    }

    /// Writes the report, prints the text, and returns the exit code: 1 if a run failed or contradicts itself.
    pub fn finish<S: Serialize, F: Serialize>(
        &self,
        report: &BenchReport<S, F>,
        to: Option<&Output>,
        text: &str,
    ) -> anyhow::Result<ExitCode> {
        to.map_or(Ok(()), |to| report.write(to))?;
        cli::output::print(text)?;
        self.faults.iter().for_each(|fault| tracing::error!("WRONG: {fault}"));
        let good = self.failed.is_empty() && self.faults.is_empty();
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
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

    /// The figure over the rounds of a case; `None` if the case has none.
    pub fn spread(&self, case: usize, figure: impl Fn(&T) -> f64) -> Option<Spread> {
        Spread::of(self.of(case).map(|run| figure(&run.result)))
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
    use cli::shutdown::Shutdown;
    use common::time::ManualClock;

    use super::*;

    /// Rounds from `(round, case, result)`.
    pub fn rounds<T: Clone>(runs: &[(u32, usize, T)]) -> Rounds<T> {
        let run =
            |(round, case, result): &(u32, usize, T)| CaseRun { round: *round, case: *case, result: result.clone() };
        Rounds(runs.iter().map(run).collect())
    }

    fn check(
        run: impl Fn(u32, usize, &Shutdown) -> anyhow::Result<Option<u32>>,
        expected: &[(u32, usize)],
        failed: &[&str],
    ) {
        let (clock, shutdown) = (ManualClock::default(), Shutdown::default());
        let mut experiment = Experiment::start(Control { clock: &clock, shutdown: &shutdown });
        let labels = ["a".to_owned(), "b".to_owned()];
        let done = experiment.rounds(2, &labels, |round, case| run(round, case, &shutdown));
        assert_eq!(done.0.iter().map(|run| (run.round, run.case)).collect::<Vec<_>>(), expected);
        assert_eq!(experiment.failed, failed);
        let report = experiment.report("test", &[], (), ());
        assert_eq!((report.failed.len(), report.interrupted), (failed.len(), shutdown.asked()));
    }

    #[test]
    fn every_other_round_goes_in_the_opposite_order() {
        check(|round, _, _| Ok(Some(round)), &[(1, 0), (1, 1), (2, 1), (2, 0)], &[]);
        assert_eq!(turns(3, 2).collect::<Vec<_>>(), [2, 1, 0]);
    }

    #[test]
    fn a_failed_run_is_kept_and_the_others_go_on() {
        let run = |round, case, _: &Shutdown| if case == 1 { Err(anyhow!("no topic")) } else { Ok(Some(round)) };
        check(run, &[(1, 0), (2, 0)], &["b, round 1 failed: no topic", "b, round 2 failed: no topic"]);
    }

    #[test]
    fn an_interruption_is_no_failure_and_ends_the_experiment() {
        let run = |round, case, shutdown: &Shutdown| {
            if case == 1 {
                shutdown.ask();
                return Err(anyhow!("vidcons ended"));
            }
            Ok(Some(round))
        };
        check(run, &[(1, 0)], &[]);
    }

    #[test]
    fn a_ratio_is_of_the_same_round() {
        // Case 1 has no fourth round.
        let runs =
            [(1, 0, 100.0), (1, 1, 200.0), (2, 1, 2000.0), (2, 0, 1500.0), (3, 0, 100.0), (3, 1, 400.0), (4, 0, 1.0)];
        let rounds = rounds(&runs);
        assert_eq!(rounds.ratio(0, 1, |x| *x).map(|s| s.to_string()).as_deref(), Some("0.50 (0.25…0.75)"));
        assert_eq!(rounds.ratio(0, 2, |x| *x), None);
        assert_eq!(rounds.spread(0, |x| *x).map(|s| s.median), Some(100.0));
    }
}
