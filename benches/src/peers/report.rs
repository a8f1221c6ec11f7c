//! The tables of `vidbench peers`, made from its report.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use itertools::Itertools;
use serde_json::{Value, json};

use super::programs::is_ours;
use crate::table::{Column, Table, ms, plain, spread, verdict};

const COLUMNS: [Column; 10] = [
    ("line", |row| plain(&row["line"])),
    (
        "p50",
        |row| if row["middle"].is_null() { Some("no run".to_owned()) } else { ms(&row["middle"]["latency_us"]["p50"]) },
    ),
    ("p90", |row| optional(row, "middle", |middle| ms(&middle["latency_us"]["p90"]))),
    ("p99", |row| optional(row, "middle", |middle| ms(&middle["latency_us"]["p99"]))),
    ("max", |row| optional(row, "middle", |middle| ms(&middle["latency_us"]["max"]))),
    ("shown", |row| optional(row, "middle", |middle| Some(format!("{} of {}", middle["shown"], middle["of"])))),
    ("ours, Kafka: p50", |row| optional(row, "ours-real", |ratio| spread(&ratio["p50"]))),
    ("p99", |row| optional(row, "ours-real", |ratio| spread(&ratio["p99"]))),
    ("ours, built in: p50", |row| optional(row, "ours-embedded", |ratio| spread(&ratio["p50"]))),
    ("p99", |row| optional(row, "ours-embedded", |ratio| spread(&ratio["p99"]))),
];

/// A cell that is empty where the row has no such part.
fn optional(row: &Value, part: &str, cell: fn(&Value) -> Option<String>) -> Option<String> {
    if row[part].is_null() { Some(String::new()) } else { cell(&row[part]) }
}

/// For each line its middle round, and the ratios of our programs to it.
fn rows(report: &Value) -> Result<Vec<Value>> {
    let lines = report["lines"].as_array().context("there are no lines")?;
    let ratios = report["ratios"].as_array().context("there are no ratios")?;
    let row = |line: &Value| {
        let middle = line["rounds"]
            .as_array()
            .and_then(|rounds| rounds.iter().find(|round| round["round"] == line["middle_round"]));
        let ratio = |of: &str| ratios.iter().find(|ratio| ratio["of"] == of && ratio["to"] == line["line"]);
        let (real, embedded) = (ratio("ours-real"), ratio("ours-embedded"));
        json!({ "line": line["line"], "middle": middle, "ours-real": real, "ours-embedded": embedded })
    };
    Ok(lines.iter().map(row).collect())
}

/// A ratio belongs to the line in its row.
pub fn table(report: &Value) -> Result<Table> {
    Table::of(&rows(report)?, &COLUMNS)
}

