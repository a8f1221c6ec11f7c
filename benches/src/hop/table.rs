//! The result as text.

use common::words::count;
use std::fmt::Write;

use common::time::Latency;

use super::HopResult;
use super::args::HopArgs;
use super::ratios::{self, Ratio, Side};
use crate::about;
use crate::stats::merged;

pub fn text(args: &HopArgs, result: &HopResult) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write_all(&mut text, args, result);
    text
}

fn write_all(to: &mut String, args: &HopArgs, result: &HopResult) -> std::fmt::Result {
    let rounds = result.measured.iter().map(|m| m.case.round).max().unwrap_or(0);
    writeln!(
        to,
        "The hop: {} bytes, {} s a case after {} s of warm-up, {}{}; ms from send to received",
        args.bytes,
        args.times.seconds.duration().as_secs_f64(),
        args.times.warm.duration().as_secs_f64(),
        count(rounds, "round"),
        if result.interrupted { ", interrupted" } else { "" },
    )?;
    writeln!(to, "{}\n", about::machine_line())?;
    write_cases(to, result)?;
    write_between(to, result, &ratios::between_brokers(result))?;
    write_consumers(to, result, &ratios::more_consumers(result))
}

fn write_cases(to: &mut String, result: &HopResult) -> std::fmt::Result {
    writeln!(
        to,
        "{:<12}{:>6}{:>11}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "broker", "fps", "consumers", "records", "p50", "p90", "p99", "p99.9", "max"
    )?;
    for side in ratios::sides(&result.measured) {
        let latency = of_all_rounds(result, side);
        let h = latency.histogram();
        write!(to, "{:<12}{:>6}{:>11}{:>9}", result.brokers[side.broker].name, side.fps, side.consumers, h.len())?;
        for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
            write!(to, "{:>9.2}", h.value_at_quantile(quantile) as f64 / 1000.0)?;
        }
        writeln!(to)?;
    }
    Ok(())
}

fn of_all_rounds(result: &HopResult, side: Side) -> Latency {
    merged(result.measured.iter().filter(|m| Side::of(m) == side).map(|m| &m.from_send))
}

fn write_between(to: &mut String, result: &HopResult, ratios: &[Ratio]) -> std::fmt::Result {
    for ratio in ratios {
        let (of, base) = (&result.brokers[ratio.of.broker].name, &result.brokers[ratio.to.broker].name);
        if ratio == &ratios[0] {
            writeln!(to, "\nBroker to broker, the median of the rounds (the least … the most):")?;
        }
        let case = format!("{of} / {base}, {} fps, {}", ratio.of.fps, count(ratio.of.consumers, "consumer"));
        write_ratio(to, &case, ratio)?;
    }
    Ok(())
}

fn write_consumers(to: &mut String, result: &HopResult, ratios: &[Ratio]) -> std::fmt::Result {
    for ratio in ratios {
        if ratio == &ratios[0] {
            writeln!(to, "\nMore consumers:")?;
        }
        let Ratio { of, to: base, .. } = ratio;
        let name = &result.brokers[of.broker].name;
        let case = format!("{name}, {} fps, {} / {}", of.fps, of.consumers, count(base.consumers, "consumer"));
        write_ratio(to, &case, ratio)?;
    }
    Ok(())
}

fn write_ratio(to: &mut String, case: &str, ratio: &Ratio) -> std::fmt::Result {
    let verdict = if ratio.met() { "met" } else { "missed" };
    let spread = ratio.spread.to_string();
    writeln!(to, "  {case:<44} {} {spread:<20} goal <= {} {verdict}", ratio.figure.name, ratio.figure.goal)
}
