//! Makes whole frames from records, with the producers' timestamps on this host's clock.

use std::collections::BTreeMap;

use common::time::{Micros, TimeBase};
use common::wire::record::{self, Incoming, Rejected};
use common::wire::{Limits, Origin, Pushed, Reassembler};

use super::clocks::Clocks;
use super::input::TopicRecord;

/// Number of rejected records that are logged; later ones are only counted.
const REJECTIONS_LOGGED: u64 = 5;

#[derive(Debug)]
pub struct Assembly {
    clocks: Clocks,
    /// Present if other members of a group read some of the records.
    stretches: Option<Stretches>,
    reassembler: Reassembler,
    /// Number of records that are invalid, or no frames.
    rejected: u64,
}

impl Assembly {
    pub fn new(ours: Origin, is_shared: bool) -> Assembly {
        Assembly {
            clocks: Clocks::new(ours),
            stretches: is_shared.then(Stretches::default),
            reassembler: Reassembler::new(Limits::default()),
            rejected: 0,
        }
    }

    /// Takes a record that came at `received`; `now` is called when it has been read. Returns that time too, or `None` if
    /// the record is rejected, which is counted and logged.
    pub fn push(
        &mut self,
        topic: &str,
        from: &TopicRecord,
        received: Micros,
        now: impl FnOnce() -> Micros,
    ) -> Option<(Pushed, TimeBase, Micros)> {
        self.reassemble(from, received, now).map_err(|why| self.reject(topic, from, &why)).ok()
    }

    fn reassemble(
        &mut self,
        from: &TopicRecord,
        received: Micros,
        now: impl FnOnce() -> Micros,
    ) -> Result<(Pushed, TimeBase, Micros), Rejected> {
        let TopicRecord { record, partition, offset, .. } = from;
        let stretch = self.stretches.as_mut().map(|stretches| stretches.note(*partition, *offset));
        let (incoming, base) = self.clocks.onto_ours(record::read(record)?, received);
        let now = now();
        if let (Some(stretch), Some(meta)) = (stretch, incoming.meta()) {
            self.reassembler.resume(&meta.source, meta.session, stretch, now);
        }
        let pushed = match incoming {
            Incoming::Foreign(codec, payload) => {
                let meta = self.clocks.foreign_meta(codec, record, *partition, received);
                Pushed::Frame(self.reassembler.push_foreign(meta, payload, now)?)
            }
            own => self.reassembler.push(own, now)?,
        };
        Ok((pushed, base, now))
    }

    fn reject(&mut self, topic: &str, from: &TopicRecord, why: &Rejected) {
        self.rejected += 1;
        if self.rejected <= REJECTIONS_LOGGED {
            let TopicRecord { record, partition, offset, .. } = from;
            let frame = record.header("frame").map(|f| f[..f.len().min(20)].escape_ascii().to_string());
            let frame = frame.map_or(String::new(), |f| format!(" (frame {f})"));
            let last = if self.rejected == REJECTIONS_LOGGED { "; further ones are only counted" } else { "" };
            tracing::warn!(
                event = "record_rejected",
                topic,
                partition,
                offset,
                "{topic} partition {partition} offset {offset}{frame}: rejected: {why}{last}"
            );
        }
    }

    /// Drops frames that have waited too long for their parts.
    pub fn expire(&mut self, now: Micros) {
        self.reassembler.expire(now);
    }

    /// The frames that should have arrived, by source.
    pub fn reassembler(&self) -> &Reassembler {
        &self.reassembler
    }

    /// Names of the sources that have been seen and not removed.
    pub fn source_names(&self) -> impl Iterator<Item = &str> {
        self.reassembler.tallies().map(|(name, _)| &**name)
    }

    pub fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Offset to add to a producer's timestamps to get this host's clock; 0 if both share one clock.
    pub fn clock_offset_us(&self, of: &Origin) -> i64 {
        self.clocks.offset_us(of).unwrap_or(0)
    }
}

/// Numbers the stretches in which this member of a group reads a partition without a gap: it does not read the records
/// that other members read while they had the partition.
#[derive(Default, Debug)]
struct Stretches {
    /// For each partition: the next offset, and the number of the stretch.
    partitions: BTreeMap<i32, (i64, u64)>,
    /// Number of gaps.
    gaps: u64,
}

impl Stretches {
    /// Enters a record; returns the number of its stretch.
    fn note(&mut self, partition: i32, offset: i64) -> u64 {
        let (next, stretch) = self.partitions.entry(partition).or_insert((offset, 0));
        if offset > *next {
            self.gaps += 1;
            *stretch = self.gaps;
        }
        *next = (offset + 1).max(*next);
        *stretch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_in_the_offsets_of_a_partition_begins_a_new_stretch() {
        let mut stretches = Stretches::default();
        let records = [(0, 100), (0, 101), (1, 7), (0, 150), (1, 8), (0, 151), (0, 140), (0, 141), (0, 152), (1, 20)];
        let numbers: Vec<u64> = records.iter().map(|&(partition, offset)| stretches.note(partition, offset)).collect();
        assert_eq!(numbers, [0, 0, 0, 1, 0, 1, 1, 1, 1, 2]);
    }
}
