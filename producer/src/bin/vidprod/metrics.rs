//! The figures of a run for Prometheus.

use common::books::{Loss, ProducerBooks};
use common::time::{Distribution, Stage};
use producer::FramePublisher;
use web::{Metric, MetricsPage};

use crate::status::BrokerSilence;

const BUILD: Metric = Metric::info("vidprod_build_info", "Version of the program and of its Kafka client.");
const CAPTURED: Metric = Metric::counter("vidprod_captured_frames_total", "Frames captured from the input.");
const FRAMES: Metric = Metric::counter(
    "vidprod_frames_total",
    "Captured frames whose outcome is known: acknowledged by the broker, or the reason why not.",
);
const PUBLISHED_FRAMES: Metric =
    Metric::counter("vidprod_published_frames_total", "Frames encoded and passed to the Kafka client.");
const PUBLISHED_RECORDS: Metric =
    Metric::counter("vidprod_published_records_total", "Records that these frames were split into.");
const PUBLISHED_BYTES: Metric = Metric::counter("vidprod_published_bytes_total", "Bytes of JPEG of these frames.");
const HELD_BACK: Metric = Metric::counter(
    "vidprod_held_back_frames_total",
    "Frames that waited for acknowledgements of others before they were encoded.",
);
const IN_FLIGHT_FRAMES: Metric =
    Metric::gauge("vidprod_in_flight_frames", "Frames that were published and are not acknowledged yet.");
const IN_FLIGHT_BYTES: Metric = Metric::gauge("vidprod_in_flight_bytes", "Bytes of JPEG of these frames.");
const QUALITY: Metric = Metric::gauge(
    "vidprod_jpeg_quality",
    "JPEG quality of the newest frame, 1 to 100; missing if it was passed through.",
);
const DUE_TO_PUBLISHED: Metric = Metric::histogram(
    "vidprod_due_to_published_latency_seconds",
    "Latency of acknowledged frames, from due to passed to the Kafka client.",
);
const STAGE: Metric = Metric::histogram("vidprod_stage_latency_seconds", "Latency of the same frames, stage by stage.");
const ACKNOWLEDGE: Metric = Metric::histogram(
    "vidprod_acknowledge_latency_seconds",
    "Latency of acknowledged frames, from passed to the Kafka client to acknowledged by the broker.",
);
const SILENCE: Metric = Metric::gauge(
    "vidprod_broker_silence_seconds",
    "Time for which the broker has acknowledged nothing although frames wait for it; 0 if it answers.",
);
const RECONNECTIONS: Metric = Metric::counter(
    "vidprod_reconnections_total",
    "Times that a Kafka client that had lost all its brokers was replaced by a new one.",
);
const DISCONNECTS: Metric =
    Metric::counter("vidprod_disconnects_total", "Connections to brokers that broke or were closed.");

/// All figures, in their order on the page.
const METRICS: [Metric; 16] = [
    BUILD,
    CAPTURED,
    FRAMES,
    PUBLISHED_FRAMES,
    PUBLISHED_RECORDS,
    PUBLISHED_BYTES,
    HELD_BACK,
    IN_FLIGHT_FRAMES,
    IN_FLIGHT_BYTES,
    QUALITY,
    DUE_TO_PUBLISHED,
    STAGE,
    ACKNOWLEDGE,
    SILENCE,
    RECONNECTIONS,
    DISCONNECTS,
];

/// The figures of a session at one moment.
#[derive(Clone, Debug)]
pub struct SessionFigures<'a> {
    pub publisher: &'a FramePublisher,
    /// The session's number in the publisher's books.
    pub session: usize,
    pub source: &'a str,
    /// `None` if the newest frame was passed through.
    pub quality: Option<u8>,
    pub silence: Option<BrokerSilence>,
}

/// What the page says of the books. The frame threads need their lock, so only this small copy is made behind it.
struct BooksCopy {
    counts: [(Metric, u64); 5],
    outcomes: [(&'static str, u64); 4],
    due_to_published: Distribution,
    stages: [(Stage, Distribution); 3],
    acknowledge: Distribution,
}

impl BooksCopy {
    fn of(books: &ProducerBooks) -> BooksCopy {
        let lost = |loss: Loss| (loss.name(), books.losses.of(loss));
        let [superseded, late, refused] = Loss::PRODUCER.map(lost);
        BooksCopy {
            counts: [
                (CAPTURED, books.captured),
                (PUBLISHED_FRAMES, books.published),
                (PUBLISHED_RECORDS, books.records),
                (PUBLISHED_BYTES, books.bytes),
                (HELD_BACK, books.held_back),
            ],
            outcomes: [("acknowledged", books.acknowledged), superseded, late, refused],
            due_to_published: books.latencies.total.distribution(),
            stages: Stage::PRODUCER.map(|stage| (stage, books.latencies.stage(stage).distribution())),
            acknowledge: books.ack.distribution(),
        }
    }
}

impl SessionFigures<'_> {
    /// The page for Prometheus.
    pub fn metrics(&self) -> MetricsPage {
        let books = self.publisher.with_books(self.session, BooksCopy::of);
        let (frames, bytes) = self.publisher.in_flight();
        let client = self.publisher.facts().recent();
        let librdkafka = kafka::versions().remove("librdkafka").unwrap_or_default();
        let of = [("source", self.source)];
        let mut page = MetricsPage::new(&METRICS);
        page.info(&BUILD, &[("version", env!("CARGO_PKG_VERSION")), ("librdkafka", &librdkafka)]);
        books.counts.iter().for_each(|(metric, count)| page.count(metric, &of, *count));
        for (outcome, count) in books.outcomes {
            page.count(&FRAMES, &[("source", self.source), ("outcome", outcome)], count);
        }
        page.number(&IN_FLIGHT_FRAMES, &of, frames as f64);
        page.number(&IN_FLIGHT_BYTES, &of, bytes as f64);
        if let Some(quality) = self.quality {
            page.number(&QUALITY, &of, quality.into());
        }
        page.distribution(&DUE_TO_PUBLISHED, &of, books.due_to_published);
        for (stage, distribution) in books.stages {
            page.distribution(&STAGE, &[("source", self.source), ("stage", stage.name())], distribution);
        }
        page.distribution(&ACKNOWLEDGE, &of, books.acknowledge);
        page.number(&SILENCE, &[], self.silence.as_ref().map_or(0.0, |silence| silence.seconds));
        page.count(&RECONNECTIONS, &[], client.reconnections);
        page.count(&DISCONNECTS, &[], client.disconnects);
        page
    }

    /// The reason why no frames reach the broker, if none do.
    pub fn not_ready(&self) -> Option<String> {
        let silence = self.silence.as_ref();
        let silent =
            || silence.map(|silence| format!("the broker is silent for {:.0} s{}", silence.seconds, silence.because()));
        let acknowledged = self.publisher.with_books(self.session, |books| books.acknowledged);
        silent().or_else(|| (acknowledged == 0).then(|| "no frame was acknowledged yet".to_owned()))
    }
}
