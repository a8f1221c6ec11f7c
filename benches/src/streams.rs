//! `vidbench streams`: how many sources, and how many viewers, one machine carries.

use anyhow::Result;
use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use cli::values::{positive, whole};
use common::words::count;
use itertools::iproduct;
use serde::Serialize;
use serde_json::{Value, json};

use crate::control::Control;
use crate::e2e::{self, EndToEndResult, EndToEndSetup, Surroundings};
use crate::experiment::{CaseRun, Rounds, turns};
use crate::options::{CompareArgs, PictureArgs, TimeArgs};
use crate::table::{Column, Table, ms, plain};

pub const EXAMPLES: &str = "\
Examples:
  vidbench streams --brokers embedded                     1, 2, 3 ... sources of 720p30, until p99 passes 33 ms
  vidbench streams --viewers each                         each source with a viewer of its own
  vidbench streams --max 1 --consumers 8                  only one source, for 1 to 8 viewers

All sources publish into one topic; every viewer is headless and receives all of it.";

/// The largest share of lost frames. A live source that falls behind drops frames and keeps its latency, so losses limit
/// the load too.
const LOST_MAX: f64 = 0.01;

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
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
    #[arg(long, allow_hyphen_values = true, default_value_t = 16, value_name = "N", value_parser = whole(1_usize..=64))]
    max: usize,
    /// Add more until p99 exceeds this
    #[arg(long, allow_hyphen_values = true, default_value = "33", value_name = "MS", value_parser = positive)]
    until_p99_ms: f64,
    /// The viewers of the sources
    #[arg(long, value_enum, default_value_t)]
    viewers: ViewersArg,
    /// Then measure one source with 1, 2, 3 ... viewers, up to this many
    #[arg(long, allow_hyphen_values = true, default_value_t = 4, value_name = "N", value_parser = whole(1_usize..=64))]
    consumers: usize,
    #[command(flatten)]
    picture: PictureArgs,
    #[command(flatten)]
    times: TimeArgs,
    #[command(flatten)]
    pub compare: CompareArgs,
}

pub const COLUMNS: [Column; 9] = [
    ("broker", |result| plain(&result["broker"])),
    ("sources", |result| plain(&result["sources"])),
    ("viewers", |result| plain(&result["viewers"])),
    ("p50", |result| latency(result, "p50_us")),
    ("p99", |result| latency(result, "p99_us")),
    ("lost", |result| plain(&result["lost"])),
    ("CPU vidprod", |result| ms(&result["cpu_us_a_frame"]["vidprod"])),
    ("vidcons", |result| ms(&result["cpu_us_a_frame"]["vidcons"])),
    ("shown", |result| plain(&result["shown"])),
];

/// A viewer that showed nothing has no latency, and the figures are those of the others.
fn latency(result: &Value, figure: &str) -> Option<String> {
    if result["saw_nothing"].as_u64()? > 0 { Some("–".to_owned()) } else { ms(&result[figure]) }
}

/// A case is a broker with one of the steps.
pub fn run(args: &StreamsArgs, control: Control<'_>) -> Result<ExitCode> {
    let (mut experiment, brokers) = args.compare.start("streams", control)?;
    let PictureArgs { size, fps } = &args.picture;
    let steps = steps(args);
    // The load increases first with the sources, then with the viewers of one source.
    let more_sources: Vec<usize> = (0..steps.len()).filter(|step| *step == 0 || steps[*step].0 > 1).collect();
    let more_viewers: Vec<usize> = (1..args.consumers).collect();
    let (mut rounds, mut failed) = (Rounds(Vec::new()), Vec::new());
    for (round, climb) in iproduct!(1..=args.compare.experiment.rounds, [&more_sources, &more_viewers]) {
        // At each step the brokers take turns. One that had too much load or failed is left out of further steps.
        let mut going: Vec<usize> = turns(brokers.len(), round).collect();
        for &step in climb {
            going.retain(|&index| {
                let (broker, case, (sources, viewers)) = (&brokers[index], index * steps.len() + step, steps[step]);
                let (in_words, viewers_in_words) = (count(sources, "source"), count(viewers, "viewer"));
                let label = format!("{}, {in_words}, {viewers_in_words}, round {round}", broker.name);
                let setup = EndToEndSetup { sources, viewers, ..EndToEndSetup::new(size, *fps, &args.times) };
                let place = Surroundings { broker, display: None, control };
                let Some(result) = experiment.attempt(&label, || e2e::run(&setup, place)) else {
                    failed.extend((!control.interrupted()).then_some(case));
                    return false;
                };
                let goes_on = !is_too_much(&result, args.until_p99_ms);
                rounds.0.push(CaseRun { round, case, result });
                goes_on
            });
        }
    }
    experiment.faults.extend(rounds.0.iter().flat_map(|run| run.result.faults()));
    let cases = iproduct!(&brokers, &steps).enumerate().filter(|(case, _)| rounds.has(*case));
    let cases: Vec<Value> = cases.map(|(case, (broker, step))| result(&broker.name, *step, case, &rounds)).collect();
    let title = format!("Streams: {size} {fps} fps, {}", args.times.describe());
    let mut text = experiment.heading(&title, "ms") + &Table::of(&cases, &COLUMNS)?.text() + "\n";
    let mut sources_carried = BTreeMap::new();
    for (index, broker) in brokers.iter().enumerate() {
        // The number of sources that the broker carried in every round before it had too much.
        let good = |step: &&usize| {
            let case = index * steps.len() + **step;
            let good = |result| !is_too_much(result, args.until_p99_ms);
            rounds.has(case) && !failed.contains(&case) && rounds.results(case).all(good)
        };
        let carried = more_sources.iter().take_while(good).count();
        let more = if carried == args.max { " (no more were tried)" } else { "" };
        let (name, sources, ms) = (&broker.name, count(carried, "source"), args.until_p99_ms);
        text += &format!("{name}: {sources} within {ms} ms at p99 in every round{more}\n");
        sources_carried.insert(name, carried);
    }
    let settings = args.times.settings(json!({
        "size": size.to_string(),
        "fps": fps,
        "until_p99_ms": args.until_p99_ms,
        "viewers": args.viewers,
    }));
    let report = json!({ "settings": settings, "cases": cases, "sources_carried": sources_carried });
    experiment.finish(&brokers, report, &text)
}

