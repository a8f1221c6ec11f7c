//! The input of the rules: plain figures, so that a test can write down any case.

use common::words::{count, ms, were};
use std::collections::BTreeMap;
use std::time::Duration;

use common::books::ProducerBooks;
use common::report::{ClientFacts, Finding, Waits};
use common::time::{Latencies, Stage, TailStages, TimeBase};

/// The latency of the frames as one program saw it.
#[derive(Clone, Debug)]
pub struct StageLatencies {
    pub stages: &'static [Stage],
    pub frames: u64,
    pub p50_us: u64,
    pub p99_us: u64,
    pub tail: TailStages,
    /// The p50 of each stage.
    pub median_us: [u64; Stage::ALL.len()],
    pub base: TimeBase,
}

impl StageLatencies {
    pub fn new(latencies: &Latencies, stages: &'static [Stage]) -> StageLatencies {
        let total = latencies.total.histogram();
        StageLatencies {
            stages,
            frames: total.len(),
            p50_us: total.value_at_quantile(0.5),
            p99_us: total.value_at_quantile(0.99),
            tail: latencies.slowest.tail(total.len()),
            median_us: Stage::ALL.map(|stage| latencies.stage(stage).histogram().value_at_quantile(0.5)),
            base: latencies.base,
        }
    }

    pub fn median(&self, stage: Stage) -> u64 {
        self.median_us[stage as usize]
    }

    /// A finding that `share_us` of a stage are to blame; the evidence is the stage's figures.
    pub(super) fn finding(&self, stage: Stage, share_us: u64) -> Finding {
        let tail_us = self.tail.of(stage);
        Finding {
            stage: stage.name().to_owned(),
            share_us: share_us.min(tail_us),
            of_us: self.tail.total_us(),
            always: false,
            cause: String::new(),
            evidence: format!(
                "{} takes {} ms at p50, {} in the {} slowest frames",
                stage.name(),
                ms(self.median(stage)),
                ms(tail_us),
                self.tail.frames
            ),
            advice: String::new(),
        }
    }
}

/// The path of pictures to the display.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DisplayPath {
    None,
    /// Through shared memory that the display reads.
    Shared,
    /// Through shared memory, after scaling to the window's size.
    Scaled,
    /// Through the display's socket.
    Sent,
}

/// Figures that only one of the programs has.
#[derive(Clone, Copy, Debug)]
pub enum SideFigures {
    Producer(ProducerFigures),
    Viewer {
        display: DisplayPath,
        /// Time for which the display kept the window waiting, at least, as many times as there are frames in the tail.
        display_us: u64,
        frame_bytes: u64,
    },
}

/// The producer's figures about acknowledgements.
#[derive(Clone, Copy, Debug)]
pub struct ProducerFigures {
    pub acknowledge_p50_us: u64,
    pub acknowledge_p99_us: u64,
    /// Time to the acknowledgement of the first frame.
    pub first_us: u64,
    /// True if no frame may be dropped, so no record has a time limit.
    pub every_frame: bool,
    /// Number of frames that waited for acknowledgements of others before they were encoded.
    pub held_back: u64,
}

impl SideFigures {
    pub fn producer(books: &ProducerBooks, every_frame: bool) -> SideFigures {
        let at = |q: f64| books.ack.histogram().value_at_quantile(q);
        SideFigures::Producer(ProducerFigures {
            acknowledge_p50_us: at(0.5),
            acknowledge_p99_us: at(0.99),
            first_us: books.ack_first.as_micros() as u64,
            every_frame,
            held_back: books.held_back,
        })
    }
}

/// The kind of source that produces the pictures.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum SourceKind {
    /// A viewer does not know the source.
    #[default]
    Unknown,
    TestCard,
    File,
    Pipe,
    Camera,
    /// A camera or a server that is read over the network.
    Network,
}

/// The broker, source and window of a run. Advice must be possible for them.
#[derive(Clone, Copy, Default, Debug)]
pub struct RunContext {
    pub source: SourceKind,
    /// True if the broker is `vidbroker`, or the one in vidprod. It keeps everything in memory and has no replicas and
    /// no log file.
    pub embedded_broker: bool,
    pub bytes_per_second: u64,
    /// True if an option set the window's size.
    pub window_size_given: bool,
}

/// All the input of the rules.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub latency: StageLatencies,
    /// Time between frames, by their due times.
    pub interval: Option<Duration>,
    /// Number of frames dropped in favour of a newer one.
    pub superseded: u64,
    pub client: ClientFacts,
    /// The user's own Kafka properties.
    pub properties: BTreeMap<String, String>,
    pub context: RunContext,
    pub side: SideFigures,
}

impl Evidence {
    /// The number that the user set for a property, if it is one.
    pub(super) fn set(&self, property: &str) -> Option<f64> {
        self.properties.get(property)?.trim().parse().ok()
    }

    /// The share of a wait that is due to the broker's quota. If the quota delays a connection, all later requests wait
    /// too, once for each delay. Therefore a single delay may be small compared to the whole wait.
    pub(super) fn throttled_us(&self, wait_us: u64) -> u64 {
        let Waits { count, mean_us, p99_us, .. } = self.client.throttled;
        if 10 * p99_us >= wait_us { wait_us.min(count * mean_us) } else { p99_us }
    }

    /// Evidence that the broker's quota delays this client.
    pub(super) fn throttled_words(&self) -> String {
        format!("it held the connection up for {} ms at a time", ms(self.client.throttled.p99_us))
    }

    /// True if this time per frame is too long for the frame rate.
    pub(super) fn takes_too_long(&self, us: u64) -> bool {
        // If nine tenths of the time are used, nothing is left for a frame that is slow once.
        self.interval.is_some_and(|interval| us as u128 * 10 >= interval.as_micros() * 9)
    }

    /// Number of dropped frames, as the end of a sentence: their waiting time is in no histogram.
    pub(super) fn dropped_words(&self) -> String {
        match self.superseded {
            0 => String::new(),
            n => format!(", {} {} given up for newer ones", count(n, "frame"), were(n)),
        }
    }

    pub(super) fn rate(&self) -> String {
        self.interval
            .map_or(String::new(), |interval| format!("a frame is due every {} ms", ms(interval.as_micros() as u64)))
    }
}
