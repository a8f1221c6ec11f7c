//! `vidbench streams`: how many sources, and how many viewers, one machine carries.

pub mod report;

use std::fmt;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use cli::values::positive;
use common::report::Summary;
use common::words::count;

use self::report::{StreamsFigures, StreamsResult, StreamsSettings};
use crate::brokers::StartedBroker;
use crate::control::Control;
use crate::e2e::{self, EndToEndResult, EndToEndSetup, Surroundings};
use crate::experiment::{CaseRun, Experiment, Rounds, turns};
use crate::messages::topic::topic_name;
use crate::options::{CompareArgs, TimeArgs};
use crate::report::ByProgram;
use crate::size::PictureSize;

pub const EXAMPLES: &str = "\
Examples:
  vidbench streams --brokers embedded                     1, 2, 3 ... sources of 720p30, until p99 passes 33 ms
  vidbench streams --viewers each                         each source with a viewer of its own
  vidbench streams --max 1 --consumers 8                  only one source, for 1 to 8 viewers

All sources publish into one topic; every viewer is headless and receives all of it.";

/// The largest share of lost frames. A live source that falls behind drops frames and keeps its latency, so losses limit
/// the load too.
const LOST_MAX: f64 = 0.01;

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ViewersArg {
    /// One, which shows the first source.
    #[default]
    One,
    /// One for each source.
    Each,
}

#[derive(Args, Clone, Debug)]
pub struct StreamsArgs {
    /// The largest number of sources
    #[arg(long, allow_hyphen_values = true, default_value_t = 16, value_name = "N", value_parser = cli::values::whole(1_usize..=64))]
    pub max: usize,
    /// Add more until p99 exceeds this
    #[arg(long, allow_hyphen_values = true, default_value = "33", value_name = "MS", value_parser = positive)]
    pub until_p99_ms: f64,
    /// The viewers of the sources
    #[arg(long, value_enum, default_value_t)]
    pub viewers: ViewersArg,
    /// Then measure one source with 1, 2, 3 ... viewers, up to this many
    #[arg(long, allow_hyphen_values = true, default_value_t = 4, value_name = "N", value_parser = cli::values::whole(1_usize..=64))]
    pub consumers: usize,
    /// Picture size: 360p, 720p, 1080p, 4k or WIDTHxHEIGHT
    #[arg(long, allow_hyphen_values = true, default_value = "720p", value_name = "SIZE")]
    pub size: PictureSize,
    /// Frames a second
    #[arg(long, allow_hyphen_values = true, default_value = "30", value_name = "N", value_parser = positive)]
    pub fps: f64,
    #[command(flatten)]
    pub times: TimeArgs,
    #[command(flatten)]
    pub compare: CompareArgs,
}

/// The load that some sources and viewers put on the machine.
#[derive(Clone, PartialEq, Debug)]
struct StreamsLoad {
    /// Latency of the viewer with the largest.
    p50_us: u64,
    p99_us: u64,
    /// Number of frames of the watched sources, counted for each viewer.
    captured: u64,
    shown: u64,
    /// Number of viewers without any latency; the latencies above are those of the others.
    saw_nothing: usize,
    cpu_us_a_frame: ByProgram<f64>,
    faults: Vec<String>,
}

impl StreamsLoad {
    fn of(run: &EndToEndResult) -> StreamsLoad {
        let EndToEndResult { producers, viewers, .. } = run;
        let worst =
            |figure: fn(&Summary) -> u64| viewers.iter().map(|v| figure(&v.sums.latency_us.total)).max().unwrap_or(0);
        // The same distribution of sources to viewers as in `e2e`.
        let watched = (0..viewers.len()).filter_map(|i| producers.get(i % producers.len().max(1)));
        StreamsLoad {
            p50_us: worst(|s| s.p50),
            p99_us: worst(|s| s.p99),
            captured: watched.map(|p| p.sums.frames.captured.unwrap_or(0)).sum(),
            shown: viewers.iter().map(|v| v.sums.frames.shown.unwrap_or(0)).sum(),
            saw_nothing: run.saw_nothing(),
            cpu_us_a_frame: run.cpu_us_a_frame(),
            faults: run.faults(),
        }
    }

    fn lost(&self) -> u64 {
        self.captured.saturating_sub(self.shown)
    }

