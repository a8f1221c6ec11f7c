//! The figures of a snapshot for Prometheus.

use std::time::Duration;

use ::web::{Metric, MetricsPage};
use common::books::Loss;
use common::report::ClientFacts;
use common::time::TimeBase;

use crate::engine::{Snapshot, SourceSnapshot};

const BUILD: Metric = Metric::info("vidcons_build_info", "Version of the program and of its Kafka client.");
const LIVE: Metric = Metric::gauge("vidcons_live", "1 while frames of the shown source arrive, otherwise 0.");
const LAST_FRAME: Metric = Metric::gauge(
    "vidcons_last_frame_timestamp_seconds",
    "Time at which the last frame of any source arrived, in seconds since 1970.",
);
const LAG: Metric = Metric::gauge(
    "vidcons_consumer_lag_records",
    "Records of the topic that the broker has and vidcons has not read: the end of each partition that it reads, less \
     its position there, as of the last fetch; at most a second old.",
);
const FRAMES: Metric =
    Metric::counter("vidcons_frames_total", "Frames that arrived whole: shown, or the reason why not.");
const RECEIVED_FRAMES: Metric = Metric::counter("vidcons_received_frames_total", "Frames that arrived whole.");
const RECEIVED_BYTES: Metric =
    Metric::counter("vidcons_received_bytes_total", "Bytes of the frames that arrived whole.");
const EXPECTED: Metric = Metric::gauge(
    "vidcons_expected_frames",
    "Frames that the producer numbered and neither dropped nor skipped, until now. It is the sum of \
     vidcons_received_frames_total and vidcons_missing_frames.",
);
const MISSING: Metric = Metric::gauge(
    "vidcons_missing_frames",
    "Frames that did not arrive (lost), or not completely (torn), until now. It falls when such a frame arrives late, or \
     when its producer reports that it was dropped.",
);
const DUPLICATES: Metric =
    Metric::counter("vidcons_duplicates_total", "Frames and parts of frames that arrived more than once.");
const UNTILED: Metric = Metric::counter(
    "vidcons_untiled_frames_total",
    "Shown frames that are in no latency, because clocks disagree: a stage seemed to end before it began.",
);
const REJECTED: Metric =
    Metric::counter("vidcons_rejected_records_total", "Records that are no frames, or wrong ones.");
const END_TO_END: Metric = Metric::histogram(
    "vidcons_end_to_end_latency_seconds",
    "Latency of shown frames, from due to presented; without a window, to decoded.",
);
const STAGE: Metric = Metric::histogram("vidcons_stage_latency_seconds", "Latency of the same frames, stage by stage.");
const CLOCKS_DISAGREE: Metric = Metric::gauge(
    "vidcons_clocks_disagree_seconds",
    "Time by which the producer's clock is ahead at least, because frames arrive before they were sent; 0 if none do. \
     Where it is not 0, there is no latency.",
);
const CLOCK_ERROR: Metric = Metric::gauge(
    "vidcons_clock_error_bound_seconds",
    "Largest error of the latency because of clocks: 0 if producer and viewer use the same one, infinite if they are \
     compared by wall clocks, whose difference is unknown.",
);
const RECONNECTIONS: Metric = Metric::counter(
    "vidcons_reconnections_total",
    "Times that a Kafka client that had lost all its brokers was replaced by a new one.",
);
const DISCONNECTS: Metric =
    Metric::counter("vidcons_disconnects_total", "Connections to brokers that broke or were closed.");
const PAGES: Metric = Metric::gauge("vidcons_pages", "Pages that are open in browsers.");

/// All figures, in their order on the page.
const METRICS: [Metric; 19] = [
    BUILD,
    LIVE,
    LAST_FRAME,
    LAG,
    FRAMES,
    RECEIVED_FRAMES,
    RECEIVED_BYTES,
    EXPECTED,
    MISSING,
    DUPLICATES,
    UNTILED,
    REJECTED,
    END_TO_END,
    STAGE,
    CLOCKS_DISAGREE,
    CLOCK_ERROR,
    RECONNECTIONS,
    DISCONNECTS,
    PAGES,
];

/// Figures that a snapshot does not have.
#[derive(Clone, Copy, Default, Debug)]
pub struct ViewerFigures {
    /// Those of the Kafka client.
    pub client: ClientFacts,
    /// Number of records that are in the topic and were not read, if known.
    pub lag: Option<u64>,
    /// Time at which the last frame arrived, since 1970.
    pub last_frame: Duration,
    /// Number of pages that are open in browsers.
    pub pages: usize,
}

/// The figures of all sources.
pub fn metrics(snapshot: &Snapshot<'_>, figures: &ViewerFigures) -> MetricsPage {
    let mut page = MetricsPage::new(&METRICS);
    let librdkafka = kafka::versions().remove("librdkafka").unwrap_or_default();
    page.info(&BUILD, &[("version", env!("CARGO_PKG_VERSION")), ("librdkafka", &librdkafka)]);
    page.number(&LIVE, &[], if snapshot.not_live().is_none() { 1.0 } else { 0.0 });
    if snapshot.total.tally.whole > 0 {
        page.number(&LAST_FRAME, &[], figures.last_frame.as_secs_f64());
    }
    if let Some(lag) = figures.lag {
        page.number(&LAG, &[("topic", snapshot.topic)], lag as f64);
    }
    for (name, source) in &snapshot.sources {
        enter_counts(&mut page, name, source);
        enter_latency(&mut page, name, source, snapshot);
    }
    page.count(&REJECTED, &[], snapshot.rejected);
    page.count(&RECONNECTIONS, &[], figures.client.reconnections);
    page.count(&DISCONNECTS, &[], figures.client.disconnects);
    page.number(&PAGES, &[], figures.pages as f64);
    page
}

fn enter_counts(page: &mut MetricsPage, name: &str, SourceSnapshot { books, tally }: &SourceSnapshot<'_>) {
    let of = [("source", name)];
    page.count(&FRAMES, &[("source", name), ("outcome", "shown")], books.shown);
    for loss in Loss::VIEWER {
        page.count(&FRAMES, &[("source", name), ("outcome", loss.name())], books.losses.of(loss));
    }
    for (loss, frames) in [(Loss::Lost, tally.lost), (Loss::Torn, tally.torn)] {
        page.number(&MISSING, &[("source", name), ("reason", loss.name())], frames as f64);
    }
    page.number(&EXPECTED, &of, tally.expected() as f64);
    page.count(&RECEIVED_FRAMES, &of, tally.whole);
    page.count(&RECEIVED_BYTES, &of, books.bytes);
    page.count(&DUPLICATES, &of, tally.duplicates);
    page.count(&UNTILED, &of, books.latencies.untiled);
}

/// Enters the latency of a source, unless the clocks disagree or none of its frames was shown.
fn enter_latency(page: &mut MetricsPage, name: &str, source: &SourceSnapshot<'_>, snapshot: &Snapshot<'_>) {
    let (of, latencies) = ([("source", name)], &source.books.latencies);
    let disagree = latencies.clocks_disagree();
    page.number(&CLOCKS_DISAGREE, &of, disagree.unwrap_or_default().as_secs_f64());
    let is_exact = latencies.base == TimeBase::SameHost;
    page.number(&CLOCK_ERROR, &of, if is_exact { 0.0 } else { f64::INFINITY });
    if disagree.is_some() || source.books.shown == 0 {
        return;
    }
    page.distribution(&END_TO_END, &of, latencies.total.distribution());
    for &stage in snapshot.stages {
        let of = [("source", name), ("stage", stage.name())];
        page.distribution(&STAGE, &of, latencies.stage(stage).distribution());
    }
}
