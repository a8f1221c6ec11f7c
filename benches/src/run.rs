//! `vidbench run`: a frame's latency end to end, with the real programs.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Args;
use cli::values::{Bytes, positive};
use common::draw::PixelCheck;
use common::report::{Report, Summary};
use common::time::Stage;
use itertools::{Itertools, iproduct};
use serde_json::{Value, json};

use crate::brokers::BenchBroker;
use crate::control::Control;
use crate::e2e::{self, EndToEndResult, EndToEndSetup, Surroundings};
use crate::experiment::{CaseRun, Rounds};
use crate::messages::args::acks;
use crate::options::{CompareArgs, PlayArgs, TimeArgs};
use crate::size::PictureSize;
use crate::spread::of_summaries;
use crate::table::{Column, Table, median_ms, ms, plain, spread};

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
    sizes: Vec<PictureSize>,
    /// Frames a second
    #[arg(long, allow_hyphen_values = true, default_value = "30", value_name = "N,…", value_delimiter = ',', value_parser = positive)]
    fps: Vec<f64>,
    /// Acknowledgements that vidprod waits for: all, 1, 0
    #[arg(long, allow_hyphen_values = true, default_value = "all", value_name = "ACKS,…", value_delimiter = ',', value_parser = acks)]
    acks: Vec<String>,
    /// Message limits; larger frames are sent in parts [default: the topic's limit]
    #[arg(long, allow_hyphen_values = true, value_name = "SIZE,…", value_delimiter = ',')]
    limit: Vec<Bytes>,
    #[command(flatten)]
    play: PlayArgs,
    #[command(flatten)]
    times: TimeArgs,
    #[command(flatten)]
    pub compare: CompareArgs,
}

/// The first columns are those of the project's pages.
pub const COLUMNS: [Column; 14] = [
    ("size", |result| {
        let parts = plain(&result["limit"]).map_or(String::new(), |bytes| format!(", parts of {bytes}"));
        Some(plain(&result["size"])? + &parts)
    }),
    ("fps", |result| plain(&result["fps"])),
    ("broker", |result| plain(&result["broker"])),
    ("acks", |result| plain(&result["acks"])),
    ("p50", |result| median_ms(&result["total_us"]["p50"])),
    ("p90", |result| median_ms(&result["total_us"]["p90"])),
    ("p99", |result| median_ms(&result["total_us"]["p99"])),
    ("p99.9", |result| median_ms(&result["total_us"]["p999"])),
    ("max", |result| ms(&result["total_us"]["max"])),
    ("shown", |result| Some(format!("{} of {}", result["shown"].as_u64()?, result["captured"].as_u64()?))),
    ("CPU vidprod", |result| median_ms(&result["cpu_us_a_frame"]["vidprod"])),
    ("vidcons", |result| median_ms(&result["cpu_us_a_frame"]["vidcons"])),
    ("lost", |result| Some(result["captured"].as_u64()?.saturating_sub(result["shown"].as_u64()?).to_string())),
    ("pixels agree", |result| {
        let PixelCheck { agreed, checked, .. } = serde_json::from_value(result["pixels"].clone()).unwrap_or_default();
        Some(if checked > 0 { format!("{agreed}/{checked}") } else { "-".to_owned() })
    }),
];

pub fn run(args: &RunArgs, control: Control<'_>) -> Result<ExitCode> {
    ensure!(!args.times.seconds().is_zero(), "--seconds must be above zero");
    let display = args.play.display()?;
    let (mut experiment, brokers) = args.compare.start("run", control)?;
    // The brokers of a setup follow each other, so that noise on the machine affects all of them.
    let setups = setups(args);
    let cases: Vec<_> = iproduct!(&setups, &brokers).collect();
    let labels: Vec<String> = cases.iter().map(|(setup, broker)| label(setup, broker)).collect();
    let rounds = experiment.rounds(&labels, |_, index| {
        let (setup, broker) = cases[index];
        e2e::run(setup, Surroundings { broker, display: display.as_ref(), control })?.seen()
    });
    for CaseRun { round, case, result } in &rounds.0 {
        let faults = result.faults().into_iter();
        experiment.faults.extend(faults.map(|fault| format!("{}, round {round}: {fault}", labels[*case])));
    }
    let measured: Vec<usize> = (0..cases.len()).filter(|index| rounds.has(*index)).collect();
    let results: Vec<Value> = measured.iter().map(|index| result(cases[*index], *index, &rounds)).collect();
    let (input, kind) = (args.play.input(), display.as_ref().map(|display| display.kind));
    let path = kind.map_or("headless, due to decoded".to_owned(), |kind| format!("due to presented, {kind}"));
    let unit = format!("{path}; ms and CPU ms for a frame, each figure the median of the rounds");
    let played = if input == "test" { "the test card" } else { &input };
    let mut text = experiment.heading(&format!("End to end: {played}, {}", args.times.describe()), &unit);
    let labels: Vec<&String> = measured.iter().map(|index| &labels[*index]).collect();
    text += &format!("{}\n{}", Table::of(&results, &COLUMNS)?.text(), stage_table(&labels, &results).text());
    if let [first, _, ..] = &labels[..] {
        text += &format!("\nTo {first}, the median of the rounds (the least … the most):\n");
        for (label, result) in labels.iter().zip(&results) {
            let ratio = |figure: &str| spread(&result["ratio_to_first"][figure]).unwrap_or("-".to_owned());
            text += &format!("  {label:<44} p50 {:<20} p99 {}\n", ratio("p50"), ratio("p99"));
        }
    }
    let settings = args.times.settings(json!({ "input": input, "window": kind }));
    let report = json!({ "settings": settings, "faults": experiment.faults.len(), "cases": results });
    experiment.finish(&brokers, report, &text)
}

