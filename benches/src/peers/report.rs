//! The result as JSON.

use serde_json::{Map, Value, json};

use super::PeersResult;
use super::compare;
use super::line::Line;
use super::options::PeersOptions;
use super::run::Measured;

pub fn settings(options: &PeersOptions) -> Value {
    json!({
        "headless": options.headless,
        "rounds": options.rounds,
        "frames": options.frames,
        "warm": options.warm,
        "size": options.size.to_string(),
        "fps": options.fps,
        "quality": options.quality,
        "clip": options.clip.file_name().map(|name| name.to_string_lossy()),
    })
}

pub fn report(mut head: Map<String, Value>, result: &PeersResult, headless: bool) -> Map<String, Value> {
    head.insert("interrupted".to_owned(), json!(result.interrupted));
    head.insert("failed".to_owned(), json!(result.failed.0));
    head.insert("lines".to_owned(), result.lines.iter().map(|line| of_line(result, *line)).collect());
    let ratios = compare::ratios(&result.lines, &result.measured, headless);
    let ratios = ratios.iter().map(|r| {
        let goals = r.goals.map(|(p50, p99)| json!({ "p50": p50, "p99": p99 }));
        json!({ "of": r.of.name(), "to": r.to.name(), "p50": r.p50.json(), "p99": r.p99.json(), "goals": goals })
    });
    head.insert("ratios".to_owned(), ratios.collect());
    head
}

fn of_line(result: &PeersResult, line: Line) -> Value {
    let runs = result.measured.iter().filter(|m| m.line == line);
    json!({
        "line": line.name(),
        "broker": line.broker().map(|choice| choice.name().to_owned()),
        "middle_round": compare::middle(&result.measured, line).map(|m| m.round),
        "rounds": runs.map(round).collect::<Vec<_>>(),
    })
}

fn round(run: &Measured) -> Value {
    let told = run.told.as_ref().map(|told| {
        json!({
            "shown": told.frames.shown,
            "lost": told.frames.lost,
            "total_us": told.latency_us.total,
            "stages_us": told.latency_us.stages,
        })
    });
    json!({
        "round": run.round,
        "shown": run.shown,
        "of": run.of,
        "latency_us": run.latency,
        "all_frames_p50_us": run.seen_p50,
        "feeder_late_max_us": run.feeder_late_max.as_micros() as u64,
        "consumer_report": told,
    })
}
