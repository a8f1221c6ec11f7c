//! The header of a batch, and the reasons why a batch is refused.

use bytes::Buf;

/// Timestamp of a record that has none.
pub const NO_TIMESTAMP: i64 = -1;

pub(super) const CODEC: i16 = 0b111;
pub(super) const CODEC_MAX: i16 = 4;
pub(super) const LOG_APPEND_TIME: i16 = 1 << 3;
pub(super) const TRANSACTIONAL: i16 = 1 << 4;
pub(super) const CONTROL: i16 = 1 << 5;
pub(super) const DELETE_HORIZON: i16 = 1 << 6;

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

impl BatchHeader {
    pub(super) fn parse(mut from: &[u8]) -> Result<BatchHeader, BadBatch> {
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
