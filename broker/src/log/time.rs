//! Finds a time in a log, and the age of its oldest batch.

use std::cmp::Reverse;

use super::{Log, Stored};

impl Log {
    /// Time of arrival of the oldest batch, from which retention counts. The timestamps of its records do not matter
    /// here. Kafka goes by those, but checks only every five minutes, so that with Kafka, too, a copied history
    /// outlives its copying.
    pub fn oldest_arrival(&self) -> Option<i64> {
        self.batches.front().map(|stored| stored.arrived_wall_ms)
    }

    /// Offset and timestamp of the first record at or after a time, in the order of offsets.
    ///
    /// The result is exact for uncompressed batches. Compressed batches are not unpacked: if a batch's largest
    /// timestamp is late enough, its base offset and base timestamp are returned, and a reader that starts there finds
    /// the record.
    pub fn at_time(&self, timestamp: i64) -> Option<(i64, i64)> {
        // Dropped batches may have had later timestamps than all that are left, so the search only gives the first
        // candidate.
        let first = self.batches.partition_point(|stored| stored.max_timestamp_so_far < timestamp);
        let mut late = self.batches.range(first..).filter(|stored| stored.batch.header.max_timestamp >= timestamp);
        late.find_map(|stored| stored.at_time(timestamp, self.start))
    }

    /// Offset and timestamp of the record with the largest timestamp, and of several the first; for a compressed batch
    /// its last offset. `None` if no record has a timestamp.
    pub fn newest_time(&self) -> Option<(i64, i64)> {
        let oldest = self.batches.front()?;
        // Only the first batch may contain deleted records, so only for it is the header's timestamp not enough.
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

    /// Offset and timestamp of the records that are not deleted; `None` if they are compressed.
    fn visible(&self, start: i64) -> Option<impl Iterator<Item = (i64, i64)>> {
        let records = self.batch.records()?.map(|(delta, at)| (self.base_offset + i64::from(delta), at));
        Some(records.filter(move |&(offset, _)| offset >= start))
    }
}