    fn is_too_much(&self, p99_ms: f64) -> bool {
        let lost = self.lost() as f64 > LOST_MAX * self.captured as f64;
        lost || self.saw_nothing > 0 || self.p99_us as f64 / 1e3 > p99_ms
    }
}

impl fmt::Display for StreamsLoad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.p50_us as f64 / 1e3, self.p99_us as f64 / 1e3);
        write!(f, "p50 {p50:.2} p99 {p99:.2} ms, {} of {} lost", self.lost(), self.captured)?;
        if self.saw_nothing > 0 { write!(f, ", {} showed nothing", count(self.saw_nothing, "viewer")) } else { Ok(()) }
    }
}

/// The runs until now. A case is a broker with one of the steps.
struct Climb<'a> {
    args: &'a StreamsArgs,
    brokers: &'a [StartedBroker],
    /// Sources and viewers.
    steps: &'a [(usize, usize)],
    runs: Vec<CaseRun<StreamsLoad>>,
    /// The cases of the failed runs.
    failed: Vec<usize>,
}

pub fn run(args: &StreamsArgs, control: Control<'_>) -> anyhow::Result<ExitCode> {
    let mut experiment = Experiment::start(control);
    let brokers = &args.compare.start(control)?;
    let steps = &steps(args);
    // The load increases first with the sources, then with the viewers of one source.
    let more_sources: Vec<usize> = (0..steps.len()).filter(|step| *step == 0 || steps[*step].0 > 1).collect();
    let more_viewers: Vec<usize> = (1..args.consumers).collect();
    let mut climb = Climb { args, brokers, steps, runs: Vec::new(), failed: Vec::new() };
    for round in 1..=args.compare.rounds {
        climb.climb(&more_sources, round, &mut experiment);
        climb.climb(&more_viewers, round, &mut experiment);
    }
    let (rounds, failed) = (Rounds(climb.runs), climb.failed);
    experiment.faults.extend(rounds.0.iter().flat_map(|run| run.result.faults.iter().cloned()));
    let name = |broker: usize| brokers[broker].name.clone();
    let results = (0..brokers.len() * steps.len())
        .filter_map(|case| result(name(case / steps.len()), steps[case % steps.len()], case, &rounds));
    // The number of sources that a broker carried in every round before it had too much.
    let carried = |broker: usize| {
        let good = |step: &&usize| {
            let case = broker * steps.len() + **step;
            let mut loads = rounds.of(case).peekable();
            let measured = !failed.contains(&case) && loads.peek().is_some();
            measured && loads.all(|run| !run.result.is_too_much(args.until_p99_ms))
        };
        more_sources.iter().take_while(good).count()
    };
    let figures = StreamsFigures {
        cases: results.collect(),
        sources_carried: (0..brokers.len()).map(|broker| (name(broker), carried(broker))).collect(),
    };
    let settings = StreamsSettings {
        size: args.size.to_string(),
        fps: args.fps,
        until_p99_ms: args.until_p99_ms,
        viewers: format!("{:?}", args.viewers).to_lowercase(),
        common: args.compare.settings(Some(&args.times)),
    };
    let report = experiment.report("streams", brokers, settings, figures);
    experiment.finish(&report, args.compare.report.as_ref(), &report::text(&report, &args.times.describe(), args.max))
}

impl Climb<'_> {
    /// Increases the load step by step, with the brokers in turn at each step. A broker that had too much load or failed
    /// is left out of further steps.
    fn climb(&mut self, steps: &[usize], round: u32, experiment: &mut Experiment<'_>) {
        let (args, control) = (self.args, experiment.control);
        let mut goes_on = vec![true; self.brokers.len()];
        for &step in steps {
            let (sources, viewers) = self.steps[step];
            let common = EndToEndSetup::new(None, &args.size, args.fps, &args.times);
            let setup = EndToEndSetup { sources, viewers, ..common };
            for index in turns(self.brokers.len(), round) {
                if !goes_on[index] {
                    continue;
                }
                let (broker, case) = (&self.brokers[index], index * self.steps.len() + step);
                let (in_words, place) = (count(sources, "source"), Surroundings { broker, display: None, control });
                let label = format!("{}, {in_words}, {}, round {round}", broker.name, count(viewers, "viewer"));
                let run = || e2e::run(&setup, &topic_name("streams", round, case), place);
                let load = experiment.attempt(&label, || Ok(run()?.as_ref().map(StreamsLoad::of)));
                goes_on[index] = load.as_ref().is_some_and(|load| !load.is_too_much(args.until_p99_ms));
                match load {
                    Some(result) => self.runs.push(CaseRun { round, case, result }),
                    None if control.interrupted() => return,
                    None => self.failed.push(case),
                }
            }
        }
    }
}

