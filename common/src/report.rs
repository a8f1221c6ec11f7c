//! The report: one struct for all programs, written as JSON (on which scripts rely) and as text.

mod client;
mod explain;
mod hgrm;
mod hlog;
mod page;
mod row;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::client::{ClientFacts, Waits};
pub use self::explain::{Explain, Finding};
pub use self::hgrm::percentiles;
pub use self::hlog::IntervalLog;
pub use self::page::{PageDecoder, PageFigures, PageSource, PageStages};
pub use self::row::{HEADER as CSV_HEADER, Row};
use crate::books::{Loss, ProducerBooks, SourceBooks};
use crate::draw::PixelCheck;
use crate::time::{Latencies, Latency, Stage};
use crate::wire::Tally;

/// Version of the JSON. Changes when a field changes its meaning or is removed; new fields do not change it.
pub const SCHEMA: u32 = 1;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Report {
    pub schema: u32,
    /// Name of the program: `vidprod` or `vidcons`.
    pub program: String,
    pub version: String,
    /// Wall clock at the start, in ms since 1970.
    pub started_ms: u64,
    pub seconds: f64,
    /// Processor time of the program since its start, including time in the system.
    #[serde(default)]
    pub cpu_seconds: f64,
    #[serde(flatten)]
    pub sums: Sums,
    pub sources: BTreeMap<String, Sums>,
    /// Result of comparing pictures with their headers (`vidcons --verify-pixels`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<PixelCheck>,
    /// The figures of each open page, as its browser measured them (`vidcons --http`, in /api/report).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<PageFigures>,
    /// The explanation of p99.
    #[serde(default)]
    pub explain: Explain,
    pub settings: serde_json::Map<String, serde_json::Value>,
    pub machine: Machine,
    /// Versions of the libraries that affect the figures.
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
}

/// The figures of one source, or of all together.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Sums {
    pub frames: Frames,
    pub counts: Counts,
    /// Number of JPEG bytes published, or received in whole frames.
    pub bytes: u64,
    pub latency_us: LatencyReport,
    /// Latency from published to acknowledged (vidprod).
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
    /// Number of frames that the producers numbered since the first one seen, without those dropped or skipped
    /// (vidcons).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<u64>,
    /// Number of lost frames by reason; every reason is listed, even at zero.
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
    /// Number of frames skipped on purpose, for example by a detector: neither expected nor lost (vidcons).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<u64>,
    /// Number of frames that `--print` printed, of all sources, shown or not (vidcons).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub printed: Option<u64>,
    /// Number of frames whose stages did not add up, because clocks disagree. They are in no histogram.
    pub untiled: u64,
    /// Number of times that a client without a connection was replaced by a new one.
    pub reconnections: u64,
    /// Number of refused frames, by the client's error text (vidprod).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refusals: BTreeMap<String, u64>,
}

#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct LatencyReport {
    /// The way in which the clocks of producer and viewer were compared.
    pub clock: String,
    /// Present if the latency is unknown, because the producer's clock is ahead of the viewer's: the smallest possible
    /// difference. Then all figures have a count of 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clocks_disagree_us: Option<u64>,
    pub total: Summary,
    pub stages: BTreeMap<String, Summary>,
}

/// A histogram summarised in µs.
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

/// The machine on which the program ran.
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

    /// Smallest possible difference of the clocks, if it makes the latency unknown.
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
    /// The figures of a viewer whose frames went through `stages`.
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

/// Number of a viewer's frames that were not shown, by reason.
pub fn viewer_losses(books: &SourceBooks, tally: &Tally) -> BTreeMap<String, u64> {
    let mut lost = books.losses.by_reason(&Loss::VIEWER);
    lost.insert(Loss::Torn.name().to_owned(), tally.torn);
    lost.insert(Loss::Lost.name().to_owned(), tally.lost);
    lost
}
