//! The figures of `vidbench run`, and their tables.

use std::collections::BTreeMap;
use std::fmt;

use common::draw::PixelCheck;
use common::report::Sums;
use common::time::Stage;
use serde::{Deserialize, Serialize};

use crate::report::{BenchReport, ByProgram, CommonSettings};
use crate::spread::{Spread, SummarySpread};
use crate::table::{Table, ms};

pub type RunReport = BenchReport<RunSettings, RunFigures>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunSettings {
    pub input: String,
    #[serde(flatten)]
    pub common: CommonSettings,
    /// The kind of display; `None` without windows.
    pub window: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunFigures {
    pub faults: usize,
    pub cases: Vec<RunResult>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunCase {
    pub broker: String,
    pub size: String,
    pub fps: f64,
    pub acks: String,
    /// The message limit; `None` for the topic's own.
    pub limit: Option<usize>,
}

impl fmt::Display for RunCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunCase { broker, size, fps, acks, limit } = self;
        let limit = limit.map_or(String::new(), |bytes| format!(", limit {bytes}"));
        write!(f, "{broker}, {size} {fps} fps, acks {acks}{limit}")
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunResult {
    #[serde(flatten)]
    pub case: RunCase,
    pub captured: u64,
    pub shown: u64,
    /// Pictures of a test card that were compared with their headers.
    pub pixels: Option<PixelCheck>,
    pub total_us: SummarySpread,
    pub stages_us: BTreeMap<String, SummarySpread>,
    pub cpu_us_a_frame: ByProgram<Spread>,
    pub ratio_to_first: RatioToFirst,
    pub rounds: Vec<RunRound>,
}

/// The latency as a ratio to the first case.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RatioToFirst {
    pub p50: Option<Spread>,
    pub p99: Option<Spread>,
}

/// The programs' own figures, unchanged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunRound {
    pub round: u32,
    #[serde(flatten)]
    pub programs: ByProgram<ProgramRun>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProgramRun {
    pub cpu_seconds: f64,
    pub sums: Sums,
}

pub fn table(figures: &RunFigures) -> Table {
    let mut table = Table::new(&[
        "size",
        "fps",
        "broker",
        "acks",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
        "shown",
        "CPU vidprod",
        "vidcons",
        "lost",
        "pixels agree",
    ]);
    for RunResult { case, captured, shown, pixels, total_us: total, cpu_us_a_frame: cpu, .. } in &figures.cases {
        let limit = case.limit.map_or(String::new(), |bytes| format!(", parts of {bytes}"));
        let mut row =
            vec![format!("{}{limit}", case.size), case.fps.to_string(), case.broker.clone(), case.acks.clone()];
        row.extend([total.p50, total.p90, total.p99, total.p999].map(|spread| ms(spread.median)));
        row.extend([ms(total.max as f64), format!("{shown} of {captured}")]);
        row.extend([ms(cpu.vidprod.median), ms(cpu.vidcons.median), captured.saturating_sub(*shown).to_string()]);
        row.push(pixels.map_or("-".to_owned(), |pixels| format!("{}/{}", pixels.agreed, pixels.checked)));
        table.row(row);
    }
    table
}

pub fn text(report: &RunReport, times: &str) -> String {
    let RunSettings { input, common, window } = &report.settings;
    let input = if input == "test" { "the test card" } else { input };
    let path =
        window.as_ref().map_or("headless, due to decoded".to_owned(), |kind| format!("due to presented, {kind}"));
    let unit = format!("{path}; ms and CPU ms for a frame, each figure the median of the rounds");
    let mut text = report.heading(&format!("End to end: {input}, {times}"), common.rounds, &unit);
    let cases = &report.figures.cases;
    text += &table(&report.figures).text();
    let stages: Vec<&str> = Stage::ALL
        .iter()
        .map(|stage| stage.name())
        .filter(|stage| cases.iter().any(|result| result.stages_us.contains_key(*stage)))
        .collect();
    let mut of_stages = Table::new(&[&["p50 / p99 by stage"], &stages[..]].concat());
    let mut ratios = String::new();
    for RunResult { case, stages_us, ratio_to_first, .. } in cases {
        let pair = |stage: &&str| {
            stages_us.get(*stage).map_or("-".to_owned(), |us| format!("{} / {}", ms(us.p50.median), ms(us.p99.median)))
        };
        of_stages.row([case.to_string()].into_iter().chain(stages.iter().map(pair)));
        let words = |spread: Option<Spread>| spread.map_or("-".to_owned(), |spread| spread.to_string());
        let (p50, p99) = (words(ratio_to_first.p50), words(ratio_to_first.p99));
        ratios += &format!("  {:<44} p50 {p50:<20} p99 {p99}\n", case.to_string());
    }
    text += &format!("\n{}", of_stages.text());
    if let [first, _, ..] = &cases[..] {
        text += &format!("\nTo {}, the median of the rounds (the least … the most):\n{ratios}", first.case);
    }
    text
}
