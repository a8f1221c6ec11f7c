//! The result as text and as JSON.

use common::words::count;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::ThroughputResult;
use super::args::ThroughputArgs;
use super::case::{Amount, Measured};
use crate::about;
use crate::stats::Spread;

/// Compares the other brokers with the real Kafka, or with the last broker if the real one was not measured.
fn ratios(result: &ThroughputResult) -> Vec<(usize, usize, Spread)> {
    let base = result.brokers.iter().position(|b| b.name == "real").unwrap_or(result.brokers.len().saturating_sub(1));
    let others = (0..result.brokers.len()).filter(|&of| of != base);
    others.filter_map(|of| Some((of, base, ratio(&result.measured, of, base)?))).collect()
}

fn ratio(measured: &[Measured], of: usize, base: usize) -> Option<Spread> {
    let find = |round: u32| measured.iter().find(|m| m.run.round == round && m.run.broker == base);
    let mine = measured.iter().filter(|m| m.run.broker == of);
    Spread::of_ratios(mine.filter_map(|m| Some((m.mb_per_second(), find(m.run.round)?.mb_per_second()))))
}

fn of_broker(result: &ThroughputResult, broker: usize) -> impl Iterator<Item = &Measured> + Clone {
    result.measured.iter().filter(move |m| m.run.broker == broker)
}

pub fn text(args: &ThroughputArgs, result: &ThroughputResult) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write_all(&mut text, args, result);
    text
}

fn write_all(to: &mut String, args: &ThroughputArgs, result: &ThroughputResult) -> std::fmt::Result {
    let amount = match args.amount() {
        Amount::Time(time) => format!("{} s", time.as_secs_f64()),
        Amount::Messages(n) => count(n, "message"),
    };
    let rounds = count(result.measured.iter().map(|m| m.run.round).max().unwrap_or(0), "round");
    let cut = if result.interrupted { ", interrupted" } else { "" };
    writeln!(to, "Throughput: {} bytes, {amount}, {rounds}{cut}; MB/s, median (least…most)", args.bytes)?;
    writeln!(to, "{}\n", about::machine_line())?;
    writeln!(to, "{:<12}{:>26}{:>26}{:>10}{:>8}", "broker", "to the consumer", "into the broker", "records", "lost")?;
    for (broker, started) in result.brokers.iter().enumerate() {
        let of = of_broker(result, broker);
        let spread = |rate: fn(&Measured) -> f64| {
            Spread::of(of.clone().map(rate))
                .map_or(String::new(), |s| format!("{:.0} ({:.0}…{:.0})", s.median, s.min, s.max))
        };
        let (out, into) = (spread(Measured::mb_per_second), spread(Measured::mb_per_second_in));
        let records: u64 = of.clone().map(|m| m.received).sum();
        let lost: u64 = of.clone().map(|m| m.lost).sum();
        writeln!(to, "{:<12}{out:>26}{into:>26}{records:>10}{lost:>8}", started.name)?;
    }
    for (of, base, spread) in ratios(result) {
        writeln!(to, "\n{} / {}: {spread}", result.brokers[of].name, result.brokers[base].name)?;
    }
    Ok(())
}

pub fn settings(args: &ThroughputArgs) -> Value {
    let mut settings = about::settings(&args.basics, args.bytes);
    match args.amount() {
        Amount::Time(time) => settings["seconds"] = json!(time.as_secs_f64()),
        Amount::Messages(n) => settings["messages"] = json!(n),
    }
    settings
}

pub fn report(mut head: Map<String, Value>, result: &ThroughputResult) -> Map<String, Value> {
    let name = |broker: usize| &result.brokers[broker].name;
    let rounds: Vec<Value> = result
        .measured
        .iter()
        .map(|m| {
            json!({
                "broker": name(m.run.broker),
                "round": m.run.round,
                "received": m.received,
                "lost": m.lost,
                "seconds": m.reading.as_secs_f64(),
                "mb_per_second": m.mb_per_second(),
                "mb_per_second_in": m.mb_per_second_in(),
            })
        })
        .collect();
    let ratios: Vec<Value> = ratios(result)
        .into_iter()
        .map(|(of, base, spread)| json!({ "of": name(of), "to": name(base), "ratio": spread.json() }))
        .collect();
    head.insert("interrupted".to_owned(), json!(result.interrupted));
    head.insert("failed".to_owned(), json!(result.failed.0));
    head.insert("rounds".to_owned(), json!(rounds));
    head.insert("ratios".to_owned(), json!(ratios));
    head
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::case::Run;
    use super::*;

    fn took(round: u32, broker: usize, received: u64, ms: u64) -> Measured {
        let run = Run::full(round, broker, Amount::Messages(received), 100_000);
        let time = Duration::from_millis(ms);
        Measured { run, received, lost: 0, sending: time, reading: time }
    }

    #[test]
    fn throughput_is_what_the_consumer_got() {
        assert_eq!(took(1, 0, 1000, 500).mb_per_second(), 200.0);
        let lossy = Measured { lost: 1000, ..took(1, 0, 1000, 500) };
        assert_eq!((lossy.mb_per_second(), lossy.mb_per_second_in()), (200.0, 400.0));
    }

    #[test]
    fn a_ratio_is_of_the_same_round() {
        let measured = [took(1, 0, 1000, 500), took(1, 1, 1000, 1000), took(2, 0, 1000, 500)];
        assert_eq!(ratio(&measured, 0, 1).map(|s| (s.median, s.min, s.max)), Some((2.0, 2.0, 2.0)));
    }
}
