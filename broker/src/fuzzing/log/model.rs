//! A simple log with which the real one is compared.

use std::collections::HashMap;

use bytes::Bytes;

use crate::{
    batch::{Batch, BatchHeader},
    log::{Appended, Log},
};

/// All batches that were ever appended; the first ones may have been dropped.
#[derive(Debug, Default)]
pub(super) struct Model {
    batches: Vec<Kept>,
    gone: usize,
    start: i64,
    pub(super) end: i64,
    next_sequence: HashMap<i64, i32>,
}

#[derive(Debug)]
struct Kept {
    offset: i64,
    end: i64,
    header: BatchHeader,
    arrived: i64,
    bytes: Bytes,
    /// `None` if the batch is compressed.
    times: Option<Vec<i64>>,
}

impl Model {
    pub(super) fn next_sequence(&self, producer: i64) -> i32 {
        self.next_sequence.get(&producer).copied().unwrap_or_default()
    }

    pub(super) fn append(&mut self, batch: &Batch, appended: Appended, arrived: i64) {
        let (offset, header) = (appended.base_offset, batch.header);
        if appended.duplicate {
            let before = self.batches.iter().find(|kept| kept.offset == offset).expect("a duplicate was here before");
            let numbers = |of: &BatchHeader| (of.producer_id, of.producer_epoch, of.base_sequence, of.records);
            assert_eq!(numbers(&before.header), numbers(&header));
            return;
        }
        assert_eq!(offset, self.end);
        self.end += i64::from(header.records);
        let next = (i64::from(header.base_sequence) + i64::from(header.records)) & i64::from(i32::MAX);
        self.next_sequence.insert(header.producer_id, next as i32);
        let times = batch.records().map(|records| records.map(|(_, at)| at).collect());
        self.batches.push(Kept { offset, end: self.end, header, arrived, bytes: batch.bytes().clone(), times });
    }

    fn kept(&self) -> &[Kept] {
        &self.batches[self.gone..]
    }

    fn bytes(&self) -> usize {
        self.kept().iter().map(|kept| kept.bytes.len()).sum()
    }

    pub(super) fn drop_oldest(&mut self) -> usize {
        let Some(oldest) = self.batches.get(self.gone) else { return 0 };
        self.gone += 1;
        self.start = oldest.end;
        oldest.bytes.len()
    }

    pub(super) fn delete_before(&mut self, offset: i64) -> Option<i64> {
        let offset = if offset == -1 { self.end } else { offset };
        if offset < 0 || offset > self.end {
            return None;
        }
        self.start = self.start.max(offset);
        self.gone = self.batches.iter().filter(|kept| kept.end <= self.start).count();
        Some(self.start)
    }

    pub(super) fn keep(&mut self, bytes_max: Option<usize>, oldest_ms: Option<i64>) {
        while let Some(oldest) = self.kept().first() {
            let too_big = self.kept().len() > 1 && bytes_max.is_some_and(|max| self.bytes() > max);
            if !too_big && oldest_ms.is_none_or(|limit| oldest.arrived >= limit) {
                break;
            }
            self.drop_oldest();
        }
    }

    pub(super) fn at_time(&self, timestamp: i64) -> Option<(i64, i64)> {
        self.kept().iter().find_map(|kept| match &kept.times {
            Some(_) => self.visible(kept).find(|&(_, at)| at >= timestamp),
            None if kept.header.max_timestamp < timestamp => None,
            None => Some((kept.offset.max(self.start), kept.header.base_timestamp)),
        })
    }

    pub(super) fn newest_time(&self) -> Option<(i64, i64)> {
        let mut newest = None;
        for kept in self.kept() {
            let compressed = kept.times.is_none().then_some((kept.end - 1, kept.header.max_timestamp));
            for (offset, at) in self.visible(kept).chain(compressed) {
                if at >= 0 && newest.is_none_or(|(_, newest)| at > newest) {
                    newest = Some((offset, at));
                }
            }
        }
        newest
    }

    fn visible(&self, kept: &Kept) -> impl Iterator<Item = (i64, i64)> {
        let times = kept.times.iter().flatten().copied();
        (kept.offset..).zip(times).filter(|&(offset, _)| offset >= self.start)
    }

    /// The result of a read: each batch's offset and bytes.
    pub(super) fn read(&self, from: i64, bytes_max: usize, at_least_one: bool) -> Option<Vec<(i64, Bytes)>> {
        if from < self.start || from > self.end {
            return None;
        }
        let (mut read, mut bytes) = (Vec::new(), 0);
        for kept in self.kept().iter().filter(|kept| kept.end > from) {
            bytes += kept.bytes.len();
            if bytes > bytes_max && !(at_least_one && read.is_empty()) {
                break;
            }
            read.push((kept.offset, kept.bytes.clone()));
        }
        Some(read)
    }

    pub(super) fn check(&self, log: &Log) {
        log.check_invariants();
        let of_log = (log.start(), log.end(), log.bytes(), log.batches());
        assert_eq!(of_log, (self.start, self.end, self.bytes(), self.kept().len()));
        assert_eq!(read(log, self.start, usize::MAX, false), self.read(self.start, usize::MAX, false));
    }
}

/// The real log's read in the form of the model's.
pub(super) fn read(log: &Log, from: i64, bytes_max: usize, at_least_one: bool) -> Option<Vec<(i64, Bytes)>> {
    let slices = log.read(from, bytes_max, at_least_one).ok()?;
    Some(slices.into_iter().map(|slice| (slice.base_offset, slice.batch.bytes().clone())).collect())
}