/// Sources and viewers, in the order of the table.
fn steps(args: &StreamsArgs) -> Vec<(usize, usize)> {
    let viewers = |sources: usize| if args.viewers == ViewersArg::Each { sources } else { 1 };
    let one_source = (1..=args.consumers).map(|viewers| (1, viewers));
    one_source.chain((2..=args.max).map(|sources| (sources, viewers(sources)))).collect()
}

/// The figures of a case over its rounds; `None` if it was never run.
fn result(broker: String, step: (usize, usize), case: usize, rounds: &Rounds<StreamsLoad>) -> Option<StreamsResult> {
    let median = |figure: fn(&StreamsLoad) -> f64| rounds.spread(case, figure).map(|spread| spread.median);
    let sum = |figure: fn(&StreamsLoad) -> u64| rounds.of(case).map(|run| figure(&run.result)).sum();
    Some(StreamsResult {
        broker,
        sources: step.0,
        viewers: step.1,
        p50_us: median(|load| load.p50_us as f64)?,
        p99_us: median(|load| load.p99_us as f64)?,
        shown: sum(|load| load.shown),
        lost: sum(StreamsLoad::lost),
        saw_nothing: sum(|load| load.saw_nothing as u64),
        cpu_us_a_frame: ByProgram {
            vidprod: median(|load| load.cpu_us_a_frame.vidprod)?.round(),
            vidcons: median(|load| load.cpu_us_a_frame.vidcons)?.round(),
        },
        rounds_p99_us: rounds.of(case).map(|run| run.result.p99_us).collect(),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use common::report::Report;

    use super::*;
    use crate::e2e::tests::{ran, report};

    fn producer(captured: u64) -> Report {
        report("vidprod", |sums| sums.frames.captured = Some(captured))
    }

    fn viewer(shown: u64, p99: u64) -> Report {
        report("vidcons", |sums| {
            sums.frames.shown = Some(shown);
            sums.latency_us.total = Summary { count: shown, p50: p99 / 2, p99, ..Summary::default() };
        })
    }

    #[test]
    fn the_load_is_that_of_the_slowest_viewer() {
        let producers = vec![producer(300), producer(100)];
        let load = StreamsLoad::of(&ran(producers, vec![viewer(299, 8000), viewer(100, 40_000)]));
        assert_eq!((load.p50_us, load.p99_us), (20_000, 40_000));
        assert_eq!((load.captured, load.lost()), (400, 1));
        assert!(load.is_too_much(33.0) && !load.is_too_much(41.0));
    }

    #[test]
    fn a_viewer_that_showed_nothing_had_too_much() {
        let load = StreamsLoad::of(&ran(vec![producer(0)], vec![viewer(0, 0)]));
        assert!(load.is_too_much(33.0));
        assert_eq!(load.to_string(), "p50 0.00 p99 0.00 ms, 0 of 0 lost, 1 viewer showed nothing");
    }

    #[test]
    fn a_source_that_nobody_watches_is_not_expected() {
        let load = StreamsLoad::of(&ran(vec![producer(300), producer(300)], vec![viewer(290, 10)]));
        assert_eq!((load.captured, load.lost()), (300, 10));
        assert!(load.is_too_much(33.0), "it is quick, and loses three in a hundred");
    }

    #[test]
    fn the_load_grows_by_sources_and_by_viewers() {
        #[derive(Parser)]
        struct Typed {
            #[command(flatten)]
            args: StreamsArgs,
        }
        let steps_of = |args: &str| steps(&Typed::try_parse_from(args.split(' ')).expect("it parses").args);
        assert_eq!(steps_of("streams --max 3 --consumers 2"), [(1, 1), (1, 2), (2, 1), (3, 1)]);
        assert_eq!(steps_of("streams --max 2 --consumers 1 --viewers each"), [(1, 1), (2, 2)]);
    }
}
