//! The last seconds in words: for the status line, the title and the overlay.

use std::time::Duration;

use common::clock::Micros;
use common::latency::{Glance, TimeBase};
use common::ledger::Loss;
use common::reassemble::Reassembler;

use crate::viewer::Viewer;

fn ms(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1000.0)
}

/// Frames of what is shown that were not shown, and those that never came whole.
fn losses(viewer: &Viewer, reassembler: &Reassembler) -> (u64, u64) {
    let tally = reassembler.total();
    let losses = &viewer.books.total.losses;
    (losses.sum() - losses.of(Loss::Unselected), tally.lost.saturating_add(tally.torn))
}

/// One line a second, and the live histogram below it where that is wanted.
pub fn status(viewer: &mut Viewer, reassembler: &Reassembler, now: Micros, live: bool) -> String {
    let below = || shell::live::histogram(viewer.recorder.timeline(), &viewer.books.total.latencies.total);
    let below = if live { below() } else { String::new() };
    line(viewer, reassembler, now) + &below
}

fn line(viewer: &mut Viewer, reassembler: &Reassembler, now: Micros) -> String {
    let (dropped, lost) = losses(viewer, reassembler);
    let source = viewer.selection.chosen().cloned();
    let shown = viewer.books.total.shown;
    let ending = format!("shown {shown}  dropped {dropped}  lost {lost}");
    match (source, viewer.recent.glance(viewer.stages, now)) {
        (Some(source), Some(Glance { fps, p50, p99, .. })) => {
            format!("{source}  {fps:.1} fps  p50 {} p99 {} ms  {ending}", ms(p50), ms(p99))
        }
        (Some(source), None) => format!("{source}  no frames  {ending}"),
        (None, _) => "waiting for frames".to_owned(),
    }
}

/// The window's title, and the overlay's lines.
pub fn overlay(viewer: &mut Viewer, reassembler: &Reassembler, now: Micros) -> (String, Vec<String>) {
    let Some(on) = viewer.on_screen.clone() else { return ("vidcons".to_owned(), Vec::new()) };
    let (dropped, lost) = losses(viewer, reassembler);
    let glance = viewer.recent.glance(viewer.stages, now);
    let fps = glance.as_ref().map_or(0.0, |g| g.fps);
    let state = if viewer.paused { "  paused" } else { "" };
    let mut lines = vec![format!("{}  {}x{}  {fps:.1} fps{state}", on.source, on.width, on.height)];
    let mut title = format!("{} - vidcons", on.source);
    if let Some(glance) = glance {
        let base = viewer.books.sources.get(&on.source).map_or(TimeBase::SameHost, |b| b.latencies.base);
        let mark = match base {
            TimeBase::SameHost => "",
            TimeBase::WallClocks => " (by wall clocks)",
            TimeBase::RecordTimestamps => " (record timestamps)",
        };
        lines.push(format!("end to end p50 {} p99 {} ms{mark}", ms(glance.p50), ms(glance.p99)));
        if base != TimeBase::RecordTimestamps {
            lines.extend(glance.stages.chunks(4).enumerate().map(|(row, stages)| {
                let stages: Vec<String> = stages.iter().map(|(s, d)| format!("{} {}", s.name(), ms(*d))).collect();
                format!("{} {}", if row == 0 { "=" } else { "+" }, stages.join(" + "))
            }));
        }
        title = format!("{} - {} ms - vidcons", on.source, ms(glance.p50));
    }
    lines.push(format!("dropped {dropped}  lost {lost}"));
    (title, lines)
}
