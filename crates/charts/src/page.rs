//! The report as one HTML page: tables of figures, charts inline, readable in light and dark mode.

use common::words::{bytes, count};
use std::fmt::Write;

use common::draw::PixelCheck;
use common::report::Explain;
use common::report::{Report, Summary, Sums};
use common::time::Stage;
use common::time::latency::clocks_disagree;
use plotters::style::RGBColor;
use serde_json::Value;

use crate::colours::{ACKNOWLEDGE, INK, of_stage};
use crate::{ChartError, Figure};

const STYLE: &str = include_str!("page.css");

/// Description of the charts for screen readers.
const CHARTS: &str = "Percentiles of the latency; latency over time; mean stages over time; stages of the frames at p50, \
                      p90, p99 and the largest. The table of latency has the percentiles.";

pub fn html(figure: &Figure<'_>) -> Result<String, ChartError> {
    let report = figure.report;
    let title = format!("{} {}", report.program, escaped(&text(report.settings.get("topic").unwrap_or(&Value::Null))));
    // The charts' ink becomes the page's text colour, which is light in dark mode.
    let charts = crate::draw_svg(figure, false)?.replace(&css(INK), "currentColor");
    let charts = charts.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{CHARTS}\" "), 1);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    );
    // Writing into a String cannot fail.
    let _ = write_all(&mut page, report, &charts);
    page.push_str("</main>\n</body>\n</html>\n");
    Ok(page)
}

fn write_all(page: &mut String, report: &Report, charts: &str) -> std::fmt::Result {
    let sums = &report.sums;
    write_what(page, report)?;
    writeln!(page, "<h2>Latency, ms</h2>\n<p class=\"quiet\">Clocks: {}</p>", escaped(&sums.latency_us.clock))?;
    write_untiled(page, sums)?;
    write_stages(page, sums)?;
    if sums.latency_us.clocks_disagree().is_none() {
        writeln!(page, "{}\n{charts}</div>", wide("Charts"))?;
    }
    write_why(page, &report.explain)?;
    report.pixels.iter().try_for_each(|pixels| write_pixels(page, pixels))?;
    writeln!(page, "<h2>Books, frames</h2>")?;
    write_books(page, sums)?;
    if report.sources.len() > 1 {
        for (name, sums) in &report.sources {
            writeln!(page, "<h2>Source {}</h2>", escaped(name))?;
            write_untiled(page, sums)?;
            write_stages(page, sums)?;
            write_books(page, sums)?;
        }
    }
    write_machine(page, report)
}

/// Writes the name and result of the run.
fn write_what(page: &mut String, report: &Report) -> std::fmt::Result {
    let sums = &report.sums;
    let frames = sums.frames.published.or(sums.frames.received).unwrap_or(0);
    writeln!(
        page,
        "<p class=\"quiet\">{} {}, {}, on {}: {}, {} in {:.1} s</p>",
        report.program,
        escaped(&report.version),
        utc(report.started_ms),
        escaped(&report.machine.host),
        count(frames, "frame"),
        bytes(sums.bytes),
        report.seconds
    )?;
    let sources: Vec<String> = report.sources.keys().map(|name| escaped(name)).collect();
    writeln!(page, "<p class=\"quiet\">Sources: {}</p>", sources.join(", "))
}

/// Writes the machine, versions and settings.
fn write_machine(page: &mut String, report: &Report) -> std::fmt::Result {
    let machine = &report.machine;
    writeln!(page, "<h2>Machine</h2>\n<table>")?;
    row(page, "host", &machine.host)?;
    row(page, "system", &machine.os)?;
    row(page, "processor", &format!("{}, {}", machine.cpu, count(machine.cores, "core")))?;
    row(page, "memory", &format!("{} MB", machine.memory_mb))?;
    report.versions.iter().try_for_each(|(name, version)| row(page, name, version))?;
    writeln!(page, "</table>\n<h2>Settings</h2>\n<table>")?;
    report.settings.iter().try_for_each(|(name, value)| row(page, name, &text(value)))?;
    writeln!(page, "</table>")
}

/// Begins a part that may be wider than a narrow screen. It scrolls separately, also by keys.
fn wide(name: &str) -> String {
    format!("<div class=\"wide\" role=\"region\" aria-label=\"{name}\" tabindex=\"0\">")
}

fn write_why(page: &mut String, explain: &Explain) -> std::fmt::Result {
    writeln!(page, "<h2>Why p99</h2>")?;
    if explain.findings.is_empty() {
        return writeln!(page, "<p>{}</p>", escaped(&explain.summary));
    }
    writeln!(page, "<ul>")?;
    explain.findings.iter().try_for_each(|finding| writeln!(page, "<li>{}</li>", escaped(&finding.to_string())))?;
    writeln!(page, "</ul>")
}

