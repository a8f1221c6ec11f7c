//! A result as a table in Markdown, followed by the machine and commit of the measurement.

use anyhow::{Context, bail};
use common::words::count;
use serde_json::Value;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Columns {
    All,
    /// The columns that fit on a page about something else.
    Few,
}

/// Makes the table for a result; the command that made the result determines the kind of table.
pub fn of(result: &Value, columns: Columns) -> anyhow::Result<String> {
    let command = text(result, "/program")?;
    let (head, rows) = match command.as_str() {
        "vidbench peers" if columns == Columns::Few => few_of_peers(result)?,
        _ if columns == Columns::Few => bail!("only a result of vidbench peers has a short table"),
        "vidbench hop" => hop(result)?,
        "vidbench run" => run(result)?,
        "vidbench floor" => floor(result)?,
        "vidbench kafka" => kafka(result)?,
        "vidbench streams" => streams(result)?,
        "vidbench peers" => peers(result)?,
        other => bail!("there is no table for a result of {other}"),
    };
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    let rows: String = rows.iter().map(|row| line(row)).collect();
    let head: Vec<String> = head.into_iter().map(str::to_owned).collect();
    Ok(format!("{}{rule}{rows}\n{}\n", line(&head), provenance(result, &command)?))
}

type Table = (Vec<&'static str>, Vec<Vec<String>>);

fn provenance(result: &Value, command: &str) -> anyhow::Result<String> {
    let (cpu, cores) = (text(result, "/machine/cpu")?, number(result, "/machine/cores")?);
    let commit = result.pointer("/commit").and_then(Value::as_str).unwrap_or("unknown");
    let changed = if commit.ends_with("changed") { " with changes" } else { "" };
    let commit = commit.get(..7).unwrap_or(commit);
    let versions =
        array(result, "/brokers")?.iter().map(|b| text(b, "/version")).collect::<anyhow::Result<Vec<_>>>()?;
    let mut once: Vec<String> = Vec::new();
    versions.into_iter().for_each(|v| once.extend((!once.contains(&v)).then_some(v)));
    Ok(format!(
        "`{command}`, {}; {cpu}, {}; {}; commit {commit}{changed}.",
        count(rounds(result)?, "round"),
        count(cores, "core"),
        once.join(", ")
    ))
}

fn rounds(result: &Value) -> anyhow::Result<f64> {
    number(result, "/settings/rounds")
}

/// Two brokers beside each other, paired as in `between_brokers`: p50 and p99 of a pair are in one row.
fn hop(result: &Value) -> anyhow::Result<Table> {
    let head = vec!["", "p50 built in", "p50 Kafka", "ratio (rounds)", "p99 built in", "p99 Kafka", "ratio (rounds)"];
    let cases = array(result, "/cases")?;
    let us = |side: &Value, figure: &str| {
        let same = |case: &&Value| ["broker", "fps", "consumers"].iter().all(|key| case[key] == side[key]);
        let case = cases.iter().find(same).context("a ratio without its cases")?;
        ms(case, &format!("/from_send_us/{figure}"))
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for ratio in array(result, "/between_brokers")? {
        let (of, to, figure) = (&ratio["of"], &ratio["to"], text(ratio, "/figure")?);
        let cells = [us(of, &figure)?, us(to, &figure)?, spread(ratio, "/ratio")?];
        if figure == "p50" {
            let consumers = number(of, "/consumers")?;
            let plural = if consumers > 1.0 { "s" } else { "" };
            rows.push(vec![format!("{} fps, {consumers} consumer{plural}", number(of, "/fps")?)]);
        }
        rows.last_mut().context("a p99 before its p50")?.extend(cells);
    }
    Ok((head, rows))
}

fn run(result: &Value) -> anyhow::Result<Table> {
    let head =
        vec!["size", "fps", "broker", "acks", "p50", "p90", "p99", "p99.9", "max", "shown", "CPU vidprod", "vidcons"];
    let row = |case: &Value| {
        let total = |figure: &str| ms(case, &format!("/total_us/{figure}/median"));
        let cpu = |program: &str| ms(case, &format!("/cpu_us_a_frame/{program}/median"));
        let shown = format!("{} of {}", number(case, "/shown")?, number(case, "/captured")?);
        let limit = case["limit"].as_u64().map_or(String::new(), |bytes| format!(", parts of {bytes}"));
        let figures = [total("p50")?, total("p90")?, total("p99")?, total("p999")?, ms(case, "/total_us/max")?];
        let mut row = vec![text(case, "/size")? + &limit, number(case, "/fps")?.to_string()];
        row.extend([text(case, "/broker")?, text(case, "/acks")?]);
        row.extend(figures);
        row.extend([shown, cpu("vidprod")?, cpu("vidcons")?]);
        Ok(row)
    };
    Ok((head, rows(result, row)?))
}

fn floor(result: &Value) -> anyhow::Result<Table> {
    let head = vec!["broker", "encode", "bare hop", "decode", "present", "sum", "whole", "whole / sum (rounds)"];
    let row = |case: &Value| {
        let mut row = vec![text(case, "/broker")?];
        for stage in ["encode", "hop", "decode", "present", "sum", "whole"] {
            row.push(ms(case, &format!("/p50_us/{stage}/median"))?);
        }
        row.push(spread(case, "/ratio")?);
        Ok(row)
    };
    Ok((head, rows(result, row)?))
}

fn kafka(result: &Value) -> anyhow::Result<Table> {
    let head =
        vec!["broker", "bytes", "acks", "linger, ms", "consumers", "records", "p50, µs", "p90", "p99", "p99.9", "max"];
    let row = |case: &Value| {
        let mut row = vec![text(case, "/broker")?];
        let told = |path: &str| number(case, path).map(|n| n.to_string());
        row.extend([told("/bytes")?, text(case, "/acks")?, told("/linger_ms")?, told("/consumers")?]);
        for figure in ["count", "p50", "p90", "p99", "p999", "max"] {
            row.push(told(&format!("/from_send_us/{figure}"))?);
        }
        Ok(row)
    };
    Ok((head, rows(result, row)?))
}

fn streams(result: &Value) -> anyhow::Result<Table> {
    let head = vec!["broker", "sources", "viewers", "p50", "p99", "lost", "CPU vidprod", "vidcons"];
    let row = |case: &Value| {
        let told = |path: &str| number(case, path).map(|n| n.to_string());
        let mut row = vec![text(case, "/broker")?, told("/sources")?, told("/viewers")?];
        if case["saw_nothing"].as_u64().unwrap_or(0) > 0 {
            // Some viewers have no latency.
            row.extend(["–".to_owned(), "–".to_owned(), told("/lost")?]);
        } else {
            row.extend([ms(case, "/p50_us")?, ms(case, "/p99_us")?, told("/lost")?]);
        }
        row.extend([ms(case, "/cpu_us_a_frame/vidprod")?, ms(case, "/cpu_us_a_frame/vidcons")?]);
        Ok(row)
    };
    Ok((head, rows(result, row)?))
}

/// Each line with its middle round, and the ratios of our programs to it. A ratio belongs to the line in its row.
fn peers(result: &Value) -> anyhow::Result<Table> {
    let head =
        vec!["line", "p50", "p90", "p99", "max", "shown", "ours, Kafka: p50", "p99", "ours, built in: p50", "p99"];
    let ratios = array(result, "/ratios")?;
    let beside = |ours: &str, line: &str| -> anyhow::Result<[String; 2]> {
        let of_both = |ratio: &&Value| ratio["of"] == ours && ratio["to"] == line;
        ratios
            .iter()
            .find(of_both)
            .map_or(Ok([String::new(), String::new()]), |ratio| Ok([spread(ratio, "/p50")?, spread(ratio, "/p99")?]))
    };
    let row = |line: &Value| {
        let name = text(line, "/line")?;
        let middle = number(line, "/middle_round")?;
        let rounds = array(line, "/rounds")?.iter();
        let round = rounds.clone().find(|r| r["round"].as_f64() == Some(middle)).context("no middle round")?;
        let mut row = vec![name.clone()];
        for figure in ["p50", "p90", "p99", "max"] {
            row.push(ms(round, &format!("/latency_us/{figure}"))?);
        }
        row.push(format!("{} of {}", number(round, "/shown")?, number(round, "/of")?));
        row.extend(beside("ours-real", &name)?);
        row.extend(beside("ours-embedded", &name)?);
        Ok(row)
    };
    Ok((head, array(result, "/lines")?.iter().map(row).collect::<anyhow::Result<_>>()?))
}

/// Each line's middle round, and our latency through Kafka as a ratio to it.
fn few_of_peers(result: &Value) -> anyhow::Result<Table> {
    let (_, rows) = peers(result)?;
    let row = |mut row: Vec<String>| {
        let name = in_words(&row[0]).to_owned();
        let [p50, p99, ours_p50, ours_p99] = [1, 3, 6, 7].map(|column| std::mem::take(&mut row[column]));
        vec![name, p50, p99, ours_p50, ours_p99]
    };
    let head = vec!["", "p50", "p99", "ours through Kafka ÷ this: p50 (rounds)", "p99"];
    Ok((head, rows.into_iter().map(row).collect()))
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

fn rows(result: &Value, row: impl Fn(&Value) -> anyhow::Result<Vec<String>>) -> anyhow::Result<Vec<Vec<String>>> {
    array(result, "/cases")?.iter().map(row).collect()
}

fn array<'a>(value: &'a Value, path: &str) -> anyhow::Result<&'a Vec<Value>> {
    value.pointer(path).and_then(Value::as_array).with_context(|| format!("{path} is missing"))
}

fn text(value: &Value, path: &str) -> anyhow::Result<String> {
    let text = value.pointer(path).and_then(Value::as_str);
    text.map(str::to_owned).with_context(|| format!("{path} is missing"))
}

fn number(value: &Value, path: &str) -> anyhow::Result<f64> {
    value.pointer(path).and_then(Value::as_f64).with_context(|| format!("{path} is missing"))
}

/// Formats a number of µs as ms.
fn ms(value: &Value, path: &str) -> anyhow::Result<String> {
    Ok(format!("{:.2}", number(value, path)? / 1e3))
}

fn spread(value: &Value, path: &str) -> anyhow::Result<String> {
    let of = |figure: &str| number(value, &format!("{path}/{figure}"));
    Ok(format!("{:.2} ({:.2}…{:.2})", of("median")?, of("min")?, of("max")?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn result(command: &str, mut rest: Value) -> Value {
        rest["program"] = json!(format!("vidbench {command}"));
        rest["machine"] = json!({ "cpu": "a CPU", "cores": 2 });
        rest["commit"] = json!("0123456789");
        rest["settings"] = json!({ "rounds": 3 });
        rest["brokers"] = json!([{ "version": "vidbroker 0.1.0" }, { "version": "vidbroker 0.1.0" }]);
        rest
    }

    #[test]
    fn a_result_becomes_a_table_and_says_where_it_was_measured() {
        let spread = json!({ "median": 1200.0, "min": 1.0, "max": 1.3 });
        let case = json!({
            "broker": "real",
            "p50_us": {
                "encode": spread, "hop": spread, "decode": spread, "present": spread, "sum": spread, "whole": spread,
            },
            "ratio": { "median": 1.2, "min": 1.1, "max": 1.25 },
        });
        let table = of(&result("floor", json!({ "cases": [case] })), Columns::All).unwrap();
        assert_eq!(
            table,
            "| broker | encode | bare hop | decode | present | sum | whole | whole / sum (rounds) |\n\
             |---|---|---|---|---|---|---|---|\n\
             | real | 1.20 | 1.20 | 1.20 | 1.20 | 1.20 | 1.20 | 1.20 (1.10…1.25) |\n\n\
             `vidbench floor`, 3 rounds; a CPU, 2 cores; vidbroker 0.1.0; commit 0123456.\n"
        );
    }

    #[test]
    fn what_was_measured_with_changes_says_so() {
        let mut changed = result("run", json!({ "cases": [] }));
        changed["commit"] = json!("0123456789, changed");
        assert!(of(&changed, Columns::All).unwrap().ends_with("commit 0123456 with changes.\n"));
    }

    #[test]
    fn both_figures_of_a_hop_are_one_row() {
        let side = |broker: &str| json!({ "broker": broker, "fps": 30.0, "consumers": 3 });
        let mut cases = [side("embedded"), side("real")];
        cases[0]["from_send_us"] = json!({ "p50": 610, "p99": 1390 });
        cases[1]["from_send_us"] = json!({ "p50": 1810, "p99": 5510 });
        let ratio = |figure: &str| {
            let ratio = json!({ "median": 0.33, "min": 0.23, "max": 0.38 });
            json!({ "of": side("embedded"), "to": side("real"), "figure": figure, "ratio": ratio })
        };
        let rest = json!({ "cases": cases, "between_brokers": [ratio("p50"), ratio("p99")] });
        let table = of(&result("hop", rest), Columns::All).unwrap();
        let row = "| 30 fps, 3 consumers | 0.61 | 1.81 | 0.33 (0.23…0.38) | 1.39 | 5.51 | 0.33 (0.23…0.38) |";
        assert_eq!(table.lines().nth(2), Some(row));
    }

    #[test]
    fn a_line_of_others_has_our_ratios_beside_it() {
        let round = json!({ "round": 2, "latency_us": { "p50": 8000, "p90": 9000, "p99": 10000, "max": 11000 }, "shown": 5, "of": 6 });
        let lines: Vec<Value> = ["ours-real", "gstreamer"]
            .iter()
            .map(|name| json!({ "line": name, "middle_round": 2, "rounds": [round] }))
            .collect();
        let ratio = json!({ "median": 0.9, "min": 0.8, "max": 1.0 });
        let ratio = json!({ "of": "ours-real", "to": "gstreamer", "p50": ratio, "p99": ratio });
        let table = of(&result("peers", json!({ "lines": lines, "ratios": [ratio] })), Columns::All).unwrap();
        let rows: Vec<&str> = table.lines().skip(2).take(2).collect();
        assert_eq!(rows[0], "| ours-real | 8.00 | 9.00 | 10.00 | 11.00 | 5 of 6 |  |  |  |  |");
        let ratio = "0.90 (0.80…1.00)";
        let row = format!("| gstreamer | 8.00 | 9.00 | 10.00 | 11.00 | 5 of 6 | {ratio} | {ratio} |  |  |");
        assert_eq!(rows[1], row);
    }

    #[test]
    fn the_short_table_of_peers_has_lines_in_words() {
        let round = json!({ "round": 2, "latency_us": { "p50": 8000, "p90": 9000, "p99": 10000, "max": 11000 }, "shown": 5, "of": 6 });
        let lines = json!([{ "line": "imagezmq", "middle_round": 2, "rounds": [round] }]);
        let ratio = json!({ "median": 0.9, "min": 0.8, "max": 1.0 });
        let ratios = json!([{ "of": "ours-real", "to": "imagezmq", "p50": ratio, "p99": ratio }]);
        let table = of(&result("peers", json!({ "lines": lines, "ratios": ratios })), Columns::Few).unwrap();
        let row = "| imagezmq with simplejpeg, no broker | 8.00 | 10.00 | 0.90 (0.80…1.00) | 0.90 (0.80…1.00) |";
        assert_eq!(table.lines().nth(2), Some(row));
        assert!(of(&result("run", json!({ "cases": [] })), Columns::Few).is_err());
    }

    #[test]
    fn what_is_no_result_of_ours_is_an_error() {
        assert!(of(&json!({}), Columns::All).is_err());
        assert!(of(&result("dance", json!({})), Columns::All).is_err());
        assert!(of(&result("run", json!({ "cases": [{}] })), Columns::All).is_err());
    }
}