fn label(setup: &EndToEndSetup, broker: &BenchBroker) -> String {
    let EndToEndSetup { size, fps, acks, message_bytes_max, .. } = setup;
    let limit = message_bytes_max.map_or(String::new(), |bytes| format!(", limit {bytes}"));
    format!("{}, {size} {fps} fps, acks {acks}{limit}", broker.name)
}

/// Every combination of the options once.
fn setups(args: &RunArgs) -> Vec<EndToEndSetup> {
    let limits = args.limit.iter().map(|bytes| Some(bytes.0));
    let limits: Vec<Option<usize>> = if args.limit.is_empty() { vec![None] } else { limits.collect() };
    let all = iproduct!(&args.sizes, &args.fps, &limits, &args.acks);
    let all = all.map(|(size, &fps, &message_bytes_max, acks)| EndToEndSetup {
        clip: args.play.clip.clone(),
        acks: acks.clone(),
        message_bytes_max,
        verify_pixels: true,
        ..EndToEndSetup::new(size, fps, &args.times)
    });
    all.unique_by(|setup| format!("{setup:?}")).collect()
}

/// The figures of a case over its rounds, as they are reported.
fn result((setup, broker): (&EndToEndSetup, &BenchBroker), index: usize, rounds: &Rounds<EndToEndResult>) -> Value {
    let results = || rounds.results(index);
    let latency = || results().map(|run| &run.viewers[0].sums.latency_us);
    let stage = |stage: &Stage| {
        let stages = latency().filter_map(|latency| latency.stages.get(stage.name()));
        stages.clone().next()?;
        Some((stage.name().to_owned(), of_summaries(stages)))
    };
    let to_first = |figure: fn(&Summary) -> u64| rounds.ratio(index, 0, |run| run.slowest(figure));
    let program = |report: &Report| json!({ "cpu_seconds": report.cpu_seconds, "sums": report.sums });
    let round = |CaseRun { round, result: EndToEndResult { producers, viewers, .. }, .. }: &CaseRun<_>| json!({ "round": round, "vidprod": program(&producers[0]), "vidcons": program(&viewers[0]) });
    json!({
        "broker": broker.name,
        "size": setup.size.to_string(),
        "fps": setup.fps,
        "acks": setup.acks,
        // `None` for the topic's own.
        "limit": setup.message_bytes_max,
        "captured": results().map(EndToEndResult::captured).sum::<u64>(),
        "shown": results().map(EndToEndResult::shown).sum::<u64>(),
        // Pictures of a test card that were compared with their headers.
        "pixels": results().filter_map(|run| run.viewers[0].pixels).reduce(PixelCheck::and),
        "total_us": of_summaries(latency().map(|latency| &latency.total)),
        "stages_us": Stage::ALL.iter().filter_map(stage).collect::<serde_json::Map<_, _>>(),
        "cpu_us_a_frame": rounds.spreads(index, EndToEndResult::cpu_us_a_frame),
        "ratio_to_first": { "p50": to_first(|total| total.p50), "p99": to_first(|total| total.p99) },
        // The programs' own figures, unchanged.
        "rounds": rounds.of(index).map(round).collect::<Vec<_>>(),
    })
}

/// p50 and p99 of each stage that a case has.
fn stage_table(labels: &[&String], results: &[Value]) -> Table {
    let names = Stage::ALL.map(Stage::name).into_iter();
    let stages: Vec<&str> =
        names.filter(|name| results.iter().any(|result| !result["stages_us"][name].is_null())).collect();
    let cell = |us: &Value| Some(format!("{} / {}", median_ms(&us["p50"])?, median_ms(&us["p99"])?));
    let cells =
        |result: &Value| stages.iter().map(|name| cell(&result["stages_us"][name]).unwrap_or("-".to_owned())).collect();
    let row = |(label, result): (&&String, &Value)| [vec![(*label).clone()], cells(result)].concat();
    let head = [&["p50 / p99 by stage"], &stages[..]].concat().into_iter().map(str::to_owned).collect();
    Table { head, rows: labels.iter().zip(results).map(row).collect() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;
    use crate::brokers::running;
    use crate::e2e::tests::{ran, report};
    use crate::experiment::tests::rounds;
    use crate::readme::tests::has_the_fields_of;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        run: RunArgs,
    }

    fn typed(args: &[&str]) -> RunArgs {
        Typed::try_parse_from([&["run"], args].concat()).expect("it parses").run
    }

    #[test]
    fn every_combination_is_a_case() {
        let check = |args: &[&str], count: usize| {
            assert_eq!(setups(&typed(args)).len(), count, "{args:?}");
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
        let setups = setups(&typed(&[]));
        let case = (&setups[0], &running("a", "127.0.0.1:1"));
        let runs = rounds(&[(1, 0, took(100)), (2, 0, took(900)), (3, 0, took(200)), (3, 1, took(50))]);
        let first = result(case, 0, &runs);
        assert_eq!((first["captured"].as_u64(), first["shown"].as_u64()), (Some(300), Some(297)));
        let total = &first["total_us"];
        let figures = (total["p50"]["median"].as_f64(), total["p99"]["median"].as_f64(), total["max"].as_u64());
        assert_eq!(figures, (Some(200.0), Some(400.0), Some(2700)));
        assert_eq!(first["stages_us"].as_object().unwrap().keys().collect::<Vec<_>>(), ["decode"]);
        assert_eq!(first["cpu_us_a_frame"]["vidprod"]["median"], 2500.0);
        assert_eq!(result(case, 1, &runs)["ratio_to_first"]["p50"]["median"], 0.25);
        has_the_fields_of("run.json", "/cases/0", &first);
    }
}
