//! The report as one page of HTML: the figures in tables, the charts inline, readable on light and on dark.

use std::fmt::Write;

use common::report::{Report, Summary, Sums, bytes};
use common::stamps::Stage;
use plotters::style::RGBColor;
use serde_json::Value;

use crate::colours::{INK, of_stage};
use crate::{ChartError, Figure};

const STYLE: &str = include_str!("page.css");

pub fn html(figure: &Figure<'_>) -> Result<String, ChartError> {
    let report = figure.report;
    let title = format!("{} {}", report.program, escaped(&text(report.settings.get("topic").unwrap_or(&Value::Null))));
    // The charts' ink is the page's own, which is light on dark.
    let charts = crate::draw_svg(figure, false)?.replace(&css(INK), "currentColor");
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    // Writing into a String cannot fail.
    let _ = write_all(&mut page, report, &charts);
    page.push_str("</body>\n</html>\n");
    Ok(page)
}

fn write_all(page: &mut String, report: &Report, charts: &str) -> std::fmt::Result {
    let sums = &report.sums;
    let frames = sums.frames.published.or(sums.frames.received).unwrap_or(0);
    writeln!(
        page,
        "<p class=\"quiet\">{} {}, {}, on {}: {frames} frames, {} in {:.1} s</p>",
        report.program,
        escaped(&report.version),
        utc(report.started_ms),
        escaped(&report.machine.host),
        bytes(sums.bytes),
        report.seconds
    )?;
    let sources: Vec<String> = report.sources.keys().map(|name| escaped(name)).collect();
    writeln!(page, "<p class=\"quiet\">Sources: {}</p>", sources.join(", "))?;
    writeln!(page, "<h2>Latency, ms</h2>\n<p class=\"quiet\">Clocks: {}</p>", escaped(&sums.latency_us.clock))?;
    write_untiled(page, sums)?;
    write_stages(page, sums)?;
    writeln!(page, "{charts}\n<h2>Books</h2>")?;
    write_books(page, sums)?;
    if report.sources.len() > 1 {
        for (name, sums) in &report.sources {
            writeln!(page, "<h2>Source {}</h2>", escaped(name))?;
            write_untiled(page, sums)?;
            write_stages(page, sums)?;
            write_books(page, sums)?;
        }
    }
    let machine = &report.machine;
    writeln!(page, "<h2>Machine</h2>\n<table>")?;
    row(page, "host", &machine.host)?;
    row(page, "system", &machine.os)?;
    row(page, "processor", &format!("{}, {} cores", machine.cpu, machine.cores))?;
    row(page, "memory", &format!("{} MB", machine.memory_mb))?;
    report.versions.iter().try_for_each(|(name, version)| row(page, name, version))?;
    writeln!(page, "</table>\n<h2>Settings</h2>\n<table>")?;
    report.settings.iter().try_for_each(|(name, value)| row(page, name, &text(value)))?;
    writeln!(page, "</table>")
}

fn write_untiled(page: &mut String, sums: &Sums) -> std::fmt::Result {
    match sums.counts.untiled {
        0 => Ok(()),
        n => writeln!(
            page,
            "<p class=\"bad\">{n} frames are in no figure here: by their clocks a stage ended before it began</p>"
        ),
    }
}

fn write_stages(page: &mut String, sums: &Sums) -> std::fmt::Result {
    writeln!(
        page,
        "<div class=\"wide\"><table class=\"figures\">\n<tr><th>stage</th><th>p50</th><th>p90</th><th>p99</th>\
         <th>p99.9</th><th>max</th><th>mean</th><th>frames</th></tr>"
    )?;
    for stage in Stage::ALL {
        if let Some(summary) = sums.latency_us.stages.get(stage.name()) {
            write_summary(page, stage.name(), "", Some(of_stage(stage)), summary)?;
        }
    }
    write_summary(page, "total", "total", None, &sums.latency_us.total)?;
    if let Some(summary) = sums.acknowledge_us.as_ref().filter(|s| s.count > 0) {
        write_summary(page, "acknowledge", "", None, summary)?;
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
    write!(page, "<tr class=\"{class}\"><th>{swatch}{name}</th>")?;
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
    let beside = [("duplicates", counts.duplicates), ("foreign", counts.foreign), ("rejected", counts.rejected)];
    beside.iter().filter(|(_, n)| *n > 0).try_for_each(|(name, n)| row(page, name, &n.to_string()))?;
    counts.refusals.iter().try_for_each(|(why, n)| row(page, &format!("refused: {why}"), &n.to_string()))?;
    writeln!(page, "</table>")?;
    match sums.balanced {
        true => writeln!(page, "<p class=\"quiet\">The books balance.</p>"),
        false => writeln!(page, "<p class=\"bad\">The books do NOT balance: please report this.</p>"),
    }
}

fn row(page: &mut String, name: &str, value: &str) -> std::fmt::Result {
    writeln!(page, "<tr><th>{}</th><td>{}</td></tr>", escaped(name), escaped(value))
}

/// A setting without JSON's quotation marks.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
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

/// `2026-01-31 12:00:00 UTC`.
fn utc(ms: u64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms);
    humantime::format_rfc3339_seconds(time).to_string().replace('T', " ").replace('Z', " UTC")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::with_figure;

    fn page() -> String {
        let mut page = String::new();
        with_figure(300, |figure| page = html(figure).expect("it is drawn"));
        page
    }

    #[test]
    fn the_page_is_well_formed_and_tells_all() {
        let page = page();
        // An XML parser knows no doctype without a name behind it, and is stricter than a browser in all else.
        roxmltree::Document::parse(page.trim_start_matches("<!DOCTYPE html>\n")).expect("it is XML");
        for said in [
            "vidcons video",
            "2023-11-14 22:13:20 UTC",
            "same host: exact",
            "&lt;lobby&gt; &amp; &quot;hall&quot;",
            "reassemble",
            "superseded",
            "desk",
            "a, b",
        ] {
            assert!(page.contains(said), "no {said}");
        }
        assert!(!page.contains(&css(INK)), "ink that does not turn light on dark");
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let page = page().replace("http://www.w3.org/2000/svg", "");
        for reference in ["http:", "https:", "src=", "href", "@import", "url(", "<script", "<link"] {
            assert!(!page.contains(reference), "{reference}");
        }
    }

    #[test]
    fn what_others_named_is_no_markup() {
        assert_eq!(escaped("<b>&\""), "&lt;b&gt;&amp;&quot;");
    }
}
