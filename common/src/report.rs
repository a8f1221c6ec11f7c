//! The report: one struct for every program, as JSON (a contract that scripts rely on) and as text.

mod hgrm;
mod hlog;
mod row;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::hgrm::percentiles;
pub use self::hlog::IntervalLog;
pub use self::row::{HEADER as CSV_HEADER, Row};
pub use self::text::{bytes, how_long};
use crate::explain::Explain;
use crate::latency::{Latencies, Latency};
use crate::ledger::{Loss, ProducerBooks, SourceBooks, ViewerBooks};
use crate::pixels::PixelCheck;
use crate::reassemble::{Reassembler, Tally};
use crate::stamps::Stage;

/// Changes when a field changes its meaning or goes; new fields may come without.
pub const SCHEMA: u32 = 1;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Report {
    pub schema: u32,
    /// `vidprod` or `vidcons`.
    pub program: String,
    pub version: String,
    /// Wall clock, in ms since 1970.
    pub started_ms: u64,
    pub seconds: f64,
    /// Processor time of the whole program, from its start on: in it and in the system for it.
    #[serde(default)]
    pub cpu_seconds: f64,
    #[serde(flatten)]
    pub sums: Sums,
    pub sources: BTreeMap<String, Sums>,
    /// Pictures held against their headers (`vidcons --verify-pixels`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<PixelCheck>,
    /// Why p99 is what it is.
    #[serde(default)]
    pub explain: Explain,
    pub settings: serde_json::Map<String, serde_json::Value>,
    pub machine: Machine,
    /// Of the libraries that the figures depend on.
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
}

/// What is told of a source, and of all together.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Sums {
    pub frames: Frames,
    pub counts: Counts,
    /// Of JPEG: published, or received whole.
    pub bytes: u64,
    pub latency_us: LatencyReport,
    /// published → acknowledged (vidprod).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledge_us: Option<Summary>,
    pub balanced: bool,
}

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Frames {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoded: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<u64>,
    /// Every frame that the producers numbered since the first one seen, less those that were dropped or skipped (vidcons).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<u64>,
    /// By reason; each reason that there is, also at zero.
    pub lost: BTreeMap<String, u64>,
}

#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_bytes_max: Option<u64>,
    pub duplicates: u64,
    pub foreign: u64,
    pub rejected: u64,
    /// Frames that were left out on purpose, by a detector for example: neither expected nor lost (vidcons).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<u64>,
    /// Frames that `--print` printed: of every source, shown or not (vidcons).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub printed: Option<u64>,
    /// Frames whose stages did not tile: clocks that disagree. They are in no histogram.
    pub untiled: u64,
    /// How often a client that stayed without a connection was replaced by a new one.
    pub reconnections: u64,
    /// Why frames were refused, in the client's words (vidprod).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refusals: BTreeMap<String, u64>,
}

#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct LatencyReport {
    /// How producer's and viewer's clocks were compared.
    pub clock: String,
    /// Set where the latency is unknown: the producer's clock is ahead of the viewer's by at least this. Then all figures
    /// are of no frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clocks_disagree_us: Option<u64>,
    pub total: Summary,
    pub stages: BTreeMap<String, Summary>,
}

/// A histogram in a few figures, in µs.
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Summary {
    pub count: u64,
    pub min: u64,
    pub mean: f64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

/// Where it ran.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Machine {
    pub host: String,
    pub os: String,
    pub cpu: String,
    pub cores: usize,
    pub memory_mb: u64,
}

impl From<&Latency> for Summary {
    fn from(latency: &Latency) -> Summary {
        let h = latency.histogram();
        if h.is_empty() {
            return Summary::default();
        }
        let q = |q| h.value_at_quantile(q);
        let mean = (h.mean() * 10.0).round() / 10.0;
        Summary {
            count: h.len(),
            min: h.min(),
            mean,
            p50: q(0.5),
            p90: q(0.9),
            p99: q(0.99),
            p999: q(0.999),
            max: h.max(),
        }
    }
}

impl LatencyReport {
    pub fn new(latencies: &Latencies, stages: &[Stage]) -> LatencyReport {
        let disagree = latencies.clocks_disagree();
        let summary = |latency: &Latency| if disagree.is_some() { Summary::default() } else { latency.into() };
        LatencyReport {
            clock: latencies.base.name().to_owned(),
            clocks_disagree_us: disagree.map(|by| by.as_micros() as u64),
            total: summary(&latencies.total),
            stages: stages.iter().map(|&s| (s.name().to_owned(), summary(latencies.stage(s)))).collect(),
        }
    }

    /// By how much the clocks disagree at least, where that makes the latency unknown.
    pub fn clocks_disagree(&self) -> Option<Duration> {
        self.clocks_disagree_us.map(Duration::from_micros)
    }
}

impl From<&ProducerBooks> for Sums {
    fn from(books: &ProducerBooks) -> Sums {
        Sums {
            frames: Frames {
                captured: Some(books.captured),
                encoded: Some(books.encoded),
                published: Some(books.published),
                acknowledged: Some(books.acknowledged),
                lost: books.losses.by_reason(&Loss::PRODUCER),
                ..Frames::default()
            },
            counts: Counts {
                records: Some(books.records),
                frame_bytes_max: Some(books.frame_bytes_max),
                untiled: books.latencies.untiled,
                refusals: books.refusals.clone(),
                ..Counts::default()
            },
            bytes: books.bytes,
            latency_us: LatencyReport::new(&books.latencies, &Stage::PRODUCER),
            acknowledge_us: Some((&books.ack).into()),
            balanced: books.balanced(),
        }
    }
}

impl Sums {
    /// The books of a viewer, whose frames went through `stages`.
    pub fn viewer(books: &SourceBooks, tally: &Tally, stages: &[Stage]) -> Sums {
        Sums {
            frames: Frames {
                expected: Some(tally.expected()),
                received: Some(tally.whole),
                shown: Some(books.shown),
                lost: viewer_losses(books, tally),
                ..Frames::default()
            },
            counts: Counts {
                duplicates: tally.duplicates,
                foreign: books.foreign,
                skipped: (tally.skipped > 0).then_some(tally.skipped),
                printed: (books.printed > 0).then_some(books.printed),
                untiled: books.latencies.untiled,
                ..Counts::default()
            },
            bytes: books.bytes,
            latency_us: LatencyReport::new(&books.latencies, stages),
            acknowledge_us: None,
            balanced: books.balanced(tally),
        }
    }
}

/// A viewer's frames that were not shown, by reason.
pub fn viewer_losses(books: &SourceBooks, tally: &Tally) -> BTreeMap<String, u64> {
    let mut lost = books.losses.by_reason(&Loss::VIEWER);
    lost.insert(Loss::Torn.name().to_owned(), tally.torn);
    lost.insert(Loss::Lost.name().to_owned(), tally.lost);
    lost
}

/// The sums of a viewer: all together, and source by source.
pub fn viewer_sums(books: &ViewerBooks, reassembler: &Reassembler, stages: &[Stage]) -> (Sums, BTreeMap<String, Sums>) {
    let mut total = Sums::viewer(&books.total, &reassembler.total(), stages);
    total.counts.rejected = books.rejected;
    total.balanced = books.balanced(reassembler);
    let empty = SourceBooks::default();
    let sources = reassembler
        .tallies()
        .map(|(name, tally)| {
            (name.to_string(), Sums::viewer(books.sources.get(name).unwrap_or(&empty), &tally, stages))
        })
        .collect();
    (total, sources)
}
