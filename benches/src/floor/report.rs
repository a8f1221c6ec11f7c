//! The result as text and as JSON.

use common::words::count;
use std::fmt::Write;

use common::report::Summary;
use serde_json::{Map, Value, json};

use super::args::FloorArgs;
use super::sum::{self, CPU_GOAL_FACTOR, CPU_GOAL_REST_US, Cpu, DREAM, GOAL, Sum};
use super::{FloorResult, Measured};
use crate::about;
use crate::stats::Spread;

const PROGRAMS: [(&str, &str); 2] = [("vidprod", "encode"), ("vidcons", "decode")];

pub fn text(args: &FloorArgs, result: &FloorResult) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write_all(&mut text, args, result);
    text
}

fn write_all(to: &mut String, args: &FloorArgs, result: &FloorResult) -> std::fmt::Result {
    let rounds = count(result.measured.iter().map(|m| m.round).max().unwrap_or(0), "round");
    let cut = if result.interrupted { ", interrupted" } else { "" };
    let FloorArgs { size, fps, .. } = args;
    let (seconds, kb) = (args.times.seconds.duration().as_secs_f64(), result.frame_bytes / 1000);
    writeln!(
        to,
        "The floor: {size} {fps} fps, {kb} kB a frame, {seconds} s each, {rounds}{cut}; ms at p50, medians of the rounds"
    )?;
    writeln!(to, "{}\n", about::machine_line())?;
    writeln!(
        to,
        "{:<12}{:>8}{:>8}{:>8}{:>10}{:>8}{:>8}   whole / sum (goal <= {GOAL}, dream {DREAM})",
        "broker", "encode", "hop", "decode", "present*", "sum", "whole"
    )?;
    for broker in 0..result.brokers.len() {
        write_broker(to, result, broker)?;
    }
    let present = if result.display.is_some() { "as vidcons reports it" } else { "not measured: headless" };
    writeln!(to, "* {present}")?;
    writeln!(to, "\nCPU for a frame, ms (goal <= {CPU_GOAL_FACTOR} x codec + {} ms):", CPU_GOAL_REST_US / 1e3)?;
    for broker in 0..result.brokers.len() {
        write_cpu(to, result, broker)?;
    }
    Ok(())
}

fn of(result: &FloorResult, broker: usize) -> impl Iterator<Item = &Measured> + Clone {
    result.measured.iter().filter(move |m| m.broker == broker)
}

fn spread(result: &FloorResult, broker: usize, figure: impl Fn(Sum) -> f64) -> Option<Spread> {
    Spread::of(of(result, broker).map(|m| figure(sum::of(m))))
}

fn write_broker(to: &mut String, result: &FloorResult, broker: usize) -> std::fmt::Result {
    let Some(ratio) = spread(result, broker, |s| s.ratio()) else { return Ok(()) };
    let ms = |figure: fn(Sum) -> f64| spread(result, broker, figure).map_or(0.0, |s| s.median / 1e3);
    let (encode, hop, decode) = (ms(|s| s.encode), ms(|s| s.hop), ms(|s| s.decode));
    let (present, floor, whole) = (ms(|s| s.present), ms(|s| s.floor()), ms(|s| s.whole));
    let name = &result.brokers[broker].name;
    let rounds: Vec<String> = of(result, broker).map(|m| format!("{:.2}", sum::of(m).ratio())).collect();
    let verdict = if ratio.median <= GOAL { "met" } else { "missed" };
    write!(to, "{name:<12}{encode:>8.2}{hop:>8.2}{decode:>8.2}{present:>10.2}{floor:>8.2}{whole:>8.2}")?;
    writeln!(to, "   {:.2} {verdict}; by round {}", ratio.median, rounds.join(" "))
}

fn cpu_spread(result: &FloorResult, broker: usize, program: usize, figure: fn(Cpu) -> f64) -> Option<Spread> {
    Spread::of(of(result, broker).map(|m| figure(sum::cpu(m)[program])))
}

fn write_cpu(to: &mut String, result: &FloorResult, broker: usize) -> std::fmt::Result {
    for (index, (program, stage)) in PROGRAMS.into_iter().enumerate() {
        let ms = |figure| cpu_spread(result, broker, index, figure).map(|s| s.median / 1e3);
        let (Some(codec), Some(goal)) = (ms(|c| c.codec), ms(|c| c.goal())) else { continue };
        let whole = ms(|c| c.program).unwrap_or(0.0);
        let verdict = if whole <= goal { "met" } else { "missed" };
        let name = &result.brokers[broker].name;
        writeln!(to, "  {name:<12}{program} {whole:.2}, {stage} alone {codec:.2}: goal <= {goal:.2} {verdict}")?;
    }
    Ok(())
}

pub fn settings(args: &FloorArgs, result: &FloorResult) -> Value {
    json!({
        "input": args.clip.as_ref().map_or("test".to_owned(), |clip| clip.display().to_string()),
        "size": args.size.to_string(),
        "fps": args.fps,
        "frame_bytes": result.frame_bytes,
        "rounds": args.basics.rounds,
        "prepare_messages": args.basics.prepare,
        "seconds": args.times.seconds.duration().as_secs_f64(),
        "warmup_seconds": args.times.warm.duration().as_secs_f64(),
        "window": result.display,
        "present": "as vidcons reports it",
    })
}

pub fn report(mut head: Map<String, Value>, result: &FloorResult) -> Map<String, Value> {
    head.insert("interrupted".to_owned(), json!(result.interrupted));
    head.insert("goal".to_owned(), json!({ "ratio": GOAL, "dream": DREAM }));
    head.insert("failed".to_owned(), json!(result.failed.0));
    let measured = (0..result.brokers.len()).filter(|broker| of(result, *broker).next().is_some());
    head.insert("cases".to_owned(), measured.map(|broker| case(result, broker)).collect());
    head
}

fn case(result: &FloorResult, broker: usize) -> Value {
    let figure = |figure: fn(Sum) -> f64| spread(result, broker, figure).map(|s| s.json());
    let cpu = |program: usize| {
        let of = |figure| cpu_spread(result, broker, program, figure).map(|s| s.json());
        json!({ "codec": of(|c| c.codec), "program": of(|c| c.program), "goal": of(|c| c.goal()) })
    };
    json!({
        "broker": result.brokers[broker].name,
        "p50_us": {
            "encode": figure(|s| s.encode),
            "hop": figure(|s| s.hop),
            "decode": figure(|s| s.decode),
            "present": figure(|s| s.present),
            "sum": figure(|s| s.floor()),
            "whole": figure(|s| s.whole),
        },
        "ratio": figure(|s| s.ratio()),
        "cpu_us_a_frame": { "vidprod": cpu(0), "vidcons": cpu(1) },
        "rounds": of(result, broker).map(round).collect::<Vec<_>>(),
    })
}

fn round(measured: &Measured) -> Value {
    let viewer = &measured.ran.viewers[0];
    json!({
        "round": measured.round,
        "ratio": (sum::of(measured).ratio() * 1000.0).round() / 1000.0,
        "encode_us": Summary::from(&measured.encode.time),
        "hop_us": Summary::from(&measured.hop),
        "decode_us": Summary::from(&measured.decode.time),
        "latency_us": viewer.sums.latency_us,
        "frames": viewer.sums.frames,
    })
}
