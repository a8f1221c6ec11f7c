//! A record batch as received from a producer: checked, and otherwise unchanged.
//!
//! ```text
//! 0            8        12             16      17    21           23     27     35    43   51      53         57
//! base offset, length,  leader epoch,  magic,  CRC,  attributes,  last,  base,  max,  id,  epoch,  sequence,  count
//!              └ of what follows                     └ the CRC begins    └ timestamps └ the producer's
//! ```
//! The records begin at byte 61. The checksum does not cover base offset and leader epoch, so a broker can write them
//! into an answer without changing the rest.

pub mod records;
#[cfg(test)]
mod tests;

use bytes::{Buf, Bytes};

use self::records::Records;
use crate::memory::MemoryUse;

const LENGTH_AT: usize = 8;
const AFTER_LENGTH: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
const RECORDS_AT: usize = 61;

/// Timestamp of a record that has none.
pub const NO_TIMESTAMP: i64 = -1;

const CODEC: i16 = 0b111;
const CODEC_MAX: i16 = 4;
const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;
const DELETE_HORIZON: i16 = 1 << 6;

/// A checked record batch (magic 2). Its bytes are a slice of the producer's request.
#[derive(Clone, Debug)]
pub struct Batch {
    bytes: Bytes,
    pub header: BatchHeader,
}

/// The fields of a batch that the broker needs; all of them precede the records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchHeader {
    pub records: i32,
    pub base_timestamp: i64,
    /// The largest timestamp; negative if there is none. For uncompressed batches it is computed from the records,
    /// whatever the header says.
    pub max_timestamp: i64,
    /// The smallest timestamp of the records, `i64::MAX` if none has one. In a compressed batch, that of the first
    /// record.
    pub min_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub compressed: bool,
    pub transactional: bool,
    pub control: bool,
}

/// The reason why a batch is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadBatch {
    #[error("a batch of an old format: its magic is not 2")]
    OldFormat,
    #[error("the checksum is wrong")]
    Corrupt,
    #[error("{0}")]
    Invalid(&'static str),
}

impl Batch {
    /// Checks the batch in a partition's part of a Produce request.
    pub fn parse(bytes: Bytes) -> Result<Batch, BadBatch> {
        check_frame(&bytes)?;
        let mut header = BatchHeader::parse(&bytes[ATTRIBUTES_AT..RECORDS_AT])?;
        if !header.compressed {
            // Kafka writes the computed value into the header. Here the bytes stay unchanged, because the checksum
            // covers them.
            (header.min_timestamp, header.max_timestamp) = records::check(&bytes[RECORDS_AT..], &header)?;
        }
        Ok(Batch { bytes, header })
    }

    /// A copy in its own memory.
    pub(crate) fn copied(&self, held: MemoryUse) -> Batch {
        Batch { bytes: held.keep(self.bytes.to_vec()), ..self.clone() }
    }

    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    #[allow(clippy::len_without_is_empty, reason = "no batch is empty: it has a header and a record")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Offset delta and timestamp of each record; `None` for a compressed batch.
    pub fn records(&self) -> Option<Records<'_>> {
        (!self.header.compressed).then(|| Records::new(&self.bytes[RECORDS_AT..], self.header.base_timestamp))
    }
}

/// Checks that the bytes are exactly one batch, and undamaged.
fn check_frame(bytes: &[u8]) -> Result<(), BadBatch> {
    if bytes.get(MAGIC_AT).is_some_and(|&magic| magic != 2) {
        return Err(BadBatch::OldFormat);
    }
    if bytes.len() < RECORDS_AT {
        return Err(BadBatch::Invalid("there is no whole batch"));
    }
    let length = (&bytes[LENGTH_AT..]).get_i32();
    if usize::try_from(length) != Ok(bytes.len() - AFTER_LENGTH) {
        return Err(BadBatch::Invalid("there is not exactly one batch"));
    }
    if (&bytes[CRC_AT..]).get_u32() != crc32c::crc32c(&bytes[ATTRIBUTES_AT..]) {
        return Err(BadBatch::Corrupt);
    }
    Ok(())
}

impl BatchHeader {
    fn parse(mut from: &[u8]) -> Result<BatchHeader, BadBatch> {
        let attributes = from.get_i16();
        let last_offset_delta = from.get_i32();
        let base_timestamp = from.get_i64();
        let header = BatchHeader {
            base_timestamp,
            max_timestamp: from.get_i64(),
            min_timestamp: if base_timestamp == NO_TIMESTAMP { i64::MAX } else { base_timestamp },
            producer_id: from.get_i64(),
            producer_epoch: from.get_i16(),
            base_sequence: from.get_i32(),
            records: from.get_i32(),
            compressed: attributes & CODEC != 0,
            transactional: attributes & TRANSACTIONAL != 0,
            control: attributes & CONTROL != 0,
        };
        check_attributes(attributes)?;
        header.check(last_offset_delta)?;
        Ok(header)
    }

    fn check(&self, last_offset_delta: i32) -> Result<(), BadBatch> {
        if self.records < 1 {
            return Err(BadBatch::Invalid("a batch without records"));
        }
        if last_offset_delta != self.records - 1 {
            return Err(BadBatch::Invalid("the last offset does not fit the number of records"));
        }
        if self.idempotent() && (self.producer_epoch < 0 || self.base_sequence < 0) {
            return Err(BadBatch::Invalid("a producer's id without its epoch and sequence"));
        }
        Ok(())
    }

    /// True if the producer numbers its batches, so that duplicates can be detected.
    pub fn idempotent(&self) -> bool {
        self.producer_id >= 0
    }
}

fn check_attributes(attributes: i16) -> Result<(), BadBatch> {
    if attributes & CODEC > CODEC_MAX {
        return Err(BadBatch::Invalid("a compression that nobody knows"));
    }
    if attributes & LOG_APPEND_TIME != 0 {
        return Err(BadBatch::Invalid("only a broker stamps with the time of appending"));
    }
    if attributes & DELETE_HORIZON != 0 {
        return Err(BadBatch::Invalid("only a broker sets a delete horizon"));
    }
    Ok(())
}
