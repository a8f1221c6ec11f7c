//! The figures of `vidbench peers`, and their tables.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use anyhow::Context;
use common::report::Summary;
use common::words::count;
use serde::{Deserialize, Serialize};

use super::programs::is_ours;
use crate::report::BenchReport;
use crate::spread::Spread;
use crate::table::{Table, ms};

pub type PeersReport = BenchReport<PeersSettings, PeersFigures>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PeersSettings {
    pub headless: bool,
    pub rounds: u32,
    pub frames: usize,
    /// Number of frames at the beginning that do not count.
    pub warm: usize,
    pub size: String,
    pub fps: f64,
    pub quality: u8,
    pub clip: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PeersFigures {
    pub lines: Vec<PeerResult>,
    pub ratios: Vec<PeerRatio>,
}

/// One line of the table.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PeerResult {
    pub line: String,
    pub broker: Option<String>,
    /// The round with the median p50; the larger of the middle two if their number is even.
    pub middle_round: Option<u32>,
    pub rounds: Vec<PeerRound>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PeerRound {
    pub round: u32,
    /// Number of frames that count and were shown, and of those that count.
    pub shown: u64,
    pub of: u64,
    /// The latency by which lines are compared: fed → seen on the screen, or captured → decoded.
    pub latency_us: Summary,
    /// p50 of all frames that were seen, including the warm-up, in the way that the consumer's report counts them.
    pub all_frames_p50_us: Option<u64>,
    pub feeder_late_max_us: u64,
    pub consumer_report: Option<ConsumerFigures>,
}

impl fmt::Display for PeerRound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { p50, p99, .. } = self.latency_us;
        write!(f, "p50 {} p99 {} ms, {} of {} shown", ms(p50 as f64), ms(p99 as f64), self.shown, self.of)
    }
}

/// From the consumer's own report.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConsumerFigures {
    pub shown: u64,
    /// Number of lost frames for each reason.
    pub lost: BTreeMap<String, u64>,
    pub total_us: Summary,
    pub stages_us: BTreeMap<String, Summary>,
}

/// One of our lines compared with one of the others.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PeerRatio {
    pub of: String,
    pub to: String,
    pub p50: Spread,
    pub p99: Spread,
    /// Largest allowed medians, if there is a goal.
    pub goals: Option<PeerGoals>,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct PeerGoals {
    pub p50: f64,
    pub p99: f64,
}

impl PeerResult {
    pub fn middle(&self) -> Option<&PeerRound> {
        self.rounds.iter().find(|round| Some(round.round) == self.middle_round)
    }
}

impl PeerRatio {
    fn text(&self) -> String {
        let PeerRatio { of, to, p50, p99, goals } = self;
        let goal = goals.map_or(String::new(), |goals| {
            let met = if p50.median <= goals.p50 && p99.median <= goals.p99 { "met" } else { "missed" };
            format!("goal <= {:.2}, {:.2} {met}", goals.p50, goals.p99)
        });
        let (case, p50, p99) = (format!("{of} / {to}"), p50.to_string(), p99.to_string());
        format!("  {case:<32} p50 {p50:<20} p99 {p99:<20}{goal}").trim_end().to_owned() + "\n"
    }
}

impl ConsumerFigures {
    /// For example `2 superseded, 1 lost`.
    pub fn losses(&self) -> String {
        let some = self.lost.iter().filter(|(_, count)| **count > 0);
        let losses: Vec<String> = some.map(|(reason, count)| format!("{count} {reason}")).collect();
        if losses.is_empty() { "none lost".to_owned() } else { losses.join(", ") }
    }
}

/// Each line with its middle round, and the ratios of our programs to it. A ratio belongs to the line in its row.
pub fn table(figures: &PeersFigures) -> Table {
    let mut table = Table::new(&[
        "line",
        "p50",
        "p90",
        "p99",
        "max",
        "shown",
        "ours, Kafka: p50",
        "p99",
        "ours, built in: p50",
        "p99",
    ]);
    for line in &figures.lines {
        let Some(PeerRound { latency_us: us, shown, of, .. }) = line.middle() else {
            table.row([line.line.clone(), "no run".to_owned()]);
            continue;
        };
        let mut row = vec![line.line.clone()];
        row.extend([us.p50, us.p90, us.p99, us.max].map(|us| ms(us as f64)));
        row.push(format!("{shown} of {of}"));
        for ours in ["ours-real", "ours-embedded"] {
            let ratio = figures.ratios.iter().find(|ratio| ratio.of == ours && ratio.to == line.line);
            row.extend(ratio.map_or([String::new(), String::new()], |r| [r.p50.to_string(), r.p99.to_string()]));
        }
        table.row(row);
    }
    table
}

