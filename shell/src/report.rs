//! Which reports a person asked for, in what form (a name's extension says so), and their writing at the end.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail};
use charts::Figure;
use clap::Args;
use common::latency::Latency;
use common::report::percentiles;

use crate::output::Output;

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Report")]
pub struct ReportArgs {
    /// Write the report (repeatable; '-': standard output). The name says the format: .html is a page with charts; .svg and
    /// .png the charts; .hgrm HdrHistogram's percentiles, each stage's beside it as in FILE.decode.hgrm; .hlog its interval
    /// log; .csv a line for each frame; all else JSON
    #[arg(long = "report", value_name = "FILE|-")]
    pub files: Vec<ReportFile>,
    /// Draw the latency below the status line while it runs, on a terminal
    #[arg(long)]
    pub live_histogram: bool,
}

impl ReportArgs {
    pub fn to_stdout(&self) -> bool {
        self.files.iter().any(|file| file.to == Output::Stdout)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Json,
    /// The whole report as one page.
    Html,
    /// The charts alone.
    Svg,
    Png,
    /// HdrHistogram's percentiles.
    Hgrm,
    /// HdrHistogram's interval log, written as it runs.
    Hlog,
    /// A line for each frame, written as it runs.
    Csv,
}

/// One `--report`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportFile {
    pub format: Format,
    pub to: Output,
}

impl FromStr for ReportFile {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<ReportFile, Self::Err> {
        let to: Output = text.parse()?;
        let extension = match &to {
            Output::Stdout => String::new(),
            Output::File(path) => path.extension().unwrap_or_default().to_string_lossy().to_lowercase(),
        };
        let format = match extension.as_str() {
            "html" | "htm" => Format::Html,
            "svg" => Format::Svg,
            "png" => Format::Png,
            "hgrm" => Format::Hgrm,
            "hlog" => Format::Hlog,
            "csv" => Format::Csv,
            _ => Format::Json,
        };
        Ok(ReportFile { format, to })
    }
}

impl ReportFile {
    pub fn hgrm(path: PathBuf) -> ReportFile {
        ReportFile { format: Format::Hgrm, to: Output::File(path) }
    }
}

/// Fails now rather than after an hour if one of them cannot be written.
pub fn check(reports: &[ReportFile]) -> anyhow::Result<()> {
    for (i, report) in reports.iter().enumerate() {
        report.to.check()?;
        if reports[..i].iter().any(|other| other.to == report.to) {
            bail!("two reports go to {}: give each a file of its own", report.to);
        }
    }
    Ok(())
}

/// Ends a run: the report in words on standard error, and in each form that was asked for. One that cannot be written does
/// not keep the others from being written.
pub fn tell(figure: &Figure<'_>, reports: &[ReportFile]) -> anyhow::Result<()> {
    crate::logging::print_report(figure.report);
    let written: Vec<anyhow::Result<()>> = reports.iter().map(|report| write(figure, report)).collect();
    written.into_iter().collect()
}

fn write(figure: &Figure<'_>, report: &ReportFile) -> anyhow::Result<()> {
    let to = &report.to;
    let bytes = match report.format {
        // These were written as it ran.
        Format::Hlog | Format::Csv => return Ok(()),
        Format::Json => serde_json::to_string_pretty(figure.report).context("making the report")? + "\n",
        Format::Html => charts::html(figure)?,
        Format::Svg => charts::svg(figure)?,
        Format::Png => return write_bytes(to, &charts::png(figure)?),
        Format::Hgrm => return write_histograms(figure, to),
    };
    write_bytes(to, bytes.as_bytes())
}

/// The total there, each stage into a file beside it, as in `FILE.decode.hgrm`.
fn write_histograms(figure: &Figure<'_>, to: &Output) -> anyhow::Result<()> {
    let write = |latency: &Latency, to: &Output| write_bytes(to, percentiles(latency).as_bytes());
    write(&figure.latencies.total, to)?;
    let Output::File(path) = to else { return Ok(()) };
    let beside = |name: &str| Output::File(path.with_extension(format!("{name}.hgrm")));
    for &stage in figure.stages {
        write(figure.latencies.stage(stage), &beside(stage.name()))?;
    }
    figure.acknowledge.map_or(Ok(()), |latency| write(latency, &beside("acknowledge")))
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
    fn the_extension_says_the_format() {
        let check = |name: &str, format: Format| assert_eq!(file(name).format, format, "{name}");
        check("-", Format::Json);
        check("out/run.json", Format::Json);
        check("report", Format::Json);
        check("a.b/report.HTML", Format::Html);
        check("x.svg", Format::Svg);
        check("x.png", Format::Png);
        check("x.decode.hgrm", Format::Hgrm);
        check("x.hlog", Format::Hlog);
        check("x.csv", Format::Csv);
    }

    #[test]
    fn two_reports_in_one_file_are_refused() {
        assert!(check(&[file("-"), file("-")]).is_err());
        assert!(check(&[file("-")]).is_ok());
    }
}
