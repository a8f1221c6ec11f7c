//! The result as text.

use common::words::count;
use std::fmt::Write;

use super::args::RunArgs;
use super::summary::{self, CaseSummary};
use super::{RunResult, matrix::Case};
use crate::about;
use crate::stats::Spread;

pub fn text(args: &RunArgs, result: &RunResult) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write_all(&mut text, args, result);
    text
}

fn write_all(to: &mut String, args: &RunArgs, result: &RunResult) -> std::fmt::Result {
    let rounds = count(result.measured.iter().map(|m| m.round).max().unwrap_or(0), "round");
    let input = args.clip.as_ref().map_or("the test card".to_owned(), |clip| clip.display().to_string());
    let way = match result.display {
        Some(display) => format!("due to presented, {display}"),
        None => "headless, due to decoded".to_owned(),
    };
    let cut = if result.interrupted { ", interrupted" } else { "" };
    let (seconds, warm) = (args.times.seconds.duration().as_secs_f64(), args.times.warm.duration().as_secs_f64());
    writeln!(to, "End to end: {input}, {seconds} s a case after {warm} s of warm-up, {rounds}{cut}; {way}")?;
    writeln!(
        to,
        "{}\nms, each figure the median of the rounds; CPU for a frame, of the programs once they are warm\n",
        about::machine_line()
    )?;
    let summaries: Vec<(usize, CaseSummary)> =
        (0..result.cases.len()).filter_map(|case| Some((case, summary::of(result, case)?))).collect();
    write_totals(to, result, &summaries)?;
    write_stages(to, result, &summaries)?;
    write_ratios(to, result)
}

fn write_head(to: &mut String) -> std::fmt::Result {
    write!(to, "{:<12}{:>8}{:>5}{:>5}{:>9}", "broker", "size", "fps", "acks", "limit")
}

fn write_case(to: &mut String, result: &RunResult, case: &Case) -> std::fmt::Result {
    let limit = case.setup.message_bytes_max.map_or("-".to_owned(), |bytes| bytes.to_string());
    let (size, fps, acks) = (&case.setup.size, case.setup.fps, case.setup.acks);
    write!(to, "{:<12}{size:>8}{fps:>5}{acks:>5}{limit:>9}", result.brokers[case.broker].name)
}

fn write_totals(to: &mut String, result: &RunResult, summaries: &[(usize, CaseSummary)]) -> std::fmt::Result {
    write_head(to)?;
    let names = ["p50", "p90", "p99", "p99.9", "max"];
    write!(to, "{:>9}{:>6}", "shown", "lost")?;
    names.iter().try_for_each(|name| write!(to, "{name:>9}"))?;
    writeln!(to, "{:>14}{:>9}{:>14}", "CPU: vidprod", "vidcons", "pixels agree")?;
    for (case, summary) in summaries {
        write_case(to, result, &result.cases[*case])?;
        let CaseSummary { captured, shown, total, pixels, .. } = summary;
        write!(to, "{shown:>9}{:>6}", captured.saturating_sub(*shown))?;
        for us in [total.p50.median, total.p90.median, total.p99.median, total.p999.median, total.max as f64] {
            write!(to, "{:>9.2}", us / 1e3)?;
        }
        let (producer, viewer) = (summary.producer_cpu_us.median / 1e3, summary.viewer_cpu_us.median / 1e3);
        let agree = pixels.map_or("-".to_owned(), |pixels| format!("{}/{}", pixels.agreed, pixels.checked));
        writeln!(to, "{producer:>14.2}{viewer:>9.2}{agree:>14}")?;
    }
    Ok(())
}

fn write_stages(to: &mut String, result: &RunResult, summaries: &[(usize, CaseSummary)]) -> std::fmt::Result {
    let Some((_, first)) = summaries.first() else { return Ok(()) };
    writeln!(to, "\nStages, p50 / p99:")?;
    write_head(to)?;
    first.stages.iter().try_for_each(|(stage, _)| write!(to, "{:>18}", stage.name()))?;
    writeln!(to)?;
    for (case, summary) in summaries {
        write_case(to, result, &result.cases[*case])?;
        for (_, figures) in &summary.stages {
            let pair = format!("{:.2} / {:.2}", figures.p50.median / 1e3, figures.p99.median / 1e3);
            write!(to, "{pair:>18}")?;
        }
        writeln!(to)?;
    }
    Ok(())
}

fn write_ratios(to: &mut String, result: &RunResult) -> std::fmt::Result {
    if result.cases.len() < 2 {
        return Ok(());
    }
    writeln!(to, "\nTo {}, the median of the rounds (the least … the most):", result.cases[0].label(&result.brokers))?;
    for (index, case) in result.cases.iter().enumerate().skip(1) {
        let ratio = |figure| summary::ratio(&result.measured, index, figure);
        let words = |spread: Option<Spread>| spread.map_or("-".to_owned(), |s| s.to_string());
        let (p50, p99) = (words(ratio(|s| s.p50)), words(ratio(|s| s.p99)));
        writeln!(to, "  {:<44} p50 {p50:<20} p99 {p99}", case.label(&result.brokers))?;
    }
    Ok(())
}
