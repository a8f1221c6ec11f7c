//! The report as one HTML page: tables of figures, charts inline, readable in light and dark mode.

use common::report::Explain;
use common::report::{Report, Summary, Sums};
use common::time::Stage;
use common::time::latency::clocks_disagree;
use common::words::{bytes, count};
use maud::{DOCTYPE, Markup, PreEscaped, Render, html};
use plotters::style::RGBColor;
use serde_json::Value;

use crate::colours::{ACKNOWLEDGE, INK, of_stage};
use crate::figure::Figure;

const STYLE: &str = include_str!("page.css");

/// Description of the charts for screen readers.
const CHARTS: &str = "Percentiles of the latency; latency over time; mean stages over time; stages of the frames at p50, \
                      p90, p99 and the largest. The table of latency has the percentiles.";

/// Makes the page around the charts, which are an SVG without a background.
pub(crate) fn html(figure: &Figure<'_>, charts: &str) -> String {
    let report = figure.report;
    let title = format!("{} {}", report.program, text(report.settings.get("topic").unwrap_or(&Value::Null)));
    // The charts' ink becomes the page's text colour, which is light in dark mode.
    let charts = charts.replace(&css(INK), "currentColor");
    let charts = charts.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{CHARTS}\" "), 1);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { h1 { (title) } (content(report, &charts)) } }
        }
    };
    page.into_string() + "\n"
}

fn content(report: &Report, charts: &str) -> Markup {
    let sums = &report.sums;
    html! {
        (run(report))
        h2 { "Latency, ms" }
        p.quiet { "Clocks: " (sums.latency_us.clock) }
        (untiled(sums))
        (stages(sums))
        @if sums.latency_us.clocks_disagree().is_none() { (wide("Charts", &PreEscaped(charts))) }
        (why(&report.explain))
        @if let Some(pixels) = &report.pixels {
            h2 { "Pictures" }
            p class=(if pixels.disagreed > 0 { "bad" } else { "quiet" }) { (pixels) }
        }
        h2 { "Books, frames" }
        (books(sums))
        @if report.sources.len() > 1 {
            @for (name, sums) in &report.sources {
                h2 { "Source " (name) }
                (untiled(sums))
                (stages(sums))
                (books(sums))
            }
        }
        (machine(report))
    }
}

/// The name and result of the run.
fn run(report: &Report) -> Markup {
    let frames = report.sums.frames.published.or(report.sums.frames.received).unwrap_or(0);
    html! {
        p.quiet {
            (report.program) " " (report.version) ", " (utc(report.started_ms)) ", on " (report.machine.host) ": "
            (count(frames, "frame")) ", " (bytes(report.sums.bytes)) " in " (format!("{:.1}", report.seconds)) " s"
        }
        p.quiet { "Sources: " (report.sources.keys().map(String::as_str).collect::<Vec<_>>().join(", ")) }
    }
}

/// The machine, versions and settings.
fn machine(report: &Report) -> Markup {
    let machine = &report.machine;
    html! {
        h2 { "Machine" }
        table {
            (row("host", &machine.host))
            (row("system", &machine.os))
            (row("processor", format!("{}, {}", machine.cpu, count(machine.cores, "core"))))
            (row("memory", format!("{} MB", machine.memory_mb)))
            @for (name, version) in &report.versions { (row(name, version)) }
        }
        h2 { "Settings" }
        table { @for (name, value) in &report.settings { (row(name, text(value))) } }
    }
}

/// A part that may be wider than a narrow screen. It scrolls separately, also by keys.
fn wide(name: &str, part: &impl Render) -> Markup {
    html! { div.wide role="region" aria-label=(name) tabindex="0" { (part) } }
}

fn why(explain: &Explain) -> Markup {
    html! {
        h2 { "Why p99" }
        @if explain.findings.is_empty() {
            p { (explain.summary) }
        } @else {
            ul { @for finding in &explain.findings { li { (finding) } } }
        }
    }
}

/// Says why some frames, or all, have no latency.
fn untiled(sums: &Sums) -> Markup {
    let (n, shown) = (sums.counts.untiled, sums.frames.shown.unwrap_or(0));
    html! {
        @if let Some(by) = sums.latency_us.clocks_disagree() {
            p.bad {
                "The latency is " (clocks_disagree(by)) " (" (n) " of " (count(shown, "frame"))
                " arrived before being sent, by these clocks)."
            }
        } @else if n > 0 {
            p.bad { (count(n, "frame")) " left out of the figures here: by their clocks a stage ended before it began" }
        }
    }
}

fn stages(sums: &Sums) -> Markup {
    if sums.latency_us.clocks_disagree().is_some() {
        return Markup::default();
    }
    let acknowledge = sums.acknowledge_us.as_ref().filter(|s| s.count > 0);
    let table = html! {
        table.figures {
            tr {
                @for name in ["stage", "p50", "p90", "p99", "p99.9", "max", "mean", "frames"] { th scope="col" { (name) } }
            }
            @for stage in Stage::ALL {
                @if let Some(summary) = sums.latency_us.stages.get(stage.name()) {
                    tr { (figures(stage.name(), Some(of_stage(stage)), summary)) }
                }
            }
            tr.total { (figures("total", None, &sums.latency_us.total)) }
            @if let Some(summary) = acknowledge { tr { (figures("acknowledge", Some(ACKNOWLEDGE), summary)) } }
        }
    };
    wide("Latency, ms", &table)
}

fn figures(name: &str, colour: Option<RGBColor>, s: &Summary) -> Markup {
    let us = [s.p50, s.p90, s.p99, s.p999, s.max].map(|us| us as f64).into_iter().chain([s.mean]);
    html! {
        th scope="row" {
            @if let Some(colour) = colour { span.swatch style={ "background:" (css(colour)) } {} }
            (name)
        }
        @for us in us { td { (format!("{:.2}", us / 1000.0)) } }
        td { (s.count) }
    }
}

fn books(sums: &Sums) -> Markup {
    let (frames, counts) = (&sums.frames, &sums.counts);
    let whole = [
        ("captured", frames.captured),
        ("encoded", frames.encoded),
        ("published", frames.published),
        ("acknowledged", frames.acknowledged),
        ("expected", frames.expected),
        ("received", frames.received),
        ("shown", frames.shown),
    ];
    let beside = [
        ("duplicates", counts.duplicates),
        ("foreign", counts.foreign),
        ("rejected", counts.rejected),
        ("skipped on purpose", counts.skipped.unwrap_or(0)),
        ("printed, shown or not", counts.printed.unwrap_or(0)),
    ];
    html! {
        table {
            @for (name, n) in whole { @if let Some(n) = n { (row(name, n)) } }
            @for (reason, n) in &frames.lost { (row(reason, n)) }
            @for (name, n) in beside { @if n > 0 { (row(name, n)) } }
            @for (why, n) in &counts.refusals { (row(&format!("refused: {why}"), n)) }
        }
        @if sums.balanced {
            p.quiet { "The books balance." }
        } @else {
            p.bad { "The books do NOT balance: please report this." }
        }
    }
}

fn row(name: &str, value: impl Render) -> Markup {
    html! { tr { th scope="row" { (name) } td { (value) } } }
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
