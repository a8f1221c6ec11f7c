//! Builds record batches for tests and fuzzing, independently of the code that reads them.

use bytes::{BufMut, Bytes};

/// The properties of a batch.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Id, epoch and first sequence.
    pub producer: (i64, i16, i32),
    pub base_timestamp: i64,
    /// One for each record.
    pub timestamp_deltas: Vec<i64>,
    pub value_bytes: usize,
    /// Sets the attribute for gzip; the content is not compressed.
    pub compressed: bool,
}

impl Spec {
    /// This many records of a producer without an id, without timestamps.
    pub fn plain(records: usize) -> Spec {
        let timestamp_deltas = vec![0; records];
        Spec { producer: (-1, -1, -1), base_timestamp: -1, timestamp_deltas, value_bytes: 3, compressed: false }
    }

    /// Records of an idempotent producer.
    pub fn sequence(producer_id: i64, epoch: i16, sequence: i32, records: usize) -> Spec {
        Spec { producer: (producer_id, epoch, sequence), ..Spec::plain(records) }
    }

    /// A record for each of these times.
    pub fn at(times: &[i64]) -> Spec {
        let deltas = times.iter().map(|at| at - times[0]).collect();
        Spec { base_timestamp: times[0], timestamp_deltas: deltas, ..Spec::plain(0) }
    }

    pub fn compressed(self) -> Spec {
        Spec { compressed: true, ..self }
    }

    pub fn build(&self) -> Bytes {
        let count = i32::try_from(self.timestamp_deltas.len()).expect("tests have few records");
        let max_delta = self.timestamp_deltas.iter().max().copied().unwrap_or_default();
        let (producer_id, epoch, sequence) = self.producer;
        let mut batch = vec![0; 8 + 4];
        batch.put_i32(-1);
        batch.put_i8(2);
        batch.put_u32(0);
        batch.put_i16(self.compressed.into());
        batch.put_i32(count - 1);
        batch.put_i64(self.base_timestamp);
        batch.put_i64(self.base_timestamp.saturating_add(max_delta));
        batch.put_i64(producer_id);
        batch.put_i16(epoch);
        batch.put_i32(sequence);
        batch.put_i32(count);
        for (nth, &delta) in (0..).zip(&self.timestamp_deltas) {
            put_record(&mut batch, nth, delta, self.value_bytes);
        }
        seal(batch)
    }
}

/// Corrects length and checksum of a changed batch.
pub fn seal(mut batch: Vec<u8>) -> Bytes {
    let length = u32::try_from(batch.len() - 12).expect("tests have small batches");
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch.into()
}

fn put_record(to: &mut Vec<u8>, nth: i64, timestamp_delta: i64, value_bytes: usize) {
    let mut record = vec![0];
    put_varint(&mut record, timestamp_delta);
    put_varint(&mut record, nth);
    put_varint(&mut record, -1);
    put_varint(&mut record, i64::try_from(value_bytes).expect("tests have small values"));
    record.put_bytes(0x56, value_bytes);
    put_varint(&mut record, 0);
    put_varint(to, i64::try_from(record.len()).expect("tests have small records"));
    to.extend(record);
}

fn put_varint(to: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        to.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    to.push(rest as u8);
}