/// Sources and viewers, in the order of the table.
fn steps(args: &StreamsArgs) -> Vec<(usize, usize)> {
    let viewers = |sources: usize| if args.viewers == ViewersArg::Each { sources } else { 1 };
    let one_source = (1..=args.consumers).map(|viewers| (1, viewers));
    one_source.chain((2..=args.max).map(|sources| (sources, viewers(sources)))).collect()
}

fn is_too_much(result: &EndToEndResult, p99_ms: f64) -> bool {
    let lost = result.lost() as f64 > LOST_MAX * result.captured() as f64;
    lost || result.saw_nothing() > 0 || result.slowest(|total| total.p99) / 1e3 > p99_ms
}

/// The figures of a case, as they are reported: medians and sums over the rounds.
fn result(broker: &str, (sources, viewers): (usize, usize), case: usize, rounds: &Rounds<EndToEndResult>) -> Value {
    let median = |figure: fn(&EndToEndResult) -> f64| rounds.spread(case, figure).map(|spread| spread.median);
    let sum = |number: fn(&EndToEndResult) -> u64| rounds.results(case).map(number).sum::<u64>();
    let cpu = rounds.spreads(case, EndToEndResult::cpu_us_a_frame).into_iter();
    json!({
        "broker": broker,
        "sources": sources,
        "viewers": viewers,
        "p50_us": median(|run| run.slowest(|total| total.p50)),
        "p99_us": median(|run| run.slowest(|total| total.p99)),
        "shown": sum(EndToEndResult::shown),
        "lost": sum(EndToEndResult::lost),
        // Number of viewers without any latency; the latencies above are those of the others.
        "saw_nothing": sum(|run| run.saw_nothing() as u64),
        "cpu_us_a_frame": cpu.map(|(name, us)| (name, us.median.round())).collect::<BTreeMap<_, _>>(),
        "rounds_p99_us": rounds.results(case).map(|run| run.slowest(|total| total.p99) as u64).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use common::report::Summary;

    use super::*;
    use crate::e2e::tests::{ran, report};
    use crate::experiment::tests::rounds;
    use crate::readme::tests::has_the_fields_of;

    #[test]
    fn too_much_is_a_slow_viewer_or_a_lost_frame_in_a_hundred() {
        let too_much = |shown: u64, p99: u64| {
            let producer = report("vidprod", |sums| sums.frames.captured = Some(300));
            let viewer = report("vidcons", |sums| {
                sums.frames.shown = Some(shown);
                sums.latency_us.total = Summary { count: shown, p99, ..Summary::default() };
            });
            is_too_much(&ran(vec![producer], vec![viewer]), 33.0)
        };
        assert!(!too_much(299, 32_000));
        assert!(too_much(299, 40_000));
        assert!(too_much(290, 10), "it is quick, and loses three in a hundred");
        assert!(too_much(0, 0), "it showed nothing");
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

    #[test]
    fn a_case_has_all_its_fields() {
        let run = ran(vec![report("vidprod", |_| {})], vec![report("vidcons", |_| {})]);
        let result = result("a", (1, 1), 0, &rounds(&[(1, 0, run)]));
        has_the_fields_of("streams.json", "/cases/0", &result);
        assert_eq!(latency(&result, "p50_us").as_deref(), Some("–"));
    }
}