/// Each line in words, with its middle round and the ratio of our latency through Kafka to it.
pub fn short_table(report: &Value) -> Result<Table> {
    let rows = rows(report)?;
    ensure!(rows.iter().all(|row| !row["middle"].is_null()), "a line has no middle round");
    Table::of(
        &rows,
        &[
            ("", |row| row["line"].as_str().map(|line| in_words(line).to_owned())),
            COLUMNS[1],
            COLUMNS[3],
            ("ours through Kafka ÷ this: p50 (rounds)", COLUMNS[6].1),
            COLUMNS[7],
        ],
    )
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

pub fn text(report: &Value) -> Result<String> {
    let rows = rows(report)?;
    let mut text = Table::of(&rows, &COLUMNS[..6])?.text();
    let ratios: Vec<String> = report["ratios"].as_array().into_iter().flatten().filter_map(ratio_line).collect();
    if !ratios.is_empty() {
        text += "\nRatios within a round, the median of the rounds (the least … the most):\n";
        text += &ratios.concat();
    }
    for row in &rows {
        let (line, own) = (row["line"].as_str().unwrap_or_default(), &row["middle"]["consumer_report"]);
        if !is_ours(line) || own.is_null() {
            continue;
        }
        text += &format!("\n{line}: its report says {} shown, {}", own["shown"], losses(&own["lost"]));
        let (seen, total) = (row["middle"]["all_frames_p50_us"].as_f64(), own["total_us"]["p50"].as_f64());
        if let (Some(seen), Some(total)) = (seen.map(|us| us / 1e3), total.map(|us| us / 1e3)) {
            let (apart, met) = (seen - total, verdict(seen - total <= 1.5));
            text += &format!("; p50 of all frames {total:.2}, seen {seen:.2}, {apart:+.2}: goal <= 1.5 {met}");
        }
    }
    Ok(text + "\n")
}

fn ratio_line(ratio: &Value) -> Option<String> {
    let goal = |figure: &str| Some((ratio["goals"][figure].as_f64()?, ratio[figure]["median"].as_f64()?));
    let goal = goal("p50").zip(goal("p99")).map_or(String::new(), |((goal_p50, p50), (goal_p99, p99))| {
        let met = verdict(p50 <= goal_p50 && p99 <= goal_p99);
        format!("goal <= {goal_p50:.2}, {goal_p99:.2} {met}")
    });
    let case = format!("{} / {}", ratio["of"].as_str()?, ratio["to"].as_str()?);
    let line = format!("  {case:<32} p50 {:<20} p99 {:<20}{goal}", spread(&ratio["p50"])?, spread(&ratio["p99"])?);
    Some(line.trim_end().to_owned() + "\n")
}

/// For example `2 superseded, 1 lost`.
fn losses(lost: &Value) -> String {
    let lost: BTreeMap<String, u64> = serde_json::from_value(lost.clone()).unwrap_or_default();
    let some = lost.iter().filter(|(_, count)| **count > 0);
    let losses = some.map(|(reason, count)| format!("{count} {reason}")).join(", ");
    if losses.is_empty() { "none lost".to_owned() } else { losses }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(names: &[&str]) -> Value {
        let latency = json!({ "p50": 8000, "p90": 9000, "p99": 10_000, "max": 11_000 });
        let round = json!({ "round": 2, "shown": 5, "of": 6, "latency_us": latency });
        let line = |name: &&str| json!({ "line": name, "middle_round": 2, "rounds": [round] });
        let ratio = json!({ "median": 0.9, "min": 0.8, "max": 1.0 });
        let ratio = json!({ "of": "ours-real", "to": names[names.len() - 1], "p50": ratio, "p99": ratio });
        json!({ "lines": names.iter().map(line).collect::<Vec<_>>(), "ratios": [ratio] })
    }

    #[test]
    fn the_others_have_our_ratios_beside_them() {
        let table = table(&report(&["ours-real", "gstreamer"])).unwrap().markdown();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(rows[0], "| ours-real | 8.00 | 9.00 | 10.00 | 11.00 | 5 of 6 |  |  |  |  |");
        let ratio = "0.90 (0.80…1.00)";
        assert_eq!(rows[1], format!("| gstreamer | 8.00 | 9.00 | 10.00 | 11.00 | 5 of 6 | {ratio} | {ratio} |  |  |"));
    }

    #[test]
    fn a_line_that_never_ran_has_no_figures() {
        let report = json!({ "lines": [{ "line": "gstreamer", "middle_round": null, "rounds": [] }], "ratios": [] });
        assert_eq!(
            table(&report).unwrap().markdown().lines().nth(2),
            Some("| gstreamer | no run |  |  |  |  |  |  |  |  |")
        );
        assert!(short_table(&report).is_err());
    }

    #[test]
    fn the_short_table_has_lines_in_words() {
        let table = short_table(&report(&["imagezmq"])).unwrap().markdown();
        let row = "| imagezmq with simplejpeg, no broker | 8.00 | 10.00 | 0.90 (0.80…1.00) | 0.90 (0.80…1.00) |";
        assert_eq!(table.lines().nth(2), Some(row));
    }

    #[test]
    fn losses_are_listed_by_reason() {
        assert_eq!(losses(&json!({})), "none lost");
        assert_eq!(losses(&json!({ "late": 0, "superseded": 2 })), "2 superseded");
    }
}
