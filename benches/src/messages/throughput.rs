//! `vidbench throughput`: messages at full speed, with one consumer that reads along.

use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use common::words::count;
use serde_json::{Value, json};

use super::CLIENTS;
use super::args::MessageArgs;
use super::payload::Payload;
use super::topic::{IN_FLIGHT_BYTES_MAX, TopicSettings};
use super::transfer::{Receipt, Sending, Transfer, Transferred};
use crate::brokers;
use crate::control::Control;
use crate::experiment::CaseRun;
use crate::table::{Table, spread};

pub fn run(args: &MessageArgs, control: Control<'_>) -> Result<ExitCode> {
    let [bytes] = args.sizes[..] else { bail!("at full speed --sizes is one size") };
    let [acks] = &args.acks[..] else { bail!("at full speed --acks is one value") };
    let [linger_ms] = args.linger[..] else { bail!("at full speed --linger is one time") };
    let time = args.times.seconds();
    ensure!(!time.is_zero(), "--seconds must be above zero");
    let (mut experiment, brokers) = args.compare.start("throughput", control)?;
    // As many messages in flight as our producer allows.
    let in_flight_max = (IN_FLIGHT_BYTES_MAX / bytes).max(2) as u64;
    let sending = match args.messages {
        Some(messages) => Sending { messages, in_flight_max, ..Sending::default() },
        None => Sending { time, in_flight_max, ..Sending::default() },
    };
    let (payload, settings) = (&Payload::of_lengths([bytes]), &TopicSettings::new(bytes, acks, linger_ms));
    let labels: Vec<&String> = brokers.iter().map(|broker| &broker.name).collect();
    let rounds = experiment.rounds(&labels, |_, index| {
        Transfer { broker: &brokers[index], settings, payload, sending, consumers: 1 }.run(control)?.intact()
    });
    let base = brokers::base(&brokers);
    let (mut rows, mut ratios, mut ratio_text) = (Vec::new(), Vec::new(), String::new());
    for (index, broker) in labels.iter().enumerate() {
        let rate = |rate: fn(&Transferred) -> f64| {
            let spread = rounds.spread(index, rate);
            spread.map_or(String::new(), |s| format!("{:.0} ({:.0}…{:.0})", s.median, s.min, s.max))
        };
        let sum = |number: fn(&Receipt) -> u64| {
            rounds.results(index).map(|done| number(&done.receipt)).sum::<u64>().to_string()
        };
        let (out, into) = (rate(Transferred::mb_per_second), rate(Transferred::mb_per_second_in));
        rows.push(vec![(*broker).clone(), out, into, sum(|receipt| receipt.received), sum(|receipt| receipt.lost)]);
        if let Some(ratio) = rounds.ratio(index, base, Transferred::mb_per_second).filter(|_| index != base) {
            let (to, words) = (labels[base], spread(&json!(ratio)).unwrap_or_default());
            ratio_text += &format!("\n{broker} / {to}: {words}\n");
            ratios.push(json!({ "of": broker, "to": to, "ratio": ratio }));
        }
    }
    let head = ["broker", "to the consumer", "into the broker", "records", "lost"].map(str::to_owned).to_vec();
    let amount = args.messages.map_or(format!("{} s", time.as_secs_f64()), |messages| count(messages, "message"));
    let title = format!("Throughput: {bytes} bytes, {amount}");
    let text = experiment.heading(&title, "MB/s, median (least…most)") + &Table { head, rows }.text() + &ratio_text;
    let seconds = args.messages.is_none().then_some(time.as_secs_f64());
    let settings = json!({ "bytes": bytes, "clients": CLIENTS, "messages": args.messages, "seconds": seconds });
    let results: Vec<Value> = rounds.0.iter().map(|run| round_result(labels[run.case], run)).collect();
    experiment.finish(&brokers, json!({ "settings": settings, "rounds": results, "ratios": ratios }), &text)
}

/// The figures of a round, as they are reported.
fn round_result(broker: &str, run: &CaseRun<Transferred>) -> Value {
    let CaseRun { round, result: done, .. } = run;
    json!({
        "broker": broker,
        "round": round,
        "received": done.receipt.received,
        // Messages that a slow consumer missed, because the broker's memory was full.
        "lost": done.receipt.lost,
        // Time from the first send to the last record.
        "seconds": done.reading.as_secs_f64(),
        "mb_per_second": done.mb_per_second(),
        "mb_per_second_in": done.mb_per_second_in(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::transfer::tests::took;
    use crate::readme::tests::has_the_fields_of;

    #[test]
    fn a_round_has_all_its_fields() {
        let round = round_result("a", &CaseRun { round: 1, case: 0, result: took(1) });
        assert_eq!(round["mb_per_second"], 200.0);
        has_the_fields_of("broker-throughput.json", "/rounds/0", &round);
    }
}
