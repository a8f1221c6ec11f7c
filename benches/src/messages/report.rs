//! The figures of `vidbench hop` and `kafka`, and their tables.

use std::fmt;

use anyhow::Context;
use common::report::Summary;
use common::words::count;
use serde::{Deserialize, Serialize};

use crate::report::{BenchReport, CommonSettings};
use crate::spread::Spread;
use crate::table::{Table, ms};

/// The clients that send and read the messages.
pub const CLIENTS: &str =
    "vidprod's and vidcons's own (crate kafka): enable.idempotence=true unless acks is 0 or 1, no Nagle";

pub type HopReport = BenchReport<HopSettings, HopFigures>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HopSettings {
    #[serde(flatten)]
    pub common: CommonSettings,
    pub clients: String,
    /// The size of messages, where all have the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
    #[serde(default)]
    pub fps: Vec<f64>,
    #[serde(default)]
    pub consumers: Vec<usize>,
    #[serde(default)]
    pub fps_max: f64,
    pub bytes_per_second_max: Option<usize>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HopFigures {
    pub cases: Vec<HopResult>,
    #[serde(default)]
    pub between_brokers: Vec<HopRatio>,
    #[serde(default)]
    pub more_consumers: Vec<HopRatio>,
}

/// Older results of `vidbench hop` leave out size, acks and linger, which then had only these values.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct HopCase {
    pub broker: String,
    pub bytes: usize,
    pub acks: String,
    pub linger_ms: u32,
    pub consumers: usize,
    pub fps: f64,
}

impl Default for HopCase {
    fn default() -> HopCase {
        HopCase { broker: String::new(), bytes: 100_000, acks: "all".to_owned(), linger_ms: 0, consumers: 1, fps: 30.0 }
    }
}

impl fmt::Display for HopCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HopCase { broker, bytes, acks, linger_ms, consumers, fps } = self;
        write!(
            f,
            "{broker}, {bytes} bytes, acks {acks}, linger {linger_ms}, {fps} fps, {}",
            count(*consumers, "consumer")
        )
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HopResult {
    #[serde(flatten)]
    pub case: HopCase,
    /// All rounds together.
    pub from_send_us: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_due_us: Option<Summary>,
    pub rounds: Vec<HopRound>,
}

/// Results of `vidbench kafka` have the latency from the send call without a name of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HopRound {
    #[serde(flatten)]
    pub unnamed: Option<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_send_us: Option<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_due_us: Option<Summary>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HopRatio {
    pub of: HopCase,
    pub to: HopCase,
    /// `p50` or `p99`.
    pub figure: String,
    pub ratio: Spread,
    /// Largest allowed median.
    pub goal: f64,
    pub met: bool,
}

impl fmt::Display for HopRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HopRatio { of, to, figure, ratio, goal, met } = self;
        let other = if of.broker == to.broker { to.consumers.to_string() } else { to.broker.clone() };
        let (case, ratio, met) = (format!("{of} / {other}"), ratio.to_string(), if *met { "met" } else { "missed" });
        write!(f, "  {case:<72} {figure} {ratio:<20} goal <= {goal} {met}")
    }
}

pub fn hop_table(figures: &HopFigures) -> Table {
    let mut table = Table::new(&[
        "broker",
        "bytes",
        "acks",
        "linger, ms",
        "consumers",
        "records",
        "p50, µs",
        "p90",
        "p99",
        "p99.9",
        "max",
        "fps",
    ]);
    for HopResult { case, from_send_us: Summary { count, p50, p90, p99, p999, max, .. }, .. } in &figures.cases {
        let HopCase { broker, bytes, acks, linger_ms, consumers, fps } = case;
        let mut row =
            vec![broker.clone(), bytes.to_string(), acks.clone(), linger_ms.to_string(), consumers.to_string()];
        row.extend([count, p50, p90, p99, p999, max].map(u64::to_string));
        table.row(row.into_iter().chain([format!("{fps:.1}")]));
    }
    table
}

/// Each pair of brokers in one row, with p50 and p99.
pub fn pairs_table(figures: &HopFigures) -> anyhow::Result<Table> {
    let head = ["", "p50 built in", "p50 Kafka", "ratio (rounds)", "p99 built in", "p99 Kafka", "ratio (rounds)"];
    let mut table = Table::new(&head);
    for pair in figures.between_brokers.chunks(2) {
        let HopCase { fps, consumers, .. } = &pair[0].of;
        let mut row = vec![format!("{fps} fps, {}", count(*consumers, "consumer"))];
        for HopRatio { of, to, figure, ratio, .. } in pair {
            for side in [of, to] {
                let result = figures.cases.iter().find(|result| result.case == *side);
                let summary = result.context("a ratio without its cases")?.from_send_us;
                row.push(ms(if figure == "p50" { summary.p50 } else { summary.p99 } as f64));
            }
            row.push(ratio.to_string());
        }
        table.row(row);
    }
    Ok(table)
}

pub fn hop_text(report: &HopReport, times: &str) -> String {
    let HopFigures { between_brokers, more_consumers, .. } = &report.figures;
    let unit = "latency from send to received, all rounds together";
    let mut text = report.heading(&format!("The hop: {times}"), report.settings.common.rounds, unit);
    text += &hop_table(&report.figures).text();
    for (title, ratios) in [("Broker to broker", between_brokers), ("More consumers", more_consumers)] {
        if !ratios.is_empty() {
            text += &format!("\n{title}, the median of the rounds (the least … the most):\n");
        }
        ratios.iter().for_each(|ratio| text += &format!("{ratio}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_figures_of_a_pair_are_one_row() {
        let case = |broker: &str| HopCase { broker: broker.to_owned(), consumers: 3, ..HopCase::default() };
        let result = |broker: &str, p50, p99| HopResult {
            case: case(broker),
            from_send_us: Summary { p50, p99, ..Summary::default() },
            from_due_us: None,
            rounds: Vec::new(),
        };
        let ratio = |figure: &str| HopRatio {
            of: case("embedded"),
            to: case("real"),
            figure: figure.to_owned(),
            ratio: Spread { median: 0.33, min: 0.23, max: 0.38 },
            goal: 0.5,
            met: true,
        };
        let figures = HopFigures {
            cases: vec![result("embedded", 610, 1390), result("real", 1810, 5510)],
            between_brokers: vec![ratio("p50"), ratio("p99")],
            more_consumers: Vec::new(),
        };
        let row = "| 30 fps, 3 consumers | 0.61 | 1.81 | 0.33 (0.23…0.38) | 1.39 | 5.51 | 0.33 (0.23…0.38) |";
        assert_eq!(pairs_table(&figures).unwrap().markdown().lines().nth(2), Some(row));
        let words = "  embedded, 100000 bytes, acks all, linger 0, 30 fps, 3 consumers / real";
        assert!(ratio("p50").to_string().starts_with(words));
    }
}
