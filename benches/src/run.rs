//! `vidbench run`: a frame's latency end to end, with the real programs.

pub mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;
use cli::values::{Bytes, positive};
use common::draw::PixelCheck;
use common::report::{Report, Summary};
use common::time::Stage;

use self::report::{ProgramRun, RatioToFirst, RunCase, RunFigures, RunResult, RunRound, RunSettings};
use crate::control::Control;
use crate::display::Display;
use crate::e2e::{self, EndToEndResult, EndToEndSetup, Surroundings};
use crate::experiment::{Experiment, Rounds};
use crate::messages::args::acks;
use crate::messages::topic::topic_name;
use crate::options::{self, CompareArgs, TimeArgs};
use crate::report::ByProgram;
use crate::size::PictureSize;
use crate::spread::SummarySpread;

pub const EXAMPLES: &str = "\
Examples:
  vidbench run                                                 720p30, embedded against real
  vidbench run --sizes 720p,1080p --fps 30,60 --brokers real   one broker, four cases
  vidbench run --brokers real --acks all,1,0 --window          with windows, under Xvfb where there is no display
  vidbench run --clip samples/clip.mp4 --limit 1000000,50000   a clip; whole frames against frames in parts

Latency is the time from a frame's due time until it was decoded, or with --window presented, as vidcons reports it.";

#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Picture sizes: 360p, 720p, 1080p, 4k or WIDTHxHEIGHT
    #[arg(long, allow_hyphen_values = true, default_value = "720p", value_name = "SIZE,…", value_delimiter = ',')]
    pub sizes: Vec<PictureSize>,
    /// Frames a second
    #[arg(long, allow_hyphen_values = true, default_value = "30", value_name = "N,…", value_delimiter = ',', value_parser = positive)]
    pub fps: Vec<f64>,
    /// Acknowledgements that vidprod waits for: all, 1, 0
    #[arg(long, allow_hyphen_values = true, default_value = "all", value_name = "ACKS,…", value_delimiter = ',', value_parser = acks)]
    pub acks: Vec<String>,
    /// Message limits; larger frames are sent in parts [default: the topic's limit]
    #[arg(long, allow_hyphen_values = true, value_name = "SIZE,…", value_delimiter = ',')]
    pub limit: Vec<Bytes>,
    /// Play this file instead of the test card; its pictures are made smaller, never larger
    #[arg(long, value_name = "FILE")]
    pub clip: Option<PathBuf>,
    /// With windows: on DISPLAY, or under an Xvfb of its own if there is none
    #[arg(long)]
    pub window: bool,
    #[command(flatten)]
    pub times: TimeArgs,
    #[command(flatten)]
    pub compare: CompareArgs,
}

pub fn run(args: &RunArgs, control: Control<'_>) -> anyhow::Result<ExitCode> {
    ensure!(!args.times.seconds().is_zero(), "--seconds must be above zero");
    args.clip.iter().try_for_each(|clip| options::check_clip(clip))?;
    let mut experiment = Experiment::start(control);
    let display = args.window.then(Display::find).transpose()?;
    let brokers = args.compare.start(control)?;
    // The brokers of a setup follow each other, so that noise on the machine affects all of them.
    let setups = setups(args);
    let cases: Vec<(usize, &EndToEndSetup)> =
        setups.iter().flat_map(|setup| (0..brokers.len()).map(move |broker| (broker, setup))).collect();
    let case = |&(broker, setup): &(usize, &EndToEndSetup)| RunCase {
        broker: brokers[broker].name.clone(),
        size: setup.size.to_string(),
        fps: setup.fps,
        acks: setup.acks.clone(),
        limit: setup.message_bytes_max,
    };
    let run_cases: Vec<RunCase> = cases.iter().map(case).collect();
    let labels: Vec<String> = run_cases.iter().map(RunCase::to_string).collect();
    let rounds = experiment.rounds(args.compare.rounds, &labels, |round, index| {
        let (broker, setup) = cases[index];
        let place = Surroundings { broker: &brokers[broker], display: display.as_ref(), control };
        e2e::run(setup, &topic_name("run", round, index), place)?.map(EndToEndResult::seen).transpose()
    });
    for run in &rounds.0 {
        let label = format!("{}, round {}", labels[run.case], run.round);
        experiment.faults.extend(run.result.faults().iter().map(|fault| format!("{label}: {fault}")));
    }
    let settings = RunSettings {
        input: options::input_name(args.clip.as_ref()),
        common: args.compare.settings(Some(&args.times)),
        window: display.as_ref().map(|display| display.kind().to_owned()),
    };
    let results = run_cases.iter().enumerate().filter_map(|(index, case)| result(case, index, &rounds)).collect();
    let figures = RunFigures { faults: experiment.faults.len(), cases: results };
    let report = experiment.report("run", &brokers, settings, figures);
    experiment.finish(&report, args.compare.report.as_ref(), &report::text(&report, &args.times.describe()))
}

