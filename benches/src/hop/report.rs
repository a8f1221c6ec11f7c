//! The result as JSON.

use common::report::Summary;
use serde_json::{Map, Value, json};

use super::HopResult;
use super::args::HopArgs;
use super::case::Measured;
use super::ratios::{self, Ratio, Side};
use crate::about;
use crate::stats::merged;

pub fn settings(args: &HopArgs) -> Value {
    let mut settings = about::settings(&args.basics, args.bytes);
    settings["fps"] = json!(args.fps);
    settings["consumers"] = json!(args.consumers);
    settings["seconds"] = json!(args.times.seconds.duration().as_secs_f64());
    settings["warmup_seconds"] = json!(args.times.warm.duration().as_secs_f64());
    settings
}

pub fn report(mut head: Map<String, Value>, result: &HopResult) -> Map<String, Value> {
    head.insert("interrupted".to_owned(), json!(result.interrupted));
    head.insert("failed".to_owned(), json!(result.failed.0));
    let sides = ratios::sides(&result.measured);
    head.insert("cases".to_owned(), sides.into_iter().map(|side| case(result, side)).collect());
    let all = |ratios: Vec<Ratio>| -> Value { ratios.iter().map(|r| ratio(result, r)).collect() };
    head.insert("between_brokers".to_owned(), all(ratios::between_brokers(result)));
    head.insert("more_consumers".to_owned(), all(ratios::more_consumers(result)));
    head
}

fn case(result: &HopResult, side: Side) -> Value {
    let of: Vec<&Measured> = result.measured.iter().filter(|m| Side::of(m) == side).collect();
    let rounds: Vec<Value> = of
        .iter()
        .map(|m| {
            json!({
                "round": m.case.round,
                "from_send_us": Summary::from(&m.from_send),
                "from_due_us": Summary::from(&m.from_due),
            })
        })
        .collect();
    json!({
        "broker": result.brokers[side.broker].name,
        "fps": side.fps,
        "consumers": side.consumers,
        "from_send_us": Summary::from(&merged(of.iter().map(|m| &m.from_send))),
        "from_due_us": Summary::from(&merged(of.iter().map(|m| &m.from_due))),
        "rounds": rounds,
    })
}

fn ratio(result: &HopResult, ratio: &Ratio) -> Value {
    let side = |side: Side| json!({ "broker": result.brokers[side.broker].name, "fps": side.fps, "consumers": side.consumers });
    json!({
        "of": side(ratio.of),
        "to": side(ratio.to),
        "figure": ratio.figure.name,
        "ratio": ratio.spread.json(),
        "goal": ratio.figure.goal,
        "met": ratio.met(),
    })
}
