//! The figures of `vidbench floor`, and their table.

use std::fmt;

use common::report::{Frames, LatencyReport, Summary};
use serde::{Deserialize, Serialize};

use crate::report::{BenchReport, ByProgram, CommonSettings};
use crate::spread::{Spread, thousandths};
use crate::table::{Table, ms};

pub type FloorReport = BenchReport<FloorSettings, FloorFigures>;

/// Largest allowed ratio of the whole to the sum, and the ratio that we would like to reach.
const GOAL: f64 = 1.25;
const DREAM: f64 = 1.10;
/// A program may take this many times the codec's processor time per frame, plus a constant in µs.
const CPU_GOAL_FACTOR: f64 = 1.25;
const CPU_GOAL_REST_US: f64 = 600.0;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FloorSettings {
    pub input: String,
    pub size: String,
    pub fps: f64,
    pub frame_bytes: usize,
    #[serde(flatten)]
    pub common: CommonSettings,
    /// The kind of display; `None` without windows.
    pub window: Option<String>,
    /// Where the time of presenting is from.
    pub present: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FloorFigures {
    pub goal: FloorGoal,
    /// One for each broker.
    pub cases: Vec<FloorResult>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct FloorGoal {
    pub ratio: f64,
    pub dream: f64,
}

impl Default for FloorGoal {
    fn default() -> FloorGoal {
        FloorGoal { ratio: GOAL, dream: DREAM }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FloorResult {
    pub broker: String,
    pub p50_us: FloorStages<Spread>,
    /// The whole as a ratio to the sum.
    pub ratio: Spread,
    pub cpu_us_a_frame: ByProgram<CodecCpu<Spread>>,
    pub rounds: Vec<FloorRound>,
}

/// Medians in µs.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct FloorStages<T> {
    pub encode: T,
    pub hop: T,
    pub decode: T,
    /// The figure that vidcons reports; 0 without a window.
    pub present: T,
    pub sum: T,
    pub whole: T,
}

impl FloorStages<f64> {
    pub fn ratio(&self) -> f64 {
        self.whole / self.sum.max(1.0)
    }
}

impl fmt::Display for FloorStages<f64> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FloorStages { encode, hop, decode, present, whole, .. } = *self;
        let present = if present > 0.0 { format!(" + {}", ms(present)) } else { String::new() };
        let (whole, encode, hop, decode) = (ms(whole), ms(encode), ms(hop), ms(decode));
        write!(f, "{whole} / ({encode} + {hop} + {decode}{present}) ms = {:.2}", self.ratio())
    }
}

/// Processor time per frame in µs: that of the codec alone, that of the program, and the largest allowed for it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct CodecCpu<T> {
    pub codec: T,
    pub program: T,
    pub goal: T,
}

impl CodecCpu<f64> {
    pub fn new(codec: f64, program: f64) -> CodecCpu<f64> {
        CodecCpu { codec, program, goal: CPU_GOAL_FACTOR * codec + CPU_GOAL_REST_US }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FloorRound {
    pub round: u32,
    #[serde(serialize_with = "thousandths")]
    pub ratio: f64,
    pub encode_us: Summary,
    pub hop_us: Summary,
    pub decode_us: Summary,
    pub latency_us: LatencyReport,
    pub frames: Frames,
}

pub fn table(figures: &FloorFigures) -> Table {
    let mut table = Table::new(&[
        "broker",
        "encode",
        "bare hop",
        "decode",
        "present",
        "sum",
        "whole",
        "whole / sum (rounds)",
        "by round",
        "goal",
    ]);
    for FloorResult { broker, p50_us: us, ratio, rounds, .. } in &figures.cases {
        let stages = [us.encode, us.hop, us.decode, us.present, us.sum, us.whole].map(|spread| ms(spread.median));
        let by_round: Vec<String> = rounds.iter().map(|round| format!("{:.2}", round.ratio)).collect();
        let goal = verdict(ratio.median, figures.goal.ratio);
        let row = [broker.clone()].into_iter().chain(stages);
        table.row(row.chain([ratio.to_string(), by_round.join(" "), goal.to_owned()]));
    }
    table
}

fn verdict(figure: f64, goal: f64) -> &'static str {
    if figure <= goal { "met" } else { "missed" }
}

pub fn text(report: &FloorReport) -> String {
    let FloorSettings { size, fps, frame_bytes, common, window, .. } = &report.settings;
    let (seconds, kb) = (common.seconds.unwrap_or_default(), frame_bytes / 1000);
    let present = if window.is_some() { "present as vidcons reports it" } else { "present not measured: headless" };
    let unit = format!("ms at p50, medians of the rounds; {present}");
    let what = format!("The floor: {size} {fps} fps, {kb} kB a frame, {seconds} s each");
    let mut text = report.heading(&what, common.rounds, &unit);
    text += &table(&report.figures).text();
    text += &format!(
        "\nGoal: whole / sum <= {GOAL}, dream {DREAM}\n\nCPU for a frame, ms (goal <= {CPU_GOAL_FACTOR} x codec + {} ms):\n",
        CPU_GOAL_REST_US / 1e3
    );
    for FloorResult { broker, cpu_us_a_frame: cpu, .. } in &report.figures.cases {
        for (program, stage, cpu) in [("vidprod", "encode", cpu.vidprod), ("vidcons", "decode", cpu.vidcons)] {
            let [whole, codec, goal] = [cpu.program, cpu.codec, cpu.goal].map(|spread| spread.median);
            let (verdict, whole, codec, goal) = (verdict(whole, goal), ms(whole), ms(codec), ms(goal));
            text += &format!("  {broker:<12}{program} {whole}, {stage} alone {codec}: goal <= {goal} {verdict}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_stands_beside_the_sum() {
        let stages =
            FloorStages { encode: 2000.0, hop: 1000.0, decode: 1500.0, present: 500.0, sum: 5000.0, whole: 6000.0 };
        assert_eq!(stages.to_string(), "6.00 / (2.00 + 1.00 + 1.50 + 0.50) ms = 1.20");
        let headless = FloorStages { present: 0.0, sum: 4500.0, whole: 4500.0, ..stages };
        assert_eq!(headless.to_string(), "4.50 / (2.00 + 1.00 + 1.50) ms = 1.00");
    }

    #[test]
    fn a_program_may_take_a_quarter_and_something_more_than_its_codec() {
        assert_eq!(CodecCpu::new(2000.0, 0.0).goal, 3100.0);
    }
}
