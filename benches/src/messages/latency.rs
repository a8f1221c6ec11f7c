//! `vidbench hop` and `kafka`: the latency of messages that are sent when they are due.

use std::process::ExitCode;

use anyhow::{Context, Result};
use common::report::Summary;
use common::words::count;
use itertools::{Itertools, iproduct};
use serde::Serialize;
use serde_json::{Value, json};

use super::CLIENTS;
use super::args::MessageArgs;
use super::payload::Payload;
use super::topic::TopicSettings;
use super::transfer::{Sending, Transfer, Transferred};
use crate::brokers::{BenchBroker, base};
use crate::control::Control;
use crate::experiment::{CaseRun, Rounds, joined};
use crate::spread::merged;
use crate::table::{Column, Table, ms, plain, spread, verdict};

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct HopCase {
    broker: String,
    bytes: usize,
    acks: String,
    linger_ms: u32,
    consumers: usize,
    fps: f64,
}

/// The first columns are those of the project's pages.
pub const COLUMNS: [Column; 12] = [
    ("broker", |result| plain(&result["broker"])),
    ("bytes", |result| plain(&result["bytes"])),
    ("acks", |result| plain(&result["acks"])),
    ("linger, ms", |result| plain(&result["linger_ms"])),
    ("consumers", |result| plain(&result["consumers"])),
    ("records", |result| plain(&result["from_send_us"]["count"])),
    ("p50, µs", |result| plain(&result["from_send_us"]["p50"])),
    ("p90", |result| plain(&result["from_send_us"]["p90"])),
    ("p99", |result| plain(&result["from_send_us"]["p99"])),
    ("p99.9", |result| plain(&result["from_send_us"]["p999"])),
    ("max", |result| plain(&result["from_send_us"]["max"])),
    ("fps", |result| Some(format!("{:.1}", result["fps"].as_f64()?))),
];

/// `command` is the name under which this was called.
pub fn run(command: &str, args: &MessageArgs, control: Control<'_>) -> Result<ExitCode> {
    args.check()?;
    let (mut experiment, brokers) = args.compare.start(command, control)?;
    let cases = cases(args, &brokers);
    let labels: Vec<String> = cases.iter().map(HopCase::label).collect();
    let rounds = experiment.rounds(&labels, |_, index| {
        let HopCase { bytes, ref acks, linger_ms, consumers, fps, .. } = cases[index];
        let (payload, settings) = (&Payload::of_lengths([bytes]), &TopicSettings::new(bytes, acks, linger_ms));
        let (broker, sending) = (&brokers[index % brokers.len()], Sending::from(args.times.schedule(fps)));
        Transfer { broker, settings, payload, sending, consumers }.run(control)?.complete()
    });
    let fewest = args.consumers.iter().copied().min().unwrap_or(0);
    let base = &brokers[base(&brokers)].name;
    let to_base = |case: &HopCase| HopCase { broker: base.clone(), ..case.clone() };
    let to_fewest = |case: &HopCase| HopCase { consumers: fewest, ..case.clone() };
    let between_brokers = ratios(&cases, &rounds, to_base, [("p50", 0.7), ("p99", 0.5)]);
    let more_consumers = ratios(&cases, &rounds, to_fewest, [("p50", 1.5), ("p99", 1.5)]);
    let measured = (0..cases.len()).filter(|index| rounds.has(*index));
    let results: Vec<Value> = measured.map(|index| result(&cases[index], index, &rounds, command == "kafka")).collect();
    let title = format!("The hop: {}", args.times.describe());
    let mut text = experiment.heading(&title, "latency from send to received, all rounds together");
    text += &Table::of(&results, &COLUMNS)?.text();
    for (title, ratios) in [("Broker to broker", &between_brokers), ("More consumers", &more_consumers)] {
        if !ratios.is_empty() {
            text += &format!("\n{title}, the median of the rounds (the least … the most):\n");
        }
        text.extend(ratios.iter().map(|(line, _)| line.as_str()));
    }
    let ratios = |ratios: Vec<(String, Value)>| ratios.into_iter().map(|(_, ratio)| ratio).collect::<Vec<_>>();
    let settings = args.times.settings(json!({
        "clients": CLIENTS,
        "bytes": args.sizes.iter().exactly_one().ok(),
        "fps": args.fps,
        "consumers": args.consumers,
        "fps_max": args.fps.iter().copied().fold(0.0, f64::max),
        "bytes_per_second_max": args.bytes_per_second.map(|limit| limit.0),
    }));
    let report = json!({
        "settings": settings,
        "cases": results,
        "between_brokers": ratios(between_brokers),
        "more_consumers": ratios(more_consumers),
    });
    experiment.finish(&brokers, report, &text)
}

