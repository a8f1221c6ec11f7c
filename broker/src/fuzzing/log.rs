//! Runs arbitrary steps on a log, and compares it after each with a model that is too simple to be wrong.
//!
//! The input is a sequence of steps: one byte selects the step, the next ones are its arguments (see `step`). The seeds
//! in `broker/corpus/log` are written by `cargo test -p broker --test corpus_log -- --ignored`.

pub mod builder;
mod model;

use bytes::{Buf, Bytes};

use self::{
    builder::Spec,
    model::{Model, read},
};
use crate::{batch::Batch, clock::Now, log::Log};

/// Largest number of steps. More would only take longer, as everything is read back after each step.
const STEPS_MAX: usize = 300;

/// Runs the steps in the input; panics if the log behaves incorrectly.
pub fn log(data: &[u8]) {
    let mut session = Session { input: data, log: Log::new(), model: Model::default(), wall_ms: 0 };
    for _ in 0..STEPS_MAX {
        if session.input.is_empty() {
            break;
        }
        session.step();
        session.model.check(&session.log);
    }
}

struct Session<'a> {
    input: &'a [u8],
    log: Log,
    model: Model,
    wall_ms: i64,
}

impl Session<'_> {
    fn step(&mut self) {
        match self.byte() % 12 {
            0..=2 => self.append_good(),
            3 => self.append_raw(),
            4 => self.parse_damaged(),
            5 => self.append_sealed(),
            6 => self.read(),
            7 => self.delete_before(),
            8 => self.keep(),
            9 => assert_eq!(self.log.drop_oldest(), self.model.drop_oldest()),
            10 => self.look_up(),
            _ => self.wall_ms += i64::from(self.byte()),
        }
    }

    fn append_good(&mut self) {
        let spec = self.spec();
        let good = is_good(&spec);
        match Batch::parse(spec.build()) {
            Ok(batch) => {
                assert!(good && batch.header.compressed == spec.compressed);
                self.append(batch);
            }
            Err(error) => assert!(!good, "{error}: {spec:?}"),
        }
    }

    fn append_raw(&mut self) {
        let length = usize::from(self.byte()).min(self.input.len());
        let raw = Bytes::copy_from_slice(&self.input[..length]);
        self.input.advance(length);
        self.append_if_good(raw);
    }

    /// Changes one byte without correcting the checksum. Only the broker's own fields may differ without an error.
    fn parse_damaged(&mut self) {
        let spec = self.spec();
        let mut bytes = spec.build().to_vec();
        let at = usize::from(self.short()) % bytes.len();
        let flip = self.byte().max(1);
        bytes[at] ^= flip;
        let of_broker = at < 8 || (12..16).contains(&at);
        assert_eq!(Batch::parse(bytes.into()).is_ok(), of_broker && is_good(&spec), "byte {at} ^ {flip}");
    }

    /// Changes some bytes and corrects length and checksum, so that the content is parsed.
    fn append_sealed(&mut self) {
        let mut bytes = self.spec().build().to_vec();
        for _ in 0..self.byte() % 4 {
            let at = usize::from(self.short()) % bytes.len();
            bytes[at] = self.byte();
        }
        bytes.truncate(bytes.len() - usize::from(self.byte() % 4));
        self.append_if_good(builder::seal(bytes));
    }

    fn append_if_good(&mut self, bytes: Bytes) {
        if let Ok(batch) = Batch::parse(bytes) {
            assert!(batch.records().is_none_or(|records| records.count() == batch.header.records as usize));
            self.append(batch);
        }
    }

    fn append(&mut self, batch: Batch) {
        let now = Now { ms: 0, wall_ms: self.wall_ms };
        if let Ok(appended) = self.log.append(batch.clone(), now) {
            self.model.append(&batch, appended, now.wall_ms);
        }
    }

    fn read(&mut self) {
        let (from, bytes_max, at_least_one) = (self.offset(), usize::from(self.short()), self.byte() & 1 == 0);
        let expected = self.model.read(from, bytes_max, at_least_one);
        assert_eq!(read(&self.log, from, bytes_max, at_least_one), expected);
    }

    fn delete_before(&mut self) {
        let offset = self.offset();
        assert_eq!(self.log.delete_before(offset).ok(), self.model.delete_before(offset));
    }

    fn keep(&mut self) {
        let which = self.byte();
        let bytes_max = (which & 1 != 0).then(|| usize::from(self.short()));
        let oldest_ms = (which & 2 != 0).then(|| i64::from(self.int()));
        self.log.keep(bytes_max, oldest_ms);
        self.model.keep(bytes_max, oldest_ms);
        let limit = oldest_ms.unwrap_or(i64::MIN);
        assert!(self.log.oldest_arrival().is_none_or(|oldest| oldest >= limit));
    }

    fn look_up(&mut self) {
        let timestamp = self.int().into();
        assert_eq!(self.log.at_time(timestamp), self.model.at_time(timestamp));
        assert_eq!(self.log.newest_time(), self.model.newest_time());
    }

    fn spec(&mut self) -> Spec {
        let records = usize::from(self.byte() % 8 + 1);
        let value_bytes = self.byte().into();
        let base_timestamp = self.int().into();
        let timestamp_deltas = (0..records).map(|_| i64::from(self.byte().cast_signed())).collect();
        let compressed = self.byte() % 4 == 3;
        Spec { producer: self.producer(), base_timestamp, timestamp_deltas, value_bytes, compressed }
    }

    fn producer(&mut self) -> (i64, i16, i32) {
        let producer_id = i64::from(self.byte() % 4) - 1;
        let epoch = i16::from(self.byte() % 4);
        // Usually the next sequence; others would seldom be accepted.
        let behind = self.byte();
        let sequence = if behind == 255 { self.int() } else { self.model.next_sequence(producer_id) };
        (producer_id, epoch, if behind < 16 { sequence.wrapping_sub(behind.into()) } else { sequence })
    }

    /// Usually an offset in the log.
    fn offset(&mut self) -> i64 {
        i64::from(self.short()) % (self.model.end + 3) - 2
    }

    /// Returns zero after the end of the input.
    fn byte(&mut self) -> u8 {
        self.input.try_get_u8().unwrap_or_default()
    }

    fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn int(&mut self) -> i32 {
        i32::from_be_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }
}

/// True unless the sequence of an idempotent producer is negative, which is all that can be wrong with a batch of
/// `spec`.
fn is_good(spec: &Spec) -> bool {
    let (producer_id, _, sequence) = spec.producer;
    producer_id < 0 || sequence >= 0
}
