//! What became of each frame: the right side of the books, on either end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Micros;
use crate::explain::Rhythm;
use crate::frame::End;
use crate::latency::Latencies;
use crate::reassemble::{Reassembler, Tally};

/// Why a frame was not shown, or not acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Loss {
    /// A newer frame was there first.
    Superseded,
    /// vidprod: the client gave it up after `message.timeout.ms`. vidcons: it came after a newer one.
    Late,
    /// The broker or the client said no.
    Refused,
    /// Parts of it never came.
    Torn,
    Undecodable,
    /// It never came, and nobody dropped or skipped it.
    Lost,
    Paused,
    /// Of a source or session that was not being shown.
    Unselected,
}

impl Loss {
    pub const PRODUCER: [Loss; 3] = [Loss::Superseded, Loss::Late, Loss::Refused];
    /// What a frame that arrived whole may come to.
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

/// How many frames were lost for each reason.
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

    /// How many were lost for each of these reasons, by its name; also those of which there are none.
    pub fn by_reason(&self, reasons: &[Loss]) -> BTreeMap<String, u64> {
        reasons.iter().map(|&loss| (loss.name().to_owned(), self.of(loss))).collect()
    }
}

/// vidprod's books of one session.
#[derive(Clone, Default, Debug)]
pub struct ProducerBooks {
    pub captured: u64,
    pub encoded: u64,
    pub published: u64,
    /// When the last of them was.
    pub published_at: Micros,
    pub acknowledged: u64,
    pub losses: Losses,
    /// JPEG bytes published.
    pub bytes: u64,
    pub records: u64,
    pub frame_bytes_max: u64,
    pub latencies: Latencies,
    pub rhythm: Rhythm,
    /// published → acknowledged
    pub ack: crate::latency::Latency,
    /// The same of the first frame, which waited for the connection and the topic's leader.
    pub ack_first: Duration,
    /// Frames that waited until others were acknowledged, before they were encoded.
    pub held_back: u64,
    /// When the newest frame was captured.
    pub captured_at: Micros,
    /// When the newest of those was captured that were acknowledged.
    pub acknowledged_capture: Micros,
    /// Why the last frame that was published in vain was not acknowledged.
    pub last_failure: Option<String>,
    /// Why frames were refused: the client's words and how often.
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

/// vidcons' books of one source.
#[derive(Clone, Default, Debug)]
pub struct SourceBooks {
    pub shown: u64,
    pub losses: Losses,
    pub foreign: u64,
    /// Frames that were printed, whatever became of them.
    pub printed: u64,
    pub bytes: u64,
    pub frame_bytes_max: u64,
    pub latencies: Latencies,
}

impl SourceBooks {
    /// Whether each frame that arrived whole came to exactly one end.
    pub fn balanced(&self, tally: &Tally) -> bool {
        tally.whole == self.shown + self.losses.sum()
    }
}

/// vidcons' books: what became of the frames that arrived. What should have arrived is the [`Reassembler`]'s.
#[derive(Default, Debug)]
pub struct ViewerBooks {
    pub total: SourceBooks,
    pub sources: BTreeMap<Arc<str>, SourceBooks>,
    pub rejected: u64,
    /// Of what is shown.
    pub rhythm: Rhythm,
}

impl ViewerBooks {
    /// Writes the same thing into the books of a source and into the total.
    pub fn post(&mut self, source: &Arc<str>, mut entry: impl FnMut(&mut SourceBooks)) {
        entry(&mut self.total);
        match self.sources.get_mut(source) {
            Some(books) => entry(books),
            None => entry(self.sources.entry(source.clone()).or_default()),
        }
    }

    /// Forgets sources that the reassembler no longer keeps; they stay in the total.
    pub fn forget_gone(&mut self, reassembler: &Reassembler) {
        self.sources.retain(|name, _| reassembler.knows(name));
    }

    pub fn balanced(&self, reassembler: &Reassembler) -> bool {
        let known = |(name, tally): (&Arc<str>, Tally)| match self.sources.get(name) {
            Some(books) => books.balanced(&tally),
            None => tally.whole == 0,
        };
        self.total.balanced(&reassembler.total()) && reassembler.tallies().all(known)
    }
}
