//! One record batch as it came from a producer: checked, and otherwise untouched.

use bytes::Bytes;

/// A checked record batch (magic 2). Its bytes are the producer's, a slice of the request that brought them.
#[derive(Clone, Debug)]
pub struct Batch {
    bytes: Bytes,
    pub header: Header,
}

/// What the broker needs to know of a batch; all of it stands before the records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    pub records: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub compressed: bool,
    pub transactional: bool,
    pub control: bool,
}

/// Why a batch is not taken.
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
    /// Checks the one batch that a partition's part of a Produce request holds.
    pub fn parse(_bytes: Bytes) -> Result<Batch, BadBatch> {
        todo!("helper B")
    }

    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}