/// Every combination of the options once.
fn setups(args: &RunArgs) -> Vec<EndToEndSetup> {
    let limits: Vec<Option<usize>> =
        if args.limit.is_empty() { vec![None] } else { args.limit.iter().map(|bytes| Some(bytes.0)).collect() };
    let mut setups: Vec<EndToEndSetup> = Vec::new();
    for size in &args.sizes {
        for &fps in &args.fps {
            for &message_bytes_max in &limits {
                for acks in &args.acks {
                    let common = EndToEndSetup::new(args.clip.as_ref(), size, fps, &args.times);
                    let setup = EndToEndSetup { acks: acks.clone(), message_bytes_max, verify_pixels: true, ..common };
                    setups.extend((!setups.contains(&setup)).then_some(setup));
                }
            }
        }
    }
    setups
}

/// The figures of a case over its rounds; `None` if it was never run.
fn result(case: &RunCase, index: usize, rounds: &Rounds<EndToEndResult>) -> Option<RunResult> {
    let of = || rounds.of(index).map(|run| &run.result);
    let viewers = || of().map(|run| &run.viewers[0]);
    let stage = |stage: &Stage| {
        let name = stage.name();
        let figures = SummarySpread::of(viewers().filter_map(|viewer| viewer.sums.latency_us.stages.get(name)))?;
        Some((name.to_owned(), figures))
    };
    let cpu = |program: fn(ByProgram<f64>) -> f64| rounds.spread(index, |run| program(run.cpu_us_a_frame()));
    let to_first = |figure: fn(&Summary) -> u64| {
        rounds.ratio(index, 0, |run| figure(&run.viewers[0].sums.latency_us.total) as f64)
    };
    let program = |report: &Report| ProgramRun { cpu_seconds: report.cpu_seconds, sums: report.sums.clone() };
    Some(RunResult {
        case: case.clone(),
        captured: of().map(|run| run.producers[0].sums.frames.captured.unwrap_or(0)).sum(),
        shown: viewers().map(|viewer| viewer.sums.frames.shown.unwrap_or(0)).sum(),
        pixels: viewers().filter_map(|viewer| viewer.pixels).reduce(PixelCheck::and),
        total_us: SummarySpread::of(viewers().map(|viewer| &viewer.sums.latency_us.total))?,
        stages_us: Stage::ALL.iter().filter_map(stage).collect(),
        cpu_us_a_frame: ByProgram { vidprod: cpu(|cpu| cpu.vidprod)?, vidcons: cpu(|cpu| cpu.vidcons)? },
        ratio_to_first: RatioToFirst { p50: to_first(|s| s.p50), p99: to_first(|s| s.p99) },
        rounds: rounds
            .of(index)
            .map(|run| {
                let programs = (program(&run.result.producers[0]), program(&run.result.viewers[0]));
                RunRound { round: run.round, programs: ByProgram { vidprod: programs.0, vidcons: programs.1 } }
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;
    use crate::e2e::tests::{ran, report};
    use crate::experiment::tests::rounds;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        run: RunArgs,
    }

    #[test]
    fn every_combination_is_a_case() {
        let check = |args: &[&str], count: usize| {
            let typed = Typed::try_parse_from([&["run"], args].concat()).expect("it parses").run;
            assert_eq!(setups(&typed).len(), count, "{args:?}");
        };
        check(&[], 1);
        check(&["--sizes", "360p,4k", "--fps", "30,60", "--acks", "all,1,0"], 12);
        check(&["--limit", "1M,50k"], 2);
        check(&["--fps", "30,30"], 1);
    }

    fn took(us: u64) -> EndToEndResult {
        let total =
            Summary { count: 300, p50: us, p90: us, p99: 2 * us, p999: 2 * us, max: 3 * us, ..Summary::default() };
        let producer = report("vidprod", |sums| {
            sums.frames.captured = Some(100);
            sums.frames.encoded = Some(100);
        });
        let viewer = report("vidcons", |sums| {
            sums.frames.shown = Some(99);
            sums.latency_us.total = total;
            sums.latency_us.stages.insert("decode".to_owned(), total);
        });
        // The window is as long as the playing time in the report.
        let (window, producers_cpu) = (Duration::from_secs(12), Duration::from_millis(250));
        EndToEndResult { window, producers_cpu, ..ran(vec![producer], vec![viewer]) }
    }

    #[test]
    fn a_case_is_the_median_of_its_rounds() {
        let case =
            RunCase { broker: "a".to_owned(), size: "720p".to_owned(), fps: 30.0, acks: "all".to_owned(), limit: None };
        let runs = rounds(&[(1, 0, took(100)), (2, 0, took(900)), (3, 0, took(200)), (3, 1, took(50))]);
        let first = result(&case, 0, &runs).expect("it was run");
        assert_eq!((first.captured, first.shown), (300, 297));
        let total = first.total_us;
        assert_eq!((total.p50.median, total.p99.median, total.max), (200.0, 400.0, 2700));
        assert_eq!(first.stages_us.keys().collect::<Vec<_>>(), ["decode"]);
        assert_eq!(first.cpu_us_a_frame.vidprod.median, 2500.0);
        let second = result(&case, 1, &runs).expect("it was run");
        assert_eq!(second.ratio_to_first.p50.map(|ratio| ratio.median), Some(0.25));
        assert!(result(&case, 2, &runs).is_none());
    }
}
