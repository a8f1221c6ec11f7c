//! A snapshot as the event `status`, with figures for scripts.

use std::collections::BTreeMap;

use common::time::{Percentiles, PeriodFigures, RecentLatency, rate};
use serde::Serialize;

use crate::engine::{Snapshot, StreamState};

/// The fields of the event `status`, which docs/operate.md describes.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ViewerStatus {
    /// Name of the topic.
    pub topic: String,
    /// The source that is shown, or will be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// State of the stream: `live`, `waiting`, `paused`, `silent` or `ended`.
    pub state: &'static str,
    /// Time in this state, if frames have stopped or the session has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_seconds: Option<f64>,
    /// The reason for the state, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Number of frames shown so far.
    pub frames: u64,
    /// Frame rate of the source that is shown; 0 if no frames arrive.
    pub fps: f64,
    /// Byte rate of all frames that arrived, shown or not.
    pub bytes_per_second: u64,
    /// Latency of the last frames, if they are live.
    #[serde(flatten)]
    pub latency: Option<Percentiles>,
    /// Smallest possible difference of the clocks, if it makes the latency unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clocks_disagree_us: Option<u64>,
    /// Number of frames that arrived and were to be shown, but were not.
    pub dropped: u64,
    /// Number of frames that never arrived completely.
    pub lost: u64,
    /// Dropped and lost frames by reason, and frames that were not to be shown.
    pub drops: BTreeMap<String, u64>,
}

impl ViewerStatus {
    /// The figures of a snapshot. `bytes_per_second` is that of a period, which a snapshot does not know.
    pub fn new(snapshot: &Snapshot<'_>, bytes_per_second: u64) -> ViewerStatus {
        let (latency, disagree) = match snapshot.latency {
            RecentLatency::Known { p50, p99, .. } => (Some(Percentiles { p50, p99 }), None),
            RecentLatency::ClocksDisagree(by) => (None, Some(by.as_micros() as u64)),
            RecentLatency::None => (None, None),
        };
        let (state, time, why) = match &snapshot.state {
            StreamState::Live { .. } => ("live", None, None),
            StreamState::Waiting { why } => ("waiting", None, why.clone()),
            StreamState::Paused => ("paused", None, None),
            StreamState::Silent { age, why } => ("silent", Some(*age), why.clone()),
            StreamState::Ended { ago, why } => ("ended", Some(*ago), why.clone()),
        };
        let is_live = state == "live";
        let total = &snapshot.total;
        ViewerStatus {
            topic: snapshot.topic.to_owned(),
            source: snapshot.source.map(str::to_owned),
            state,
            state_seconds: time.map(|time| time.as_secs_f64()),
            why,
            frames: total.books.shown,
            fps: rate::rounded(snapshot.fps.filter(|_| is_live).unwrap_or_default()),
            bytes_per_second,
            latency: latency.filter(|_| is_live),
            clocks_disagree_us: disagree,
            dropped: total.dropped(),
            lost: total.lost(),
            drops: total.losses(),
        }
    }
}

impl Snapshot<'_> {
    /// Replaces rate and latency by those of a whole period.
    pub fn cover(&mut self, period: &PeriodFigures) {
        self.fps = Some(period.fps);
        if !matches!(self.latency, RecentLatency::ClocksDisagree(_)) {
            self.latency = period.latency.map_or(RecentLatency::None, |Percentiles { p50, p99 }| {
                // The stages are of a single frame, not of a period, and only the overlay shows them.
                RecentLatency::Known { p50, p99, stages: Vec::new() }
            });
        }
    }
}
