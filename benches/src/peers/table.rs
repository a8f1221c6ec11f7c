//! The result as text.

use common::words::count;
use std::fmt::Write;

use super::PeersResult;
use super::compare::{self, Ratio};
use super::options::PeersOptions;
use super::run::Measured;
use crate::about;

pub fn text(options: &PeersOptions, result: &PeersResult) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write_all(&mut text, options, result);
    text
}

/// Describes one run in a line.
pub fn in_words(measured: &Measured) -> String {
    let Measured { line, latency, shown, of, .. } = measured;
    format!("{line}: p50 {:.2} p99 {:.2} ms, {shown} of {of} shown", ms(latency.p50), ms(latency.p99))
}

fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}

fn write_all(to: &mut String, options: &PeersOptions, result: &PeersResult) -> std::fmt::Result {
    let PeersOptions { size, fps, quality, frames, warm, headless, .. } = options;
    let (what, from) = if *headless {
        ("Captured to decoded", "as the programs tell it")
    } else {
        ("Glass to glass", "from when a frame's first byte was written until it was on the screen")
    };
    let clip = options.clip.file_name().unwrap_or_default().to_string_lossy();
    let rounds = count(result.measured.iter().map(|m| m.round).max().unwrap_or(0), "round");
    let interrupted = if result.interrupted { ", interrupted" } else { "" };
    writeln!(
        to,
        "{what}: {clip}, {size}, {fps} fps, quality {quality}; {rounds}{interrupted} of {}",
        count(*frames, "frame")
    )?;
    let warm = if *warm > 0 { format!(", the first {warm} not counted") } else { String::new() };
    writeln!(to, "each{warm}; ms, {from}; each line's middle round")?;
    writeln!(to, "{}\n", about::machine_line())?;
    write_lines(to, result)?;
    write_ratios(to, &compare::ratios(&result.lines, &result.measured, *headless))?;
    write_reports(to, result)
}

fn write_lines(to: &mut String, result: &PeersResult) -> std::fmt::Result {
    writeln!(to, "{:<16}{:>9}{:>9}{:>9}{:>9}{:>12}", "line", "p50", "p90", "p99", "max", "shown/of")?;
    for line in &result.lines {
        let Some(Measured { latency: l, shown, of, .. }) = compare::middle(&result.measured, *line) else {
            writeln!(to, "{line:<16}{:>9}", "no run")?;
            continue;
        };
        write!(to, "{line:<16}{:>9.2}{:>9.2}{:>9.2}{:>9.2}", ms(l.p50), ms(l.p90), ms(l.p99), ms(l.max))?;
        writeln!(to, "{:>12}", format!("{shown}/{of}"))?;
    }
    Ok(())
}

fn write_ratios(to: &mut String, ratios: &[Ratio]) -> std::fmt::Result {
    if !ratios.is_empty() {
        writeln!(to, "\nRatios within a round, the median of the rounds (the least … the most):")?;
    }
    for Ratio { of, to: base, p50, p99, goals } in ratios {
        let (p50_text, p99_text) = (p50.to_string(), p99.to_string());
        write!(to, "  {:<32} p50 {p50_text:<20} p99 {p99_text:<20}", format!("{of} / {base}"))?;
        match goals {
            Some((p50_goal, p99_goal)) => {
                let met = p50.median <= *p50_goal && p99.median <= *p99_goal;
                writeln!(to, "goal <= {p50_goal:.2}, {p99_goal:.2} {}", if met { "met" } else { "missed" })?;
            }
            None => writeln!(to)?,
        }
    }
    Ok(())
}

/// Compares our report with what was seen on the screen, and lists the lost frames.
fn write_reports(to: &mut String, result: &PeersResult) -> std::fmt::Result {
    for line in result.lines.iter().filter(|line| line.is_ours()) {
        let Some(run) = compare::middle(&result.measured, *line) else { continue };
        let Some(told) = &run.told else { continue };
        let losses = told.losses();
        let losses = if losses.is_empty() { "none lost".to_owned() } else { losses };
        write!(to, "\n{line}: its report says {} shown, {losses}", told.frames.shown)?;
        if let Some(seen) = run.seen_p50 {
            let total = told.latency_us.total.p50;
            let apart = ms(seen) - ms(total);
            write!(to, "; p50 of all frames {:.2}, seen {:.2}, {apart:+.2}: goal <= 1.5", ms(total), ms(seen))?;
            write!(to, " {}", if apart <= 1.5 { "met" } else { "missed" })?;
        }
    }
    writeln!(to)
}
