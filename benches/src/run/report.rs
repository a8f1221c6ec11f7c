//! The result as JSON.

use serde_json::{Map, Value, json};

use super::args::RunArgs;
use super::summary::{self, CaseSummary, Figures};
use super::{Measured, RunResult};

pub fn settings(args: &RunArgs, display: Option<&str>) -> Value {
    json!({
        "input": args.clip.as_ref().map_or("test".to_owned(), |clip| clip.display().to_string()),
        "rounds": args.basics.rounds,
        "prepare_messages": args.basics.prepare,
        "memory": args.basics.memory,
        "seconds": args.times.seconds.duration().as_secs_f64(),
        "warmup_seconds": args.times.warm.duration().as_secs_f64(),
        "window": display,
    })
}

pub fn report(mut head: Map<String, Value>, result: &RunResult) -> Map<String, Value> {
    head.insert("interrupted".to_owned(), json!(result.interrupted));
    let faults: usize = result.measured.iter().map(|m| m.ran.faults().len()).sum();
    head.insert("failed".to_owned(), json!(result.failed.0));
    head.insert("faults".to_owned(), json!(faults));
    head.insert("cases".to_owned(), (0..result.cases.len()).filter_map(|index| case(result, index)).collect());
    head
}

fn case(result: &RunResult, index: usize) -> Option<Value> {
    let summary = summary::of(result, index)?;
    let setup = &result.cases[index].setup;
    let CaseSummary { captured, shown, total, stages, producer_cpu_us, viewer_cpu_us, pixels } = &summary;
    let stages: Map<String, Value> =
        stages.iter().map(|(stage, figures)| (stage.name().to_owned(), json_of(figures))).collect();
    let ratio = |figure| summary::ratio(&result.measured, index, figure).map(|spread| spread.json());
    Some(json!({
        "broker": result.brokers[result.cases[index].broker].name,
        "size": setup.size.to_string(),
        "fps": setup.fps,
        "acks": setup.acks.to_string(),
        "limit": setup.message_bytes_max,
        "captured": captured,
        "shown": shown,
        "pixels": pixels,
        "total_us": json_of(total),
        "stages_us": stages,
        "cpu_us_a_frame": { "vidprod": producer_cpu_us.json(), "vidcons": viewer_cpu_us.json() },
        "ratio_to_first": { "p50": ratio(|s| s.p50), "p99": ratio(|s| s.p99) },
        "rounds": result.measured.iter().filter(|m| m.case == index).map(round).collect::<Vec<_>>(),
    }))
}

pub fn json_of(figures: &Figures) -> Value {
    let Figures { p50, p90, p99, p999, max } = figures;
    json!({ "p50": p50.json(), "p90": p90.json(), "p99": p99.json(), "p999": p999.json(), "max": max })
}

/// The programs' own figures, unchanged.
fn round(measured: &Measured) -> Value {
    let (producer, viewer) = (&measured.ran.producers[0], &measured.ran.viewers[0]);
    json!({
        "round": measured.round,
        "vidprod": { "cpu_seconds": producer.cpu_seconds, "sums": producer.sums },
        "vidcons": { "cpu_seconds": viewer.cpu_seconds, "sums": viewer.sums },
    })
}
