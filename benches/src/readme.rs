//! `vidbench readme`: tables in the project's texts, made from the results that are kept.
//!
//! ```text
//! <!-- bench:NAME -->          a table of benches/results/NAME.json goes between these two lines,
//! <!-- bench:end -->           in place of what stood there
//! <!-- bench:peers short -->   the same result with fewer columns, and its lines in words
//! ```

mod tables;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use cli::logging::LogArgs;
use serde_json::Value;
use tables::Columns;

use crate::brokers::root;

const BEGIN: &str = "<!-- bench:";
const CLOSE: &str = " -->";
/// The name that marks the end of a table.
const END: &str = "end";

#[derive(Args, Clone, Debug)]
pub struct ReadmeArgs {
    /// The texts [default: the project's README.md, docs/benchmarks.md and benches/README.md]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Where the results are [default: the project's benches/results]
    #[arg(long, value_name = "DIR")]
    pub results: Option<PathBuf>,
    /// Change nothing; exit with 1 if a table is not the one that the results make
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub log: LogArgs,
}

pub fn run(args: &ReadmeArgs) -> anyhow::Result<ExitCode> {
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
fn table(results: &Path, marker: &str) -> anyhow::Result<Option<String>> {
    let (name, columns) = match marker.strip_suffix(" short") {
        Some(name) => (name, Columns::Few),
        None => (marker, Columns::All),
    };
    let path = results.join(format!("{name}.json"));
    if !path.is_file() {
        tracing::warn!("there is no {}: its table stays as it is", path.display());
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let result: Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    tables::of(&result, columns).map(Some).with_context(|| path.display().to_string())
}

/// Returns the text with a fresh table between each pair of markers; if `table` returns `None`, the old one stays. A
/// marker is a line by itself.
fn rewritten(text: &str, table: impl Fn(&str) -> anyhow::Result<Option<String>>) -> anyhow::Result<String> {
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
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let table = |name: &str| Ok((name != "unmeasured").then(|| format!("| {name} |\n")));
        let got = rewritten(text, table).map_err(|error| error.to_string());
        assert_eq!(got.as_deref().map_err(String::as_str), expected, "{text}");
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