impl HopCase {
    fn label(&self) -> String {
        let HopCase { broker, bytes, acks, linger_ms, consumers, fps } = self;
        let consumers = count(*consumers, "consumer");
        format!("{broker}, {bytes} bytes, acks {acks}, linger {linger_ms}, {fps} fps, {consumers}")
    }
}

/// Every combination once. The brokers of a combination follow each other, so that noise on the machine affects all.
fn cases(args: &MessageArgs, brokers: &[BenchBroker]) -> Vec<HopCase> {
    let all = iproduct!(&args.sizes, &args.fps, &args.acks, &args.linger, &args.consumers, brokers);
    let all = all.map(|(&bytes, &fps, acks, &linger_ms, &consumers, broker)| HopCase {
        broker: broker.name.clone(),
        bytes,
        acks: acks.clone(),
        linger_ms,
        consumers,
        fps: args.rate(bytes, fps),
    });
    all.unique_by(HopCase::label).collect()
}

/// The figures of a case, as they are reported. `unnamed` repeats the latency from the send call in each round without
/// its name, as `vidbench kafka` always did.
fn result(case: &HopCase, index: usize, rounds: &Rounds<Transferred>, unnamed: bool) -> Value {
    let receipts = || rounds.results(index).map(|done| &done.receipt);
    let round = |CaseRun { round, result: done, .. }: &CaseRun<Transferred>| {
        let [from_send, from_due] = [&done.receipt.from_send, &done.receipt.from_due].map(Summary::from);
        let named = json!({ "round": round, "from_send_us": from_send, "from_due_us": from_due });
        if unnamed { joined(named, json!(from_send)) } else { named }
    };
    let of_rounds = json!({
        "from_send_us": Summary::from(&merged(receipts().map(|receipt| &receipt.from_send))),
        "from_due_us": Summary::from(&merged(receipts().map(|receipt| &receipt.from_due))),
        "rounds": rounds.of(index).map(round).collect::<Vec<_>>(),
    });
    joined(json!(case), of_rounds)
}

/// Compares each case with its other, if there is one and they have a round in common: a line of text, and the figures
/// as they are reported. The goals are the largest allowed ratios.
fn ratios(
    cases: &[HopCase],
    rounds: &Rounds<Transferred>,
    other: impl Fn(&HopCase) -> HopCase,
    goals: [(&str, f64); 2],
) -> Vec<(String, Value)> {
    let mut ratios = Vec::new();
    for ((of, case), (figure, goal)) in iproduct!(cases.iter().enumerate(), goals) {
        let Some(to) = cases.iter().position(|one| *one == other(case)).filter(|to| *to != of) else { continue };
        let latency =
            |done: &Transferred| json!(Summary::from(&done.receipt.from_send))[figure].as_f64().unwrap_or(0.0);
        let Some(ratio) = rounds.ratio(of, to, latency) else { continue };
        let (met, to) = (ratio.median <= goal, &cases[to]);
        let other = if case.broker == to.broker { to.consumers.to_string() } else { to.broker.clone() };
        let (pair, words) = (format!("{} / {other}", case.label()), spread(&json!(ratio)).unwrap_or_default());
        let line = format!("  {pair:<72} {figure} {words:<20} goal <= {goal} {}\n", verdict(met));
        let json = json!({ "of": case, "to": to, "figure": figure, "ratio": ratio, "goal": goal, "met": met });
        ratios.push((line, json));
    }
    ratios
}