/// Each line in words, with its middle round and the ratio of our latency through Kafka to it.
pub fn short_table(figures: &PeersFigures) -> anyhow::Result<Table> {
    let mut table = Table::new(&["", "p50", "p99", "ours through Kafka ÷ this: p50 (rounds)", "p99"]);
    for line in &figures.lines {
        let us = line.middle().context("a line has no middle round")?.latency_us;
        let ratio = figures.ratios.iter().find(|ratio| ratio.of == "ours-real" && ratio.to == line.line);
        let mut row = vec![in_words(&line.line).to_owned(), ms(us.p50 as f64), ms(us.p99 as f64)];
        row.extend(ratio.map_or([String::new(), String::new()], |r| [r.p50.to_string(), r.p99.to_string()]));
        table.row(row);
    }
    Ok(table)
}

fn in_words(line: &str) -> &str {
    match line {
        "ours-real" => "**vidprod → Apache Kafka → vidcons**",
        "ours-embedded" => "**vidprod → embedded broker → vidcons**",
        "gstreamer" => "GStreamer over TCP, no broker",
        "imagezmq" => "imagezmq with simplejpeg, no broker",
        "confluent-tuned" => "Kafka: confluent-kafka, tuned, with simplejpeg",
        "confluent" => "Kafka: confluent-kafka at its defaults, with OpenCV",
        "kafka-python" => "Kafka: kafka-python at its defaults, with OpenCV",
        other => other,
    }
}

pub fn text(report: &PeersReport) -> String {
    let PeersSettings { headless, rounds, frames, warm, size, fps, quality, clip } = &report.settings;
    let (title, from) = if *headless {
        ("Captured to decoded", "as the programs report it")
    } else {
        ("Glass to glass", "from when a frame's first byte was written until it was on the screen")
    };
    let warm = if *warm > 0 { format!(", the first {warm} not counted") } else { String::new() };
    let clip = clip.as_deref().unwrap_or_default();
    let what = format!("{title}: {clip}, {size}, {fps} fps, quality {quality}, {}{warm}", count(*frames, "frame"));
    let mut text = report.heading(&what, *rounds, &format!("ms, {from}; each line's middle round"));
    let PeersFigures { lines, ratios } = &report.figures;
    text += &table(&report.figures).first(6).text();
    if !ratios.is_empty() {
        text += "\nRatios within a round, the median of the rounds (the least … the most):\n";
    }
    text.extend(ratios.iter().map(PeerRatio::text));
    for line in lines.iter().filter(|line| is_ours(&line.line)) {
        let Some((run, own)) = line.middle().and_then(|run| Some((run, run.consumer_report.as_ref()?))) else {
            continue;
        };
        // Writing into a String cannot fail.
        let _ = write!(text, "\n{}: its report says {} shown, {}", line.line, own.shown, own.losses());
        if let Some(seen) = run.all_frames_p50_us {
            let (seen, total) = (seen as f64 / 1e3, own.total_us.p50 as f64 / 1e3);
            let (apart, met) = (seen - total, if seen - total <= 1.5 { "met" } else { "missed" });
            let _ = write!(text, "; p50 of all frames {total:.2}, seen {seen:.2}, {apart:+.2}: goal <= 1.5 {met}");
        }
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(names: &[&str]) -> PeersFigures {
        let latency_us = Summary { p50: 8000, p90: 9000, p99: 10_000, max: 11_000, ..Summary::default() };
        let round = PeerRound {
            round: 2,
            shown: 5,
            of: 6,
            latency_us,
            all_frames_p50_us: None,
            feeder_late_max_us: 0,
            consumer_report: None,
        };
        let line = |name: &&str| PeerResult {
            line: (*name).to_owned(),
            broker: None,
            middle_round: Some(2),
            rounds: vec![round.clone()],
        };
        let ratio = Spread { median: 0.9, min: 0.8, max: 1.0 };
        let to = names[names.len() - 1].to_owned();
        let ratio = PeerRatio { of: "ours-real".to_owned(), to, p50: ratio, p99: ratio, goals: None };
        PeersFigures { lines: names.iter().map(line).collect(), ratios: vec![ratio] }
    }

    #[test]
    fn the_others_have_our_ratios_beside_them() {
        let table = table(&figures(&["ours-real", "gstreamer"])).markdown();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(rows[0], "| ours-real | 8.00 | 9.00 | 10.00 | 11.00 | 5 of 6 |  |  |  |  |");
        let ratio = "0.90 (0.80…1.00)";
        assert_eq!(rows[1], format!("| gstreamer | 8.00 | 9.00 | 10.00 | 11.00 | 5 of 6 | {ratio} | {ratio} |  |  |"));
    }

    #[test]
    fn the_short_table_has_lines_in_words() {
        let table = short_table(&figures(&["imagezmq"])).unwrap().markdown();
        let row = "| imagezmq with simplejpeg, no broker | 8.00 | 10.00 | 0.90 (0.80…1.00) | 0.90 (0.80…1.00) |";
        assert_eq!(table.lines().nth(2), Some(row));
    }

    #[test]
    fn losses_are_listed_by_reason() {
        let own = |lost: &[(&str, u64)]| ConsumerFigures {
            shown: 3,
            lost: lost.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
            total_us: Summary::default(),
            stages_us: BTreeMap::new(),
        };
        assert_eq!(own(&[]).losses(), "none lost");
        assert_eq!(own(&[("superseded", 2), ("late", 0)]).losses(), "2 superseded");
    }
}
