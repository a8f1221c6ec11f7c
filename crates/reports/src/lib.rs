//! The requested reports, their formats (from the file extension), and writing them at the end.

pub mod recorder;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;
use charts::Figure;
use clap::Args;
use common::report::percentiles;
use common::time::{Latency, Stage};

use cli::kinds;
use cli::output::Output;

/// Name of the latency from published to acknowledged, in file names.
const ACKNOWLEDGE: &str = "acknowledge";

/// Extensions that a report may have. With .txt, .log or no extension it is JSON.
const EXTENSIONS: [&str; 10] = ["json", "txt", "log", "html", "htm", "svg", "png", "hgrm", "hlog", "csv"];
const INSTEAD: &str = "name it .json, .html, .svg, .png, .hgrm, .hlog or .csv";

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Report")]
pub struct ReportArgs {
    /// Write the report to a file, as JSON or by its extension (repeatable; '-': standard output)
    ///
    /// .html: a page with charts; .svg, .png: the charts alone; .csv: a line for each frame; .hgrm: HdrHistogram's
    /// percentiles, with those of each stage in files beside it, as in FILE.decode.hgrm; .hlog: HdrHistogram's interval log.
    #[arg(long = "report", value_name = "FILE|-")]
    pub files: Vec<ReportFile>,
    /// Draw a histogram of the latency below the status line, on a terminal
    #[arg(long, hide_short_help = true)]
    pub live_histogram: bool,
}

impl ReportArgs {
    pub fn to_stdout(&self) -> bool {
        self.files.iter().any(|file| file.to == Output::Stdout)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReportFormat {
    Json,
    /// The whole report as one page.
    Html,
    /// The charts alone.
    Svg,
    Png,
    /// HdrHistogram's percentiles.
    Hgrm,
    /// HdrHistogram's interval log, written during the run.
    Hlog,
    /// A line for each frame, written during the run.
    Csv,
}

/// The value of one `--report`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportFile {
    pub format: ReportFormat,
    pub to: Output,
}

impl FromStr for ReportFile {
    type Err = String;

    fn from_str(text: &str) -> Result<ReportFile, String> {
        let to = text.parse::<Output>()?.of_kind("a report", &EXTENSIONS, INSTEAD)?;
        let extension = match &to {
            Output::Stdout => String::new(),
            Output::File(path) => kinds::extension(path),
        };
        let format = match extension.as_str() {
            "html" | "htm" => ReportFormat::Html,
            "svg" => ReportFormat::Svg,
            "png" => ReportFormat::Png,
            "hgrm" => ReportFormat::Hgrm,
            "hlog" => ReportFormat::Hlog,
            "csv" => ReportFormat::Csv,
            _ => ReportFormat::Json,
        };
        Ok(ReportFile { format, to })
    }
}

impl ReportFile {
    pub fn hgrm(path: PathBuf) -> ReportFile {
        ReportFile { format: ReportFormat::Hgrm, to: Output::File(path) }
    }