/// Each pair of brokers in one row, with p50 and p99.
pub fn pairs_table(report: &Value) -> Result<Table> {
    let array = |name: &str| report[name].as_array().with_context(|| format!("there are no {name}"));
    let (cases, ratios) = (array("cases")?, array("between_brokers")?);
    let latency = |case: &Value, figure: &str| {
        let has_all = |result: &&Value| case.as_object().is_some_and(|case| case.iter().all(|(k, v)| result[k] == *v));
        cases.iter().find(has_all).map_or(Value::Null, |result| result["from_send_us"][figure].clone())
    };
    let pair = |pair: &[Value; 2]| {
        let side = |ratio: &Value, figure| json!([latency(&ratio["of"], figure), latency(&ratio["to"], figure)]);
        json!({ "case": pair[0]["of"], "ratios": pair, "p50": side(&pair[0], "p50"), "p99": side(&pair[1], "p99") })
    };
    let pairs: Vec<Value> = ratios.as_chunks().0.iter().map(pair).collect();
    Table::of(
        &pairs,
        &[
            ("", |pair| {
                let consumers = count(pair["case"]["consumers"].as_u64()?, "consumer");
                Some(format!("{} fps, {consumers}", plain(&pair["case"]["fps"])?))
            }),
            ("p50 built in", |pair| ms(&pair["p50"][0])),
            ("p50 Kafka", |pair| ms(&pair["p50"][1])),
            ("ratio (rounds)", |pair| spread(&pair["ratios"][0]["ratio"])),
            ("p99 built in", |pair| ms(&pair["p99"][0])),
            ("p99 Kafka", |pair| ms(&pair["p99"][1])),
            ("ratio (rounds)", |pair| spread(&pair["ratios"][1]["ratio"])),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brokers;
    use crate::experiment::tests::rounds;
    use crate::messages::args::tests::typed;
    use crate::messages::transfer::tests::took;
    use crate::readme::tests::has_the_fields_of;

    fn case(broker: &str, consumers: usize) -> HopCase {
        let (broker, acks) = (broker.to_owned(), "all".to_owned());
        HopCase { broker, bytes: 100_000, acks, linger_ms: 0, consumers, fps: 30.0 }
    }

    #[test]
    fn every_combination_is_a_case_for_all_brokers_in_turn() {
        let cases_of = |args: &[&str], names: &[&str]| {
            let brokers: Vec<_> = names.iter().map(|name| brokers::running(name, "127.0.0.1:1")).collect();
            cases(&typed(args), &brokers)
        };
        let order: Vec<_> = cases_of(&["--fps", "60,30,60", "--consumers", "1"], &["a", "b"])
            .into_iter()
            .map(|case| (case.fps, case.broker))
            .collect();
        let expected = [(60.0, "a"), (60.0, "b"), (30.0, "a"), (30.0, "b")];
        assert_eq!(order, expected.map(|(fps, broker)| (fps, broker.to_owned())));
        let table = ["--sizes", "10k,100k,1M,4M", "--acks", "0,1,all", "--linger", "0,5", "--fps", "30"];
        assert_eq!(cases_of(&table, &["a", "b", "c"]).len(), 4 * 3 * 2 * 2 * 3);
    }

    #[test]
    fn brokers_are_compared_with_kafka_and_more_consumers_with_the_fewest() {
        let cases = [case("embedded", 1), case("real", 1), case("embedded", 3)];
        let runs = rounds(&[(1, 0, took(100)), (1, 1, took(200)), (1, 2, took(160))]);
        let goals = [("p50", 0.7), ("p99", 0.5)];
        let to_real = ratios(&cases, &runs, |case| HopCase { broker: "real".to_owned(), ..case.clone() }, goals);
        let [(line, p50), (_, p99)] = &to_real[..] else { panic!("{to_real:?}") };
        assert!(line.starts_with("  embedded, 100000 bytes, acks all, linger 0, 30 fps, 1 consumer / real"));
        assert_eq!((&p50["ratio"]["median"], &p50["met"], &p99["figure"]), (&json!(0.5), &json!(true), &json!("p99")));
        let to_one = ratios(&cases, &runs, |case| HopCase { consumers: 1, ..case.clone() }, goals);
        let [(line, p50), _] = &to_one[..] else { panic!("{to_one:?}") };
        assert!(line.contains("3 consumers / 1 "), "{line}");
        assert_eq!((&p50["to"], &p50["met"]), (&json!(cases[0]), &json!(false)));
        has_the_fields_of("broker.json", "/between_brokers/0", p50);
    }

    #[test]
    fn the_rounds_of_kafka_have_their_latency_without_a_name() {
        let result = |unnamed: bool| result(&case("real", 1), 0, &rounds(&[(1, 0, took(100))]), unnamed);
        assert_eq!(result(true)["rounds"][0]["p50"], 100);
        has_the_fields_of("kafka.json", "/cases/0", &result(true));
        has_the_fields_of("broker.json", "/cases/0", &result(false));
        assert!(result(false)["rounds"][0]["p50"].is_null());
    }

    #[test]
    fn both_figures_of_a_pair_are_one_row() {
        let case = |broker: &str| json!({ "broker": broker, "consumers": 3, "fps": 30.0 });
        let result = |broker: &str, p50: u64, p99: u64| {
            joined(case(broker), json!({ "bytes": 9, "from_send_us": { "p50": p50, "p99": p99 } }))
        };
        let spread = json!({ "median": 0.33, "min": 0.23, "max": 0.38 });
        let ratio = json!({ "of": case("embedded"), "to": case("real"), "ratio": spread });
        let report = json!({
            "cases": [result("embedded", 610, 1390), result("real", 1810, 5510)],
            "between_brokers": [ratio, ratio],
        });
        let row = "| 30 fps, 3 consumers | 0.61 | 1.81 | 0.33 (0.23…0.38) | 1.39 | 5.51 | 0.33 (0.23…0.38) |";
        assert_eq!(pairs_table(&report).unwrap().markdown().lines().nth(2), Some(row));
    }
}
