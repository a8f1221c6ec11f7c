//! Explains p99: the stage in which the slowest frames spent their time, the cause, and what to change.
//!
//! ```text
//! histograms, slowest frames ─┐
//! what the client counted ────┼─▶ Evidence ─rules─▶ Finding { stage, share, cause, evidence, advice } …
//! settings ───────────────────┘
//! ```
//! Each program sees its own side only. If the time was spent on the other side, it says so.

mod advice;
mod evidence;
mod producer;
mod viewer;

#[cfg(test)]
mod tests;

pub use self::advice::{RunContext, SourceKind};
pub use self::evidence::{DisplayPath, Evidence, SideFigures, StageLatencies};
use common::report::{Explain, Finding};
use common::time::Stage;
use common::words::count;

/// Smallest share of the latency, as a fraction and in µs, that counts as a reason.
const SHARE_MIN: f64 = 0.2;
const SHARE_MIN_US: u64 = 2000;
/// The slowest frames count as a tail only if they take at least this many times the median.
const TAIL_FACTOR: u64 = 2;
/// Smallest number of frames that allows a statement. It is low, because few frames may be shown if most are dropped.
const FRAMES_MIN: u64 = 5;

/// Applies the rules to the evidence.
pub fn explain(evidence: &Evidence) -> Explain {
    let mut findings = Vec::new();
    if evidence.latency.frames >= FRAMES_MIN {
        findings = match &evidence.side {
            SideFigures::Producer { .. } => producer::findings(evidence),
            SideFigures::Viewer { .. } => viewer::findings(evidence),
        };
        findings.extend(slower_than_usual(evidence, &findings));
    }
    findings.retain(stands_out);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.share_us));
    let summary = findings.first().map_or_else(|| nothing(&evidence.latency), Finding::to_string);
    Explain { summary, findings, client: evidence.client, printed: false }
}

/// Marks the finding as permanent if usual frames have much of it too.
fn usually(finding: Finding, us: u64, of_us: u64) -> Finding {
    Finding { always: is_much(us, of_us), ..finding }
}

fn stands_out(finding: &Finding) -> bool {
    finding.always || is_much(finding.share_us, finding.of_us)
}

fn is_much(share_us: u64, of_us: u64) -> bool {
    share_us >= SHARE_MIN_US && share_us as f64 >= SHARE_MIN * of_us as f64
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

/// Formats µs as ms.
fn ms(us: u64) -> String {
    let ms = us as f64 / 1000.0;
    if ms < 10.0 { format!("{ms:.1}") } else { format!("{ms:.0}") }
}