    /// All files that it may write, as absolute paths, so that different spellings of a path are equal.
    fn places(&self) -> Vec<Output> {
        let Output::File(path) = &self.to else { return vec![Output::Stdout] };
        let mut paths = vec![path.clone()];
        if self.format == ReportFormat::Hgrm {
            paths.extend(Stage::ALL.iter().map(|stage| beside(path, stage.name())));
            paths.push(beside(path, ACKNOWLEDGE));
        }
        paths.into_iter().map(|path| Output::File(std::path::absolute(&path).unwrap_or(path))).collect()
    }
}

/// Refuses two reports that would go to the same file.
pub fn check_distinct(reports: &[ReportFile]) -> Result<(), String> {
    let mut taken: Vec<Output> = Vec::new();
    for report in reports {
        let places = report.places();
        if let Some(place) = places.iter().find(|place| taken.contains(place)) {
            return Err(format!("two reports go to {place}: give each a file of its own"));
        }
        taken.extend(places);
    }
    Ok(())
}

/// Fails now, rather than after an hour, if a report cannot be written.
pub fn check_writable(reports: &[ReportFile]) -> anyhow::Result<()> {
    reports.iter().try_for_each(|report| report.to.check())
}

/// Ends a run: prints the report on standard error, and writes it in each requested format. A failure of one does not
/// prevent the others.
pub fn write_all(figure: &Figure<'_>, reports: &[ReportFile]) -> anyhow::Result<()> {
    cli::logging::print_report(figure.report);
    let written: Vec<anyhow::Result<()>> = reports.iter().map(|report| write(figure, report)).collect();
    written.into_iter().collect()
}

fn write(figure: &Figure<'_>, report: &ReportFile) -> anyhow::Result<()> {
    let to = &report.to;
    let bytes = match report.format {
        // These were written during the run.
        ReportFormat::Hlog | ReportFormat::Csv => return Ok(()),
        ReportFormat::Json => serde_json::to_string_pretty(figure.report).context("making the report")? + "\n",
        ReportFormat::Html => charts::html(figure)?,
        ReportFormat::Svg => charts::svg(figure)?,
        ReportFormat::Png => return write_bytes(to, &charts::png(figure)?),
        ReportFormat::Hgrm => return write_histograms(figure, to),
    };
    write_bytes(to, bytes.as_bytes())
}

/// Writes the total to the file, and each stage to a file beside it, such as `FILE.decode.hgrm`.
fn write_histograms(figure: &Figure<'_>, to: &Output) -> anyhow::Result<()> {
    let write = |latency: &Latency, to: &Output| write_bytes(to, percentiles(latency).as_bytes());
    write(&figure.latencies.total, to)?;
    let Output::File(path) = to else { return Ok(()) };
    for &stage in figure.stages {
        write(figure.latencies.stage(stage), &Output::File(beside(path, stage.name())))?;
    }
    figure.acknowledge.map_or(Ok(()), |latency| write(latency, &Output::File(beside(path, ACKNOWLEDGE))))
}

fn beside(path: &Path, name: &str) -> PathBuf {
    path.with_extension(format!("{name}.hgrm"))
}

fn write_bytes(to: &Output, bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = to.create()?;
    out.write_all(bytes).and_then(|()| out.flush()).with_context(|| format!("writing the report to {to}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> ReportFile {
        text.parse().expect("any name is one")
    }

    #[test]
    fn the_extension_selects_the_format() {
        let check = |name: &str, format: ReportFormat| assert_eq!(file(name).format, format, "{name}");
        check("-", ReportFormat::Json);
        check("out/run.json", ReportFormat::Json);
        check("report", ReportFormat::Json);
        check("a.b/report.HTML", ReportFormat::Html);
        check("x.svg", ReportFormat::Svg);
        check("x.png", ReportFormat::Png);
        check("x.decode.hgrm", ReportFormat::Hgrm);
        check("x.hlog", ReportFormat::Hlog);
        check("x.csv", ReportFormat::Csv);
        check("x.txt", ReportFormat::Json);
        check("x.2026-01-31", ReportFormat::Json);
    }

    #[test]
    fn a_name_of_another_kind_is_refused_with_the_kinds_that_there_are() {
        for name in ["out.pdf", "a/x.GIF", "x.jpg", "x.mp4", "report.json.gz"] {
            let error = name.parse::<ReportFile>().expect_err(name);
            assert!(error.contains("a report cannot go into") && error.contains(".html"), "{error}");
        }
        assert!("".parse::<ReportFile>().is_err());
    }

    #[test]
    fn two_reports_in_one_file_are_refused() {
        let refused = |names: &[&str]| {
            let reports: Vec<ReportFile> = names.iter().map(|name| file(name)).collect();
            check_distinct(&reports).is_err()
        };
        assert!(refused(&["-", "-"]));
        assert!(refused(&["a.csv", "./a.csv"]));
        assert!(refused(&["a.csv", &std::path::absolute("a.csv").expect("it has one").display().to_string()]));
        assert!(refused(&["x.decode.hgrm", "x.hgrm"]), "it would be written over");
        assert!(refused(&["x.hgrm", "./x.acknowledge.hgrm"]));
        assert!(!refused(&["-", "a.csv", "a.hlog", "b/a.csv", "a.hgrm", "b.hgrm", "b/a.hgrm", "a.decode.csv"]));
    }
}
