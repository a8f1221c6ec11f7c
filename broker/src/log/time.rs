//! Where in a log a time is, and how old its oldest batch is.

use std::cmp::Reverse;

use super::{Log, Stored};

impl Log {
    /// When the oldest batch came: retention counts from there. What its records say of their own time does not matter;
    /// Kafka goes by that, but looks only every five minutes, so that there a copied history survives its own copying.
    pub fn oldest_arrival(&self) -> Option<i64> {
        self.batches.front().map(|stored| stored.arrived_wall_ms)
    }

    /// Offset and timestamp of the first record at or after a time, in the order of offsets.
    ///
    /// Exact for what is not compressed. Nothing looks into a compressed batch: if its largest timestamp is late
    /// enough it is given by its base offset and base timestamp, from where a reader finds the record.
    pub fn at_time(&self, timestamp: i64) -> Option<(i64, i64)> {
        // What was dropped may have been later than all that is left, so the search only says where not to begin.
        let first = self.batches.partition_point(|stored| stored.max_timestamp_so_far < timestamp);
        let mut late = self.batches.range(first..).filter(|stored| stored.batch.header.max_timestamp >= timestamp);
        late.find_map(|stored| stored.at_time(timestamp, self.start))
    }

    /// Offset and timestamp of the record with the largest timestamp, the first of them if there are several; of a
    /// compressed batch its last offset. None where no record has a timestamp.
    pub fn newest_time(&self) -> Option<(i64, i64)> {
        let oldest = self.batches.front()?;
        // Only the first batch may hide records, so only its own word is not enough.
        let others = self.batches.range(1..).min_by_key(|stored| Reverse(stored.batch.header.max_timestamp));
        let candidates = [Some(oldest), others].into_iter().flatten();
        let newest = candidates.filter_map(|stored| stored.newest(self.start)).min_by_key(|&(_, at)| Reverse(at));
        newest.filter(|&(_, at)| at >= 0)
    }
}

impl Stored {
    fn at_time(&self, timestamp: i64, start: i64) -> Option<(i64, i64)> {
        match self.visible(start) {
            Some(mut records) => records.find(|&(_, at)| at >= timestamp),
            None => Some((self.base_offset.max(start), self.batch.header.base_timestamp)),
        }
    }

    fn newest(&self, start: i64) -> Option<(i64, i64)> {
        match self.visible(start) {
            Some(records) => records.min_by_key(|&(_, at)| Reverse(at)),
            None => Some((self.end() - 1, self.batch.header.max_timestamp)),
        }
    }

    /// Offset and timestamp of the records that were not deleted; unknown where they are compressed.
    fn visible(&self, start: i64) -> Option<impl Iterator<Item = (i64, i64)>> {
        let records = self.batch.records()?.map(|(delta, at)| (self.base_offset + i64::from(delta), at));
        Some(records.filter(move |&(offset, _)| offset >= start))
    }
}
