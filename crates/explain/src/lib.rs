//! Explains p99: the stage in which the slowest frames spent their time, the cause, and what to change.
//!
//! ```text
//! histograms, slowest frames ─┐
//! the client's counters ──────┼─▶ Evidence ─rules─▶ Finding { stage, share, cause, evidence, advice } …
//! settings ───────────────────┘
//! ```
//! Each program sees its own side only. If the time was spent on the other side, its finding says so.

mod advice;
mod evidence;
mod producer;
mod viewer;
mod weight;

#[cfg(test)]
mod tests;

pub use self::evidence::{DisplayPath, Evidence, ProducerFigures, RunContext, SideFigures, SourceKind, StageLatencies};
use common::report::{Explain, Finding};
use common::time::Stage;
use common::words::count;

use self::weight::{TAIL_FACTOR, stands_out};

/// Smallest number of frames that allows a statement. It is low, because few frames may be shown if most are dropped.
const FRAMES_MIN: u64 = 5;

/// Applies the rules to the evidence.
pub fn explain(evidence: &Evidence) -> Explain {
    let mut findings = Vec::new();
    if evidence.latency.frames >= FRAMES_MIN {
        findings = match &evidence.side {
            SideFigures::Producer(figures) => producer::findings(evidence, figures),
            SideFigures::Viewer { .. } => viewer::findings(evidence),
        };
        findings.extend(slower_than_usual(evidence, &findings));
    }
    findings.retain(stands_out);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.share_us));
    let summary = findings.first().map_or_else(|| nothing(&evidence.latency), Finding::to_string);
    Explain { summary, findings, client: evidence.client, printed: false }
}

/// A finding for a stage that makes up most of the tail and that no rule explains; most likely the machine was busy.
fn slower_than_usual(evidence: &Evidence, known: &[Finding]) -> Option<Finding> {
    let latency = &evidence.latency;
    let total_us = latency.tail.total_us();
    if total_us < TAIL_FACTOR * latency.p50_us {
        return None;
    }
    let growth = |stage: &Stage| latency.tail.of(*stage).saturating_sub(latency.median(*stage));
    let stage = latency.stages.iter().copied().max_by_key(growth)?;
    let explained = known.iter().any(|finding| finding.stage == stage.name() && stands_out(finding));
    let most = 2 * growth(&stage) >= total_us.saturating_sub(latency.p50_us);
    let advice = match stage {
        Stage::Capture if matches!(evidence.side, SideFigures::Viewer { .. }) => {
            "see vidprod --explain, which knows what feeds it".to_owned()
        }
        Stage::Capture => evidence.source_advice().to_owned(),
        Stage::Broker | Stage::Publish => evidence.network_advice(),
        Stage::Encode | Stage::Reassemble | Stage::Decode | Stage::Present => {
            "look at what else takes the processor, and give the programs cores of their own".to_owned()
        }
    };
    (most && !explained).then(|| Finding {
        cause: "it is slower now and then".to_owned(),
        advice,
        ..latency.finding(stage, growth(&stage))
    })
}

fn nothing(latency: &StageLatencies) -> String {
    if latency.frames < FRAMES_MIN {
        return format!("{}: too few to say", count(latency.frames, "frame"));
    }
    let mut stages = latency.stages.to_vec();
    stages.sort_by_key(|stage| std::cmp::Reverse(latency.tail.of(*stage)));
    let largest: Vec<Stage> = stages.into_iter().take(2).collect();
    let share = largest.iter().map(|stage| latency.tail.of(*stage)).sum::<u64>() * 100 / latency.tail.total_us().max(1);
    let names = largest.iter().map(|stage| stage.name()).collect::<Vec<_>>().join(" and ");
    let times = latency.p99_us as f64 / latency.p50_us.max(1) as f64;
    format!("nothing stands out: p99 is {times:.1} x p50, {names} are {share} % of it")
}
