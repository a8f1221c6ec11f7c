//! `vidbench throughput`: messages at full speed, with one consumer that reads along.

use std::fmt::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, ensure};
use common::words::count;
use serde::{Deserialize, Serialize};

use super::args::MessageArgs;
use super::payload::Payload;
use super::report::CLIENTS;
use super::topic::{TopicSettings, topic_name};
use super::transfer::{Amount, Sending, Transfer, Transferred};
use crate::brokers;
use crate::control::Control;
use crate::experiment::Experiment;
use crate::report::{BenchReport, CommonSettings};
use crate::spread::Spread;
use crate::table::Table;

pub type ThroughputReport = BenchReport<ThroughputSettings, ThroughputFigures>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ThroughputSettings {
    pub bytes: usize,
    #[serde(flatten)]
    pub common: CommonSettings,
    pub clients: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ThroughputFigures {
    pub rounds: Vec<ThroughputRound>,
    pub ratios: Vec<ThroughputRatio>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ThroughputRound {
    pub broker: String,
    pub round: u32,
    pub received: u64,
    /// Messages that a slow consumer missed, because the broker's memory was full.
    pub lost: u64,
    /// Time from the first send to the last record.
    pub seconds: f64,
    /// Rate at which the consumer received.
    pub mb_per_second: f64,
    /// Rate at which the broker received.
    pub mb_per_second_in: f64,
}

impl fmt::Display for ThroughputRound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} MB/s", self.mb_per_second)
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ThroughputRatio {
    pub of: String,
    pub to: String,
    pub ratio: Spread,
}

pub fn run(args: &MessageArgs, control: Control<'_>) -> anyhow::Result<ExitCode> {
    let [bytes] = args.sizes[..] else { bail!("at full speed --sizes is one size") };
    let [acks] = &args.acks[..] else { bail!("at full speed --acks is one value") };
    let [linger_ms] = args.linger[..] else { bail!("at full speed --linger is one time") };
    let seconds = args.times.seconds();
    ensure!(!seconds.is_zero(), "--seconds must be above zero");
    let mut experiment = Experiment::start(control);
    let brokers = args.compare.start(control)?;
    let labels: Vec<String> = brokers.iter().map(|broker| broker.name.clone()).collect();
    let amount = args.messages.map_or(Amount::Time(seconds), Amount::Messages);
    let (payload, settings) = (Payload::new(bytes), TopicSettings::new(bytes, acks, linger_ms));
    let rounds = experiment.rounds(args.compare.rounds, &labels, |round, broker| {
        let (topic, broker) = (&topic_name("throughput", round, broker), &brokers[broker]);
        let sending = Sending::full_speed(bytes, amount);
        let transfer =
            Transfer { broker, topic, settings: &settings, payload: &payload, sending, consumers: 1, warmup: 0 };
        transfer.run(control)?.map(|done| round_result(&done, &broker.name, round, bytes)).transpose()
    });
    let base = brokers::base(&brokers);
    let ratio = |of: usize| {
        let ratio = rounds.ratio(of, base, |round| round.mb_per_second)?;
        (of != base).then(|| ThroughputRatio { of: labels[of].clone(), to: labels[base].clone(), ratio })
    };
    let ratios = (0..brokers.len()).filter_map(ratio).collect();
    let figures = ThroughputFigures { ratios, rounds: rounds.0.into_iter().map(|run| run.result).collect() };
    let seconds = Some(seconds.as_secs_f64()).filter(|_| args.messages.is_none());
    let common = CommonSettings { seconds, ..args.compare.settings(None) };
    let settings = ThroughputSettings { bytes, common, clients: CLIENTS.to_owned(), messages: args.messages };
    let report = experiment.report("throughput", &brokers, settings, figures);
    experiment.finish(&report, args.compare.report.as_ref(), &text(&report))
}

fn round_result(done: &Transferred, broker: &str, round: u32, bytes: usize) -> anyhow::Result<ThroughputRound> {
    let receipt = &done.receipt;
    let good = receipt.duplicates + receipt.damaged == 0 && receipt.received > 0;
    ensure!(good, receipt.complaint().unwrap_or_else(|| "nothing was received".to_owned()));
    let rate = |messages: u64, time: Duration| messages as f64 * bytes as f64 / 1e6 / time.as_secs_f64().max(1e-6);
    Ok(ThroughputRound {
        broker: broker.to_owned(),
        round,
        received: receipt.received,
        lost: receipt.lost,
        seconds: done.reading.as_secs_f64(),
        mb_per_second: rate(receipt.received, done.reading),
        mb_per_second_in: rate(receipt.received + receipt.lost, done.sending),
    })
}

fn text(report: &ThroughputReport) -> String {
    let ThroughputSettings { bytes, common, messages, .. } = &report.settings;
    let seconds = common.seconds.unwrap_or_default();
    let amount = messages.map_or(format!("{seconds} s"), |messages| count(messages, "message"));
    let what = format!("Throughput: {bytes} bytes, {amount}");
    let mut text = report.heading(&what, common.rounds, "MB/s, median (least…most)");
    let mut table = Table::new(&["broker", "to the consumer", "into the broker", "records", "lost"]);
    for broker in &report.brokers {
        let of = || report.figures.rounds.iter().filter(|round| round.broker == broker.name);
        let spread = |rate: fn(&ThroughputRound) -> f64| {
            Spread::of(of().map(rate)).map_or(String::new(), |s| format!("{:.0} ({:.0}…{:.0})", s.median, s.min, s.max))
        };
        let sum = |number: fn(&ThroughputRound) -> u64| of().map(number).sum::<u64>().to_string();
        let (out, into) = (spread(|r| r.mb_per_second), spread(|r| r.mb_per_second_in));
        table.row([broker.name.clone(), out, into, sum(|r| r.received), sum(|r| r.lost)]);
    }
    text += &table.text();
    for ThroughputRatio { of, to, ratio } in &report.figures.ratios {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "\n{of} / {to}: {ratio}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::receipt::Receipt;
    use crate::messages::transfer::tests::took;

    #[test]
    fn throughput_is_what_the_consumer_got() {
        let done = took(1);
        let rates = |done: &Transferred| {
            round_result(done, "a", 1, 100_000).map(|round| (round.mb_per_second, round.mb_per_second_in)).ok()
        };
        assert_eq!(rates(&done), Some((200.0, 200.0)));
        let receipt = Receipt { lost: 1000, ..done.receipt };
        assert_eq!(rates(&Transferred { receipt, ..done.clone() }), Some((200.0, 400.0)));
        assert_eq!(rates(&Transferred { receipt: Receipt::default(), ..done }), None);
    }
}
