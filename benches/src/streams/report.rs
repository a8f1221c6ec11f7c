//! The figures of `vidbench streams`, and their table.

use std::collections::BTreeMap;

use common::words::count;
use serde::{Deserialize, Serialize};

use crate::report::{BenchReport, ByProgram, CommonSettings};
use crate::table::{Table, ms};

pub type StreamsReport = BenchReport<StreamsSettings, StreamsFigures>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StreamsSettings {
    pub size: String,
    pub fps: f64,
    pub until_p99_ms: f64,
    /// `one` or `each`.
    pub viewers: String,
    #[serde(flatten)]
    pub common: CommonSettings,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StreamsFigures {
    pub cases: Vec<StreamsResult>,
    /// For each broker, the number of sources within the limits.
    pub sources_carried: BTreeMap<String, usize>,
}

/// Medians and sums over the rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StreamsResult {
    pub broker: String,
    pub sources: usize,
    pub viewers: usize,
    pub p50_us: f64,
    pub p99_us: f64,
    pub shown: u64,
    pub lost: u64,
    /// Number of viewers without any latency; the latencies above are those of the others.
    pub saw_nothing: u64,
    pub cpu_us_a_frame: ByProgram<f64>,
    pub rounds_p99_us: Vec<u64>,
}

pub fn table(figures: &StreamsFigures) -> Table {
    let mut table =
        Table::new(&["broker", "sources", "viewers", "p50", "p99", "lost", "CPU vidprod", "vidcons", "shown"]);
    for result in &figures.cases {
        let latency = |us: f64| if result.saw_nothing > 0 { "–".to_owned() } else { ms(us) };
        let mut row = vec![result.broker.clone(), result.sources.to_string(), result.viewers.to_string()];
        row.extend([latency(result.p50_us), latency(result.p99_us), result.lost.to_string()]);
        row.extend([result.cpu_us_a_frame.vidprod, result.cpu_us_a_frame.vidcons].map(ms));
        table.row(row.into_iter().chain([result.shown.to_string()]));
    }
    table
}

/// `max` is the largest number of sources that was tried.
pub fn text(report: &StreamsReport, times: &str, max: usize) -> String {
    let StreamsSettings { size, fps, until_p99_ms, common, .. } = &report.settings;
    let mut text = report.heading(&format!("Streams: {size} {fps} fps, {times}"), common.rounds, "ms");
    text += &format!("{}\n", table(&report.figures).text());
    for (broker, &carried) in &report.figures.sources_carried {
        let more = if carried == max { " (no more were tried)" } else { "" };
        let sources = count(carried, "source");
        text += &format!("{broker}: {sources} within {until_p99_ms} ms at p99 in every round{more}\n");
    }
    text
}
