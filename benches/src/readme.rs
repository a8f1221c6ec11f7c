//! `vidbench readme`: tables in the project's texts, made from the results that are kept.
//!
//! ```text
//! <!-- bench:NAME -->          a table of benches/results/NAME.json goes between these two lines,
//! <!-- bench:end -->           in place of what stood there
//! <!-- bench:peers short -->   the same result with fewer columns, and its lines in words
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use common::words::count;
use itertools::Itertools;
use serde_json::Value;
use testkit::workspace::root;

use crate::messages::latency;
use crate::peers::report as peers;
use crate::table::Table;
use crate::{browser, floor, pages, run, streams};

const BEGIN: &str = "<!-- bench:";
const CLOSE: &str = " -->";
/// The name that marks the end of a table.
const END: &str = "end";
/// A marker with this ending stands for the table with fewer columns.
const SHORT: &str = " short";

#[derive(Args, Clone, Debug)]
pub struct ReadmeArgs {
    /// The texts [default: the project's README.md, docs/benchmarks.md and benches/README.md]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the results are [default: the project's benches/results]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Change nothing; exit with 1 if a table is not the one that the results make
    #[arg(long)]
    check: bool,
}

pub fn run(args: &ReadmeArgs) -> Result<ExitCode> {
    let root = root();
    let results = args.results.clone().unwrap_or_else(|| root.join("benches/results"));
    let own = ["README.md", "docs/benchmarks.md", "benches/README.md"].map(|name| root.join(name)).to_vec();
    let files = if args.files.is_empty() { &own } else { &args.files };
    let mut code = ExitCode::SUCCESS;
    for file in files {
        let old = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let new = rewritten(&old, |name| table(&results, name)).with_context(|| file.display().to_string())?;
        if new == old {
            continue;
        }
        if args.check {
            tracing::error!("{} has tables that are not of the results: run vidbench readme", file.display());
            code = ExitCode::FAILURE;
        } else {
            std::fs::write(file, new).with_context(|| format!("writing {}", file.display()))?;
            tracing::info!("wrote {}", file.display());
        }
    }
    Ok(code)
}

/// The table that a marker names; `None` if there is no result for it yet.
fn table(results: &Path, marker: &str) -> Result<Option<String>> {
    let path = results.join(format!("{}.json", marker.trim_end_matches(SHORT)));
    if !path.is_file() {
        tracing::warn!("there is no {}: its table stays as it is", path.display());
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    of_result(&text, marker.ends_with(SHORT)).map(Some).with_context(|| path.display().to_string())
}

/// The table of a result, followed by the machine and commit of the measurement. The command that made the result
/// determines the kind of table; the columns after the first ones are for the terminal only.
fn of_result(text: &str, short: bool) -> Result<String> {
    let report: Value = serde_json::from_str(text)?;
    let program = report["program"].as_str().and_then(|program| program.strip_prefix("vidbench "));
    let cases = || report["cases"].as_array().context("there are no cases");
    let table = match program.context("it is no result of vidbench")? {
        "peers" if short => peers::short_table(&report)?,
        _ if short => bail!("only a result of vidbench peers has a short table"),
        "peers" => peers::table(&report)?,
        "run" => Table::of(cases()?, &run::COLUMNS[..12])?,
        "floor" => Table::of(cases()?, &floor::COLUMNS[..8])?,
        "streams" => Table::of(cases()?, &streams::COLUMNS[..8])?,
        "browser" => Table::of(cases()?, &browser::COLUMNS)?,
        "pages" => Table::of(cases()?, &pages::COLUMNS)?,
        "kafka" => Table::of(cases()?, &latency::COLUMNS[..11])?,
        "hop" => latency::pairs_table(&report)?,
        other => bail!("there is no table for a result of {other}"),
    };
    Ok(format!("{}\n{}\n", table.markdown(), provenance(&report).context("machine, rounds or brokers are missing")?))
}

fn provenance(report: &Value) -> Option<String> {
    let commit = report["commit"].as_str().unwrap_or("unknown");
    let changed = if commit.ends_with("changed") { " with changes" } else { "" };
    let commit = commit.get(..7).unwrap_or(commit);
    let versions = report["brokers"].as_array()?.iter().filter_map(|broker| broker["version"].as_str());
    let (program, cpu) = (report["program"].as_str()?, report["machine"]["cpu"].as_str()?);
    let rounds = count(report["settings"]["rounds"].as_u64()?, "round");
    let (cores, versions) = (count(report["machine"]["cores"].as_u64()?, "core"), versions.unique().join(", "));
    Some(format!("`{program}`, {rounds}; {cpu}, {cores}; {versions}; commit {commit}{changed}."))
}

/// Returns the text with a fresh table between each pair of markers; if `table` returns `None`, the old one stays. A
/// marker is a line by itself.
fn rewritten(text: &str, table: impl Fn(&str) -> Result<Option<String>>) -> Result<String> {
    let mut new = String::new();
    // Name of the result whose table we are in, and true if the lines of the old table are kept.
    let mut inside: Option<(&str, bool)> = None;
    for line in text.split_inclusive('\n') {
        let marker = line.trim_end().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(CLOSE));
        match (marker, inside) {
            (Some(END), Some(_)) => inside = None,
            (Some(END), None) => bail!("an end of a bench table stands without a beginning"),
            (Some(name), Some((outer, _))) => bail!("the table of {outer} has no end before that of {name}"),
            (Some(name), None) => {
                let table = table(name)?;
                inside = Some((name, table.is_none()));
                new.push_str(line);
                new.extend(table.map(|table| format!("{}\n", table.trim_end())));
                continue;
            }
            (None, Some((_, false))) => continue,
            (None, _) => {}
        }
        new.push_str(line);
    }
    match inside {
        None => Ok(new),
        Some((name, _)) => bail!("the table of {name} has no end: {BEGIN}{END}{CLOSE}"),
    }
}

