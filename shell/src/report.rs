//! Which reports a person asked for, and in what form: a name's extension says so.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::bail;

use crate::output::Output;

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
