//! The result as text and as JSON.

use common::words::count;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::args::{StreamsArgs, Viewers};
use super::load::Load;
use super::{Key, Measured, StreamsResult};
use crate::about;
use crate::stats::Spread;

fn keys(result: &StreamsResult) -> Vec<Key> {
    let mut keys: Vec<Key> = result.measured.iter().map(key).collect();
    keys.sort_by_key(|&(broker, sources, viewers)| (broker, sources > 1 && viewers > 1, sources, viewers));
    keys.dedup();
    keys
}

fn key(measured: &Measured) -> Key {
    (measured.broker, measured.load.sources, measured.load.viewers)
}

fn loads(result: &StreamsResult, of: Key) -> impl Iterator<Item = &Load> + Clone {
    result.measured.iter().filter(move |m| key(m) == of).map(|m| &m.load)
}

/// The median of the rounds.
fn median(result: &StreamsResult, of: Key, figure: fn(&Load) -> f64) -> f64 {
    Spread::of(loads(result, of).map(figure)).map_or(0.0, |spread| spread.median)
}

/// Number of sources that the broker carried in every round before it had too much.
fn carried(args: &StreamsArgs, result: &StreamsResult, broker: usize) -> usize {
    let expected_viewers = |sources: usize| if args.viewers == Viewers::Each { sources } else { 1 };
    let good = |sources: &usize| {
        let of = (broker, *sources, expected_viewers(*sources));
        let mut loads = loads(result, of).peekable();
        !result.failed_at.contains(&of)
            && loads.peek().is_some()
            && loads.all(|load| !load.is_too_much(args.until_p99_ms))
    };
    (1..=args.max).take_while(good).count()
}

pub fn text(args: &StreamsArgs, result: &StreamsResult) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write_all(&mut text, args, result);
    text
}

fn write_all(to: &mut String, args: &StreamsArgs, result: &StreamsResult) -> std::fmt::Result {
    let rounds = count(result.measured.iter().map(|m| m.round).max().unwrap_or(0), "round");
    let cut = if result.interrupted { ", interrupted" } else { "" };
    let StreamsArgs { size, fps, until_p99_ms, .. } = args;
    let (seconds, warm) = (args.times.seconds.duration().as_secs_f64(), args.times.warm.duration().as_secs_f64());
    writeln!(to, "Streams: {size} {fps} fps, {seconds} s a case after {warm} s of warm-up, {rounds}{cut}; ms")?;
    writeln!(to, "{}\n", about::machine_line())?;
    writeln!(
        to,
        "{:<12}{:>8}{:>8}{:>9}{:>9}{:>9}{:>7}{:>14}{:>9}",
        "broker", "sources", "viewers", "p50", "p99", "shown", "lost", "CPU: vidprod", "vidcons"
    )?;
    for of in keys(result) {
        let (broker, sources, viewers) = of;
        let ms = |figure| median(result, of, figure) / 1e3;
        let seen = loads(result, of).all(|load| load.saw_nothing == 0);
        let latency = |figure| if seen { format!("{:.2}", ms(figure)) } else { "-".to_owned() };
        let (p50, p99) = (latency(|l| l.p50_us as f64), latency(|l| l.p99_us as f64));
        let (shown, lost): (u64, u64) =
            (loads(result, of).map(|l| l.shown).sum(), loads(result, of).map(Load::lost).sum());
        let (producer, viewer) = (ms(|l| l.producer_cpu_us), ms(|l| l.viewer_cpu_us));
        let name = &result.brokers[broker].name;
        write!(to, "{name:<12}{sources:>8}{viewers:>8}{p50:>9}{p99:>9}{shown:>9}{lost:>7}")?;
        writeln!(to, "{producer:>14.2}{viewer:>9.2}")?;
    }
    writeln!(to)?;
    for (index, broker) in result.brokers.iter().enumerate() {
        let carried = carried(args, result, index);
        let more = if carried == args.max { " (no more were tried)" } else { "" };
        writeln!(
            to,
            "{}: {} within {until_p99_ms} ms at p99 in every round{more}",
            broker.name,
            count(carried, "source")
        )?;
    }
    Ok(())
}

pub fn settings(args: &StreamsArgs) -> Value {
    json!({
        "size": args.size.to_string(),
        "fps": args.fps,
        "until_p99_ms": args.until_p99_ms,
        "viewers": format!("{:?}", args.viewers).to_lowercase(),
        "rounds": args.basics.rounds,
        "prepare_messages": args.basics.prepare,
        "seconds": args.times.seconds.duration().as_secs_f64(),
        "warmup_seconds": args.times.warm.duration().as_secs_f64(),
    })
}

pub fn report(mut head: Map<String, Value>, args: &StreamsArgs, result: &StreamsResult) -> Map<String, Value> {
    head.insert("interrupted".to_owned(), json!(result.interrupted));
    head.insert("failed".to_owned(), json!(result.failed.0));
    let cases = keys(result).into_iter().map(|of| {
        let (broker, sources, viewers) = of;
        let sum = |figure: fn(&Load) -> u64| loads(result, of).map(figure).sum::<u64>();
        json!({
            "broker": result.brokers[broker].name,
            "sources": sources,
            "viewers": viewers,
            "p50_us": median(result, of, |l| l.p50_us as f64),
            "p99_us": median(result, of, |l| l.p99_us as f64),
            "shown": sum(|l| l.shown),
            "lost": sum(Load::lost),
            "saw_nothing": sum(|l| l.saw_nothing as u64),
            "cpu_us_a_frame": {
                "vidprod": median(result, of, |l| l.producer_cpu_us).round(),
                "vidcons": median(result, of, |l| l.viewer_cpu_us).round(),
            },
            "rounds_p99_us": loads(result, of).map(|l| l.p99_us).collect::<Vec<_>>(),
        })
    });
    head.insert("cases".to_owned(), cases.collect());
    let carried: Map<String, Value> = result
        .brokers
        .iter()
        .enumerate()
        .map(|(index, broker)| (broker.name.clone(), json!(carried(args, result, index))))
        .collect();
    head.insert("sources_carried".to_owned(), Value::Object(carried));
    head
}
