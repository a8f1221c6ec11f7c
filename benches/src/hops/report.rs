//! The table as text and as JSON.

use common::words::count;
use std::fmt::Write;

use common::report::Summary;
use serde_json::{Map, Value, json};

use super::args::KafkaArgs;
use super::{Filled, KafkaResult};
use crate::about;
use crate::hop::case::Case;
use crate::stats::merged;

pub fn text(args: &KafkaArgs, result: &KafkaResult) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write_all(&mut text, args, result);
    text
}

fn write_all(to: &mut String, args: &KafkaArgs, result: &KafkaResult) -> std::fmt::Result {
    let rounds = count(result.table.iter().map(|filled| filled.rounds.len()).max().unwrap_or(0), "round");
    let (seconds, warm) = (args.times.seconds.duration().as_secs_f64(), args.times.warm.duration().as_secs_f64());
    let cut = if result.interrupted { ", interrupted" } else { "" };
    writeln!(to, "Kafka: {seconds} s a case after {warm} s of warm-up, {rounds}{cut}; us from send to received")?;
    writeln!(to, "{}\n", about::machine_line())?;
    write!(
        to,
        "{:<12}{:>9}{:>6}{:>8}{:>11}{:>7}{:>9}",
        "broker", "bytes", "acks", "linger", "consumers", "fps", "records"
    )?;
    ["p50", "p90", "p99", "p99.9", "max"].iter().try_for_each(|name| write!(to, "{name:>9}"))?;
    writeln!(to)?;
    for filled in result.table.iter().filter(|filled| !filled.rounds.is_empty()) {
        write_cell(to, result, filled)?;
    }
    Ok(())
}

fn write_cell(to: &mut String, result: &KafkaResult, filled: &Filled) -> std::fmt::Result {
    let Case { broker, fps, consumers, acks, linger_ms, .. } = filled.cell.case;
    let (name, bytes) = (&result.brokers[broker].name, filled.cell.bytes);
    let Summary { count, p50, p90, p99, p999, max, .. } = summary(filled);
    write!(to, "{name:<12}{bytes:>9}{acks:>6}{linger_ms:>8}{consumers:>11}{fps:>7.1}{count:>9}")?;
    writeln!(to, "{p50:>9}{p90:>9}{p99:>9}{p999:>9}{max:>9}")
}

/// Summary of all rounds.
fn summary(filled: &Filled) -> Summary {
    Summary::from(&merged(&filled.rounds))
}

pub fn settings(args: &KafkaArgs) -> Value {
    json!({
        "rounds": args.basics.rounds,
        "prepare_messages": args.basics.prepare,
        "memory": args.basics.memory,
        "seconds": args.times.seconds.duration().as_secs_f64(),
        "warmup_seconds": args.times.warm.duration().as_secs_f64(),
        "fps_max": args.fps,
        "bytes_per_second_max": args.bytes_per_second.0,
        "clients": "vidprod's and vidcons's own (crate kafka), but for acks and linger.ms as the case says",
    })
}

pub fn report(mut head: Map<String, Value>, result: &KafkaResult) -> Map<String, Value> {
    head.insert("interrupted".to_owned(), json!(result.interrupted));
    head.insert("failed".to_owned(), json!(result.failed.0));
    let measured = result.table.iter().filter(|filled| !filled.rounds.is_empty());
    head.insert("cases".to_owned(), measured.map(|filled| cell(result, filled)).collect());
    head
}

fn cell(result: &KafkaResult, filled: &Filled) -> Value {
    let Case { broker, fps, consumers, acks, linger_ms, .. } = filled.cell.case;
    json!({
        "broker": result.brokers[broker].name,
        "bytes": filled.cell.bytes,
        "acks": acks.to_string(),
        "linger_ms": linger_ms,
        "consumers": consumers,
        "fps": fps,
        "from_send_us": summary(filled),
        "rounds": filled.rounds.iter().map(Summary::from).collect::<Vec<_>>(),
    })
}
