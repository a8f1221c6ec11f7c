//! What the rules look at: plain figures, so that a test can write down any case.

use crate::plural::{count, were};
use std::collections::BTreeMap;
use std::time::Duration;

use super::{ClientFacts, Finding, Setup, Waits, ms};
use crate::clock::Micros;
use crate::frame::{Meta, Session};
use crate::latency::{Latencies, TimeBase};
use crate::ledger::ProducerBooks;
use crate::slowest::Tail;
use crate::stamps::Stage;

/// The way of the frames as one program saw it.
#[derive(Clone, Debug)]
pub struct Way {
    pub stages: &'static [Stage],
    pub frames: u64,
    pub p50_us: u64,
    pub p99_us: u64,
    pub tail: Tail,
    /// Each stage at its own p50.
    pub usual_us: [u64; Stage::ALL.len()],
    pub base: TimeBase,
}

impl Way {
    pub fn new(latencies: &Latencies, stages: &'static [Stage]) -> Way {
        let total = latencies.total.histogram();
        Way {
            stages,
            frames: total.len(),
            p50_us: total.value_at_quantile(0.5),
            p99_us: total.value_at_quantile(0.99),
            tail: latencies.slowest.tail(total.len()),
            usual_us: Stage::ALL.map(|stage| latencies.stage(stage).histogram().value_at_quantile(0.5)),
            base: latencies.base,
        }
    }

    pub fn usual(&self, stage: Stage) -> u64 {
        self.usual_us[stage as usize]
    }

    /// A finding about `share_us` of a stage, with that stage's figures for evidence.
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
                ms(self.usual(stage)),
                ms(tail_us),
                self.tail.frames
            ),
            advice: String::new(),
        }
    }
}

/// How pictures get on the screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Screen {
    None,
    /// Through memory that the display reads.
    Shared,
    /// The same, but scaled to the window's size first.
    Scaled,
    /// Through the display's socket.
    Sent,
}

/// What only one of the programs knows.
#[derive(Clone, Copy, Debug)]
pub enum Side {
    Producer {
        acknowledge_p50_us: u64,
        acknowledge_p99_us: u64,
        /// The first frame's.
        first_us: u64,
        /// No frame may be dropped, so no record has a time limit.
        every_frame: bool,
        /// Frames that waited until others were acknowledged, before they were encoded.
        held_back: u64,
    },
    Viewer {
        screen: Screen,
        /// So long at least the display kept the window waiting, as many times as there are frames in the tail.
        display_us: u64,
        frame_bytes: u64,
    },
}

impl Side {
    pub fn producer(books: &ProducerBooks, every_frame: bool) -> Side {
        let at = |q: f64| books.ack.histogram().value_at_quantile(q);
        let first_us = books.ack_first.as_micros() as u64;
        Side::Producer {
            acknowledge_p50_us: at(0.5),
            acknowledge_p99_us: at(0.99),
            first_us,
            every_frame,
            held_back: books.held_back,
        }
    }
}

/// Everything that the rules look at.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub way: Way,
    /// From one frame to the next, as they are due.
    pub interval: Option<Duration>,
    /// Frames given up for a newer one.
    pub superseded: u64,
    pub client: ClientFacts,
    /// The user's own Kafka properties.
    pub properties: BTreeMap<String, String>,
    pub setup: Setup,
    pub side: Side,
}

impl Evidence {
    /// A number that the user set, whatever follows it.
    pub(super) fn set(&self, property: &str) -> Option<f64> {
        self.properties.get(property)?.trim().parse().ok()
    }

    /// What the broker's quota makes of such a wait. Where it holds a connection up, all that comes after waits too, once
    /// for each time it does: beside so long a wait one of these is little.
    pub(super) fn throttled_us(&self, wait_us: u64) -> u64 {
        let Waits { count, mean_us, p99_us, .. } = self.client.throttled;
        if 10 * p99_us >= wait_us { wait_us.min(count * mean_us) } else { p99_us }
    }

    /// That the broker's quota holds this client up.
    pub(super) fn throttled_words(&self) -> String {
        format!("it held the connection up for {} ms at a time", ms(self.client.throttled.p99_us))
    }

    /// Whether so much for each frame is too much for the rate they come at.
    pub(super) fn takes_too_long(&self, us: u64) -> bool {
        // With nine tenths of the time taken there is none left for anything that is slow once.
        self.interval.is_some_and(|interval| us as u128 * 10 >= interval.as_micros() * 9)
    }

    /// Frames that were given up, as the end of a sentence: what they waited for is in no histogram.
    pub(super) fn given_up(&self) -> String {
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

/// How far apart the frames of a session are due.
#[derive(Clone, Copy, Default, Debug)]
pub struct Rhythm {
    session: Option<Session>,
    first: (u64, Micros),
    last: (u64, Micros),
}

impl Rhythm {
    pub fn enter(&mut self, meta: &Meta) {
        self.last = (meta.frame, meta.stamps.due);
        if self.session.replace(meta.session) != Some(meta.session) {
            self.first = self.last;
        }
    }

    pub fn interval(&self) -> Option<Duration> {
        let frames = u32::try_from(self.last.0.checked_sub(self.first.0)?).ok().filter(|n| *n > 0)?;
        Some(self.last.1.since(self.first.1) / frames).filter(|interval| !interval.is_zero())
    }
}
