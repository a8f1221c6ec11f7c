//! Accounting: the outcome of each frame, for producers and viewers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::time::{Latencies, Latency, Micros};
use crate::wire::{End, Meta, Session, Tally};

/// Reason why a frame was not shown, or not acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Loss {
    /// Replaced by a newer frame.
    Superseded,
    /// vidprod: it was not acknowledged in time, or there was no time left to send it. vidcons: it arrived after a newer one.
    Late,
    /// Refused by the broker or the client.
    Refused,
    /// Some parts never arrived.
    Torn,
    Undecodable,
    /// Never arrived, and was neither dropped nor skipped.
    Lost,
    Paused,
    /// From a source or session that was not being shown.
    Unselected,
}

impl Loss {
    pub const PRODUCER: [Loss; 3] = [Loss::Superseded, Loss::Late, Loss::Refused];
    /// The possible losses of a frame that arrived whole.
    pub const VIEWER: [Loss; 5] = [Loss::Superseded, Loss::Late, Loss::Undecodable, Loss::Paused, Loss::Unselected];

    pub const fn name(self) -> &'static str {
        match self {
            Loss::Superseded => "superseded",
            Loss::Late => "late",
            Loss::Refused => "refused",
            Loss::Torn => "torn",
            Loss::Undecodable => "undecodable",
            Loss::Lost => "lost",
            Loss::Paused => "paused",
            Loss::Unselected => "unselected",
        }
    }
}

/// Number of frames lost, by reason.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Losses([u64; 8]);

impl Losses {
    pub fn of(&self, loss: Loss) -> u64 {
        self.0[loss as usize]
    }

    pub fn add(&mut self, loss: Loss) {
        self.0[loss as usize] += 1;
    }

    pub fn sum(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Number of frames lost for each of these reasons, by its name, even if there are none.
    pub fn by_reason(&self, reasons: &[Loss]) -> BTreeMap<String, u64> {
        reasons.iter().map(|&loss| (loss.name().to_owned(), self.of(loss))).collect()
    }
}

/// vidprod's counts for one session.
#[derive(Clone, Default, Debug)]
pub struct ProducerBooks {
    pub captured: u64,
    pub encoded: u64,
    pub published: u64,
    /// Time at which the last frame was published.
    pub published_at: Micros,
    pub acknowledged: u64,
    pub losses: Losses,
    /// Number of JPEG bytes published.
    pub bytes: u64,
    pub records: u64,
    pub frame_bytes_max: u64,
    pub latencies: Latencies,
    pub interval: FrameInterval,
    /// Latency from published to acknowledged.
    pub ack: Latency,
    /// The same for the first frame, which waited for the connection and the topic's leader.
    pub ack_first: Duration,
    /// Number of frames that waited for acknowledgements of others before they were encoded.
    pub held_back: u64,
    /// Time at which the newest frame was captured.
    pub captured_at: Micros,
    /// Time of capture of the newest acknowledged frame.
    pub acknowledged_capture: Micros,
    /// Reason why the last failed frame was not acknowledged.
    pub last_failure: Option<String>,
    /// Number of refused frames, by the client's error text.
    pub refusals: BTreeMap<String, u64>,
}

impl ProducerBooks {
    pub fn capture(&mut self, at: Micros) {
        self.captured += 1;
        self.captured_at = at;
    }

    pub fn balanced(&self) -> bool {
        self.captured == self.acknowledged + self.losses.sum()
    }

    pub fn end(&self) -> End {
        End {
            captured: self.captured,
            acknowledged: self.acknowledged,
            superseded: self.losses.of(Loss::Superseded),
            late: self.losses.of(Loss::Late),
            refused: self.losses.of(Loss::Refused),
        }
    }
}

/// vidcons' counts for one source.
#[derive(Clone, Default, Debug)]
pub struct SourceBooks {
    pub shown: u64,
    pub losses: Losses,
    pub foreign: u64,
    /// Number of frames printed, whether shown or not.
    pub printed: u64,
    pub bytes: u64,
    pub frame_bytes_max: u64,
    pub latencies: Latencies,
}

impl SourceBooks {
    /// True if each frame that arrived whole was counted exactly once.
    pub fn balanced(&self, tally: &Tally) -> bool {
        tally.whole == self.shown + self.losses.sum()
    }
}

/// The time between the due times of a session's frames.
#[derive(Clone, Copy, Default, Debug)]
pub struct FrameInterval {
    session: Option<Session>,
    first: (u64, Micros),
    last: (u64, Micros),
}

impl FrameInterval {
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
