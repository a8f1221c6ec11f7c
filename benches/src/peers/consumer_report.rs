//! A consumer's own report: that of vidcons, or the same few fields from the Python scripts.

use std::path::Path;

use anyhow::Context;
use common::report::{Frames, LatencyReport, Summary};
use common::time::{Latency, Micros};
use serde::Deserialize;
use serde_json::{Value, json};

/// The fields that all consumers report.
#[derive(Deserialize)]
pub struct ConsumerReport {
    pub frames: Frames,
    pub latency_us: LatencyReport,
}

impl ConsumerReport {
    pub fn read(file: &Path) -> anyhow::Result<ConsumerReport> {
        let text = std::fs::read_to_string(file).context("the consumer left no report")?;
        serde_json::from_str(&text).context("the consumer's report cannot be read")
    }

    /// The part that is in our report.
    pub fn figures(&self) -> Value {
        let ConsumerReport { frames, latency_us } = self;
        json!({
            "shown": frames.shown,
            "lost": frames.lost,
            "total_us": latency_us.total,
            "stages_us": latency_us.stages,
        })
    }
}

/// Latency from captured to decoded, of the frames from number `warm` on, read from vidcons' report of each frame.
pub fn captured_to_decoded(frames: &Path, warm: u64) -> anyhow::Result<Summary> {
    let text = std::fs::read_to_string(frames).context("the consumer left no report of each frame")?;
    of_frames(&text, warm).context("the consumer's report of each frame cannot be read")
}

fn of_frames(csv: &str, warm: u64) -> Option<Summary> {
    let mut lines = csv.lines();
    let columns: Vec<&str> = lines.next()?.split(',').collect();
    let at = |name: &str| columns.iter().position(|column| *column == name);
    let (frame, captured, decoded) = (at("frame")?, at("captured")?, at("decoded")?);
    let mut latency = Latency::default();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        // A frame that was not decoded has an empty field there.
        if let (true, Some(captured), Some(decoded)) = (number(frame)? >= warm, number(captured), number(decoded)) {
            latency.record(Micros(decoded).since(Micros(captured)));
        }
    }
    Some(Summary::from(&latency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_count_from_the_first_warm_one_that_was_decoded() {
        let columns: Vec<&str> = common::report::CSV_HEADER.trim().split(',').collect();
        let row = |frame: &str, captured: &str, decoded: &str| {
            let value = |column: &&str| match *column {
                "frame" => frame.to_owned(),
                "captured" => captured.to_owned(),
                "decoded" => decoded.to_owned(),
                _ => "1".to_owned(),
            };
            columns.iter().map(value).collect::<Vec<_>>().join(",")
        };
        let rows = [row("0", "10", "5000"), row("1", "100", "300"), row("2", "200", ""), row("3", "300", "600")];
        let csv = &format!("{}\n{}\n", columns.join(","), rows.join("\n"));
        let summary = of_frames(csv, 1).unwrap();
        assert_eq!((summary.count, summary.min, summary.max), (2, 200, 300));
        assert_eq!(of_frames(csv, 0).unwrap().count, 3);
        assert_eq!(of_frames("source,frame\nvm,1\n", 0), None, "columns are missing");
    }
}