fn write_pixels(page: &mut String, pixels: &PixelCheck) -> std::fmt::Result {
    let class = if pixels.disagreed > 0 { "bad" } else { "quiet" };
    writeln!(page, "<h2>Pictures</h2>\n<p class=\"{class}\">{}</p>", escaped(&pixels.to_string()))
}

fn write_untiled(page: &mut String, sums: &Sums) -> std::fmt::Result {
    if let Some(by) = sums.latency_us.clocks_disagree() {
        let (n, shown) = (sums.counts.untiled, sums.frames.shown.unwrap_or(0));
        return writeln!(
            page,
            "<p class=\"bad\">The latency is {} ({n} of {} arrived before being sent, by these clocks).</p>",
            clocks_disagree(by),
            count(shown, "frame")
        );
    }
    match sums.counts.untiled {
        0 => Ok(()),
        n => writeln!(
            page,
            "<p class=\"bad\">{} left out of the figures here: by their clocks a stage ended before it began</p>",
            count(n, "frame")
        ),
    }
}

fn write_stages(page: &mut String, sums: &Sums) -> std::fmt::Result {
    if sums.latency_us.clocks_disagree().is_some() {
        return Ok(());
    }
    writeln!(
        page,
        "{}\n<table class=\"figures\">\n<tr><th scope=\"col\">stage</th>{}</tr>",
        wide("Latency, ms"),
        ["p50", "p90", "p99", "p99.9", "max", "mean", "frames"]
            .map(|name| format!("<th scope=\"col\">{name}</th>"))
            .concat()
    )?;
    for stage in Stage::ALL {
        if let Some(summary) = sums.latency_us.stages.get(stage.name()) {
            write_summary(page, stage.name(), "", Some(of_stage(stage)), summary)?;
        }
    }
    write_summary(page, "total", "total", None, &sums.latency_us.total)?;
    if let Some(summary) = sums.acknowledge_us.as_ref().filter(|s| s.count > 0) {
        write_summary(page, "acknowledge", "", Some(ACKNOWLEDGE), summary)?;
    }
    writeln!(page, "</table></div>")
}

fn write_summary(
    page: &mut String,
    name: &str,
    class: &str,
    colour: Option<RGBColor>,
    s: &Summary,
) -> std::fmt::Result {
    let swatch =
        colour.map(|c| format!("<span class=\"swatch\" style=\"background:{}\"></span>", css(c))).unwrap_or_default();
    write!(page, "<tr class=\"{class}\"><th scope=\"row\">{swatch}{name}</th>")?;
    for us in [s.p50, s.p90, s.p99, s.p999, s.max].map(|us| us as f64).into_iter().chain([s.mean]) {
        write!(page, "<td>{:.2}</td>", us / 1000.0)?;
    }
    writeln!(page, "<td>{}</td></tr>", s.count)
}

fn write_books(page: &mut String, sums: &Sums) -> std::fmt::Result {
    let (frames, counts) = (&sums.frames, &sums.counts);
    writeln!(page, "<table>")?;
    let whole = [
        ("captured", frames.captured),
        ("encoded", frames.encoded),
        ("published", frames.published),
        ("acknowledged", frames.acknowledged),
        ("expected", frames.expected),
        ("received", frames.received),
        ("shown", frames.shown),
    ];
    for (name, n) in whole {
        n.map_or(Ok(()), |n| row(page, name, &n.to_string()))?;
    }
    frames.lost.iter().try_for_each(|(reason, n)| row(page, reason, &n.to_string()))?;
    let beside = [
        ("duplicates", counts.duplicates),
        ("foreign", counts.foreign),
        ("rejected", counts.rejected),
        ("skipped on purpose", counts.skipped.unwrap_or(0)),
        ("printed, shown or not", counts.printed.unwrap_or(0)),
    ];
    beside.iter().filter(|(_, n)| *n > 0).try_for_each(|(name, n)| row(page, name, &n.to_string()))?;
    counts.refusals.iter().try_for_each(|(why, n)| row(page, &format!("refused: {why}"), &n.to_string()))?;
    writeln!(page, "</table>")?;
    match sums.balanced {
        true => writeln!(page, "<p class=\"quiet\">The books balance.</p>"),
        false => writeln!(page, "<p class=\"bad\">The books do NOT balance: please report this.</p>"),
    }
}

fn row(page: &mut String, name: &str, value: &str) -> std::fmt::Result {
    writeln!(page, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escaped(name), escaped(value))
}

/// Formats a setting without JSON's quotation marks.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Array(values) if values.is_empty() => "–".to_owned(),
        Value::Object(map) if map.is_empty() => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(map) => map.iter().map(|(k, v)| format!("{k}={}", text(v))).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn css(RGBColor(r, g, b): RGBColor) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

/// Formats a time like `2026-01-31 12:00:00 UTC`.
fn utc(ms: u64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms);
    humantime::format_rfc3339_seconds(time).to_string().replace('T', " ").replace('Z', " UTC")
}

#[cfg(test)]
mod tests;