#[cfg(test)]
pub mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let table = |name: &str| Ok((name != "unmeasured").then(|| format!("| {name} |\n")));
        let got = rewritten(text, table).map_err(|error| error.to_string());
        assert_eq!(got.as_deref().map_err(String::as_str), expected, "{text}");
    }

    /// Asserts that a new figure has every field of one in a committed result.
    pub fn has_the_fields_of(file: &str, pointer: &str, new: &Value) {
        fn check(old: &Value, new: &Value, place: &str) {
            match (old, new) {
                (Value::Object(old), Value::Object(new)) => {
                    for (name, old) in old {
                        let place = format!("{place}/{name}");
                        // Names of stages and of reasons, which depend on the run.
                        let names_differ = ["stages", "stages_us", "rounds_stages_ms", "lost", "sums", "frames"]
                            .contains(&name.as_str());
                        let new = new.get(name).unwrap_or_else(|| panic!("{place} is missing"));
                        if !names_differ {
                            check(old, new, &place);
                        }
                    }
                }
                (Value::Array(old), Value::Array(new)) => {
                    old.first().into_iter().zip(new.first()).for_each(|(old, new)| check(old, new, place));
                }
                _ => {}
            }
        }
        let text = std::fs::read_to_string(root().join("benches/results").join(file)).unwrap();
        let old: Value = serde_json::from_str(&text).unwrap();
        check(old.pointer(pointer).expect("the committed result has it"), new, file);
    }

    #[test]
    fn committed_results_make_the_committed_tables() {
        for name in ["README.md", "docs/benchmarks.md", "benches/README.md"] {
            let text = std::fs::read_to_string(root().join(name)).unwrap();
            let made = rewritten(&text, |marker| table(&root().join("benches/results"), marker)).unwrap();
            assert!(made == text, "{name}: run vidbench readme");
        }
    }

    #[test]
    fn a_table_says_where_it_was_measured() {
        let file = root().join("benches/results/run.json");
        let text = std::fs::read_to_string(file).unwrap();
        let table = |commit: &str, program: &str| {
            let mut result: Value = serde_json::from_str(&text).unwrap();
            result["commit"] = commit.into();
            result["program"] = program.into();
            result["settings"]["rounds"] = 1.into();
            result["machine"] = json!({ "host": "h", "os": "o", "cpu": "a CPU", "cores": 2, "memory_mb": 1 });
            let broker = json!({ "name": "n", "address": "a", "version": "vidbroker 0.1.0" });
            result["brokers"] = json!([broker, broker]);
            of_result(&result.to_string(), false)
        };
        let last = |commit: &str| table(commit, "vidbench run").unwrap().lines().last().unwrap().to_owned();
        let end = "`vidbench run`, 1 round; a CPU, 2 cores; vidbroker 0.1.0; commit 0123456";
        assert_eq!(last("0123456789"), format!("{end}."));
        assert_eq!(last("0123456789, changed"), format!("{end} with changes."));
        assert!(table("0", "vidbench dance").is_err());
        assert!(table("0", "vidbench floor").is_err(), "its figures are others");
        assert!(of_result(&text, true).is_err(), "only peers have a short table");
        assert!(of_result("{}", false).is_err());
    }

    #[test]
    fn tables_stand_between_their_markers() {
        check("no marker", Ok("no marker"));
        check("as in `<!-- bench:run -->`", Ok("as in `<!-- bench:run -->`"));
        check(
            "a\n<!-- bench:run -->\nold\n<!-- bench:end -->\nb\n<!-- bench:floor -->\n<!-- bench:end -->",
            Ok(
                "a\n<!-- bench:run -->\n| run |\n<!-- bench:end -->\nb\n<!-- bench:floor -->\n| floor |\n<!-- bench:end -->",
            ),
        );
    }

    #[test]
    fn a_second_time_changes_nothing() {
        let once = "<!-- bench:run -->\n| run |\n<!-- bench:end -->\n";
        check(once, Ok(once));
    }

    #[test]
    fn what_was_not_measured_stays() {
        let text = "<!-- bench:unmeasured -->\nold\n<!-- bench:end -->";
        check(text, Ok(text));
    }

    #[test]
    fn a_marker_without_its_other_is_an_error() {
        check("<!-- bench:run -->\n", Err("the table of run has no end: <!-- bench:end -->"));
        check(
            "<!-- bench:a -->\n<!-- bench:b -->\n<!-- bench:end -->",
            Err("the table of a has no end before that of b"),
        );
        check("<!-- bench:end -->", Err("an end of a bench table stands without a beginning"));
    }
}
