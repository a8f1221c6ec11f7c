//! The timestamps of a frame, and the stages between them, which add up to the latency from due to presented.

use std::time::Duration;

use crate::time::Micros;

/// A stage of a frame's latency; each begins at the end of the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// due → captured
    Capture,
    /// captured → encoded
    Encode,
    /// encoded → published (passed to the Kafka client)
    Publish,
    /// published → received: the client's queue, the network, the broker, and back
    Broker,
    /// received → reassembled
    Reassemble,
    /// reassembled → decoded
    Decode,
    /// decoded → presented
    Present,
}

impl Stage {
    pub const ALL: [Stage; 7] = [
        Stage::Capture,
        Stage::Encode,
        Stage::Publish,
        Stage::Broker,
        Stage::Reassemble,
        Stage::Decode,
        Stage::Present,
    ];
    /// The stages that the producer measures.
    pub const PRODUCER: [Stage; 3] = [Stage::Capture, Stage::Encode, Stage::Publish];

    pub const fn name(self) -> &'static str {
        match self {
            Stage::Capture => "capture",
            Stage::Encode => "encode",
            Stage::Publish => "publish",
            Stage::Broker => "broker",
            Stage::Reassemble => "reassemble",
            Stage::Decode => "decode",
            Stage::Present => "present",
        }
    }
}

/// The timestamps of one frame, all from one clock. Each stage sets the timestamp of its end.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Stamps {
    pub due: Micros,
    pub captured: Micros,
    pub encoded: Micros,
    pub published: Micros,
    pub received: Micros,
    pub reassembled: Micros,
    pub decoded: Micros,
    pub presented: Micros,
}

impl Stamps {
    /// The beginning and end of `stage`.
    pub fn span(&self, stage: Stage) -> (Micros, Micros) {
        match stage {
            Stage::Capture => (self.due, self.captured),
            Stage::Encode => (self.captured, self.encoded),
            Stage::Publish => (self.encoded, self.published),
            Stage::Broker => (self.published, self.received),
            Stage::Reassemble => (self.received, self.reassembled),
            Stage::Decode => (self.reassembled, self.decoded),
            Stage::Present => (self.decoded, self.presented),
        }
    }

    /// The duration of each of `stages`, if they add up: no stage ends before it begins, and their sum is exactly the
    /// time from the beginning of the first to the end of the last.
    pub fn tile(&self, stages: &[Stage]) -> Option<Tiles> {
        let mut tiles = Tiles { of: [None; Stage::ALL.len()], total: Duration::ZERO };
        for &stage in stages {
            let (begin, end) = self.span(stage);
            if begin > end {
                return None;
            }
            tiles.of[stage as usize] = Some(end.since(begin));
            tiles.total += end.since(begin);
        }
        let (first, last) = (stages.first()?, stages.last()?);
        (tiles.total == self.span(*last).1.since(self.span(*first).0)).then_some(tiles)
    }

    /// Time by which the frame seems to have arrived before it was sent. With two clocks this is the producer's lead
    /// over the viewer's clock minus the frame's latency, so the clocks disagree by at least this.
    pub fn ahead(&self) -> Option<Duration> {
        (self.published > self.received).then(|| self.published.since(self.received))
    }

    /// Adds `offset_us` to the producer's timestamps.
    #[must_use]
    pub fn shifted(mut self, offset_us: i64) -> Stamps {
        for stamp in [&mut self.due, &mut self.captured, &mut self.encoded, &mut self.published] {
            *stamp = stamp.shifted(offset_us);
        }
        self
    }
}

/// The duration of each stage of one frame, without gap or overlap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tiles {
    of: [Option<Duration>; Stage::ALL.len()],
    total: Duration,
}

impl Tiles {
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Duration)> {
        Stage::ALL.into_iter().filter_map(|stage| Some((stage, self.stage(stage)?)))
    }

    /// `None` for a stage that the frame did not go through.
    pub fn stage(&self, stage: Stage) -> Option<Duration> {
        self.of[stage as usize]
    }

    pub fn total(&self) -> Duration {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(us: [u64; 8]) -> Stamps {
        let [due, captured, encoded, published, received, reassembled, decoded, presented] = us.map(Micros);
        Stamps { due, captured, encoded, published, received, reassembled, decoded, presented }
    }

    #[test]
    fn the_stages_sum_to_the_total() {
        let s = stamps([10, 11, 14, 15, 29, 29, 40, 41]);
        let tiles = s.tile(&Stage::ALL).expect("in order");
        assert_eq!(tiles.iter().map(|(_, d)| d).sum::<Duration>(), s.presented.since(s.due));
        assert_eq!(tiles.total(), s.presented.since(s.due));
    }

    #[test]
    fn a_clock_that_runs_back_does_not_tile() {
        assert_eq!(stamps([10, 11, 14, 15, 12, 29, 40, 41]).tile(&Stage::ALL), None);
    }

    #[test]
    fn stages_with_a_gap_or_an_overlap_do_not_tile() {
        let s = stamps([10, 11, 14, 15, 29, 29, 40, 41]);
        assert_eq!(s.tile(&[Stage::Capture, Stage::Publish]), None, "what was between is in no stage");
        assert_eq!(s.tile(&[Stage::Capture, Stage::Encode, Stage::Encode]), None, "one is counted twice");
        assert_eq!(s.tile(&[]), None);
    }

    #[test]
    fn only_the_producers_moments_are_shifted() {
        let s = stamps([10, 11, 12, 13, 50, 51, 52, 53]).shifted(-5);
        assert_eq!(s, stamps([5, 6, 7, 8, 50, 51, 52, 53]));
    }
}
