//! A record batch as received from a producer: checked, and otherwise unchanged.
//!
//! ```text
//! 0            8        12             16      17    21           23     27     35    43   51      53         57
//! base offset, length,  leader epoch,  magic,  CRC,  attributes,  last,  base,  max,  id,  epoch,  sequence,  count
//!              └ of what follows                     └ the CRC begins    └ timestamps └ the producer's
//! ```
//! The records begin at byte 61. The checksum does not cover base offset and leader epoch, so a broker can write them
//! into an answer without changing the rest.

mod header;
pub mod records;
#[cfg(test)]
mod tests;

use bytes::{Buf, Bytes};

pub use self::header::{BadBatch, BatchHeader, NO_TIMESTAMP};
use self::records::Records;
use crate::memory::MemoryUse;

const LENGTH_AT: usize = 8;
const AFTER_LENGTH: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
const RECORDS_AT: usize = 61;

/// A checked record batch (magic 2). Its bytes are a slice of the producer's request.
#[derive(Clone, Debug)]
pub struct Batch {
    bytes: Bytes,
    pub header: BatchHeader,
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
