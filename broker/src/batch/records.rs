//! Iterates over the records of an uncompressed batch in place.
//!
//! ```text
//! length, attributes, timestamp delta, offset delta, key, value, headers   (numbers are zigzag varints)
//! ```

use super::header::{BadBatch, BatchHeader, NO_TIMESTAMP};

const VARINT_BYTES_MAX: u32 = 5;
const VARLONG_BYTES_MAX: u32 = 10;

/// Offset delta and timestamp of each record of a checked batch.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    base_timestamp: i64,
}

impl<'a> Records<'a> {
    pub(super) fn new(rest: &'a [u8], base_timestamp: i64) -> Records<'a> {
        Records { rest, base_timestamp }
    }
}

impl Iterator for Records<'_> {
    type Item = (i32, i64);

    fn next(&mut self) -> Option<(i32, i64)> {
        let record = Record::read(&mut self.rest)?;
        Some((record.offset_delta, self.base_timestamp.checked_add(record.timestamp_delta)?))
    }
}

/// Checks that the records match the header. Returns the smallest timestamp (of the records that have one) and the
/// largest.
pub(super) fn check(mut rest: &[u8], header: &BatchHeader) -> Result<(i64, i64), BadBatch> {
    let (mut min_timestamp, mut max_timestamp) = (i64::MAX, i64::MIN);
    for expected in 0..header.records {
        let record = Record::read(&mut rest).ok_or(BadBatch::Invalid("a record that is cut off"))?;
        if record.offset_delta != expected {
            return Err(BadBatch::Invalid("the offsets of the records do not count from 0"));
        }
        let timestamp = header.base_timestamp.checked_add(record.timestamp_delta);
        let timestamp = timestamp.ok_or(BadBatch::Invalid("a timestamp beyond all time"))?;
        max_timestamp = max_timestamp.max(timestamp);
        if timestamp != NO_TIMESTAMP {
            min_timestamp = min_timestamp.min(timestamp);
        }
        check_fields(record.fields).ok_or(BadBatch::Invalid("a record whose fields do not fill it"))?;
    }
    if !rest.is_empty() {
        return Err(BadBatch::Invalid("bytes are left after the last record"));
    }
    Ok((min_timestamp, max_timestamp))
}

struct Record<'a> {
    timestamp_delta: i64,
    offset_delta: i32,
    /// Key, value and headers.
    fields: &'a [u8],
}

impl<'a> Record<'a> {
    fn read(rest: &mut &'a [u8]) -> Option<Record<'a>> {
        let length = varint(rest)?;
        let mut record = take(rest, length)?;
        let _attributes = take(&mut record, 1)?;
        let timestamp_delta = varlong(&mut record)?;
        let offset_delta = varint(&mut record)?;
        Some(Record { timestamp_delta, offset_delta, fields: record })
    }
}

fn check_fields(mut fields: &[u8]) -> Option<()> {
    let _key = nullable(&mut fields)?;
    let _value = nullable(&mut fields)?;
    let headers = varint(&mut fields)?;
    if headers < 0 {
        return None;
    }
    // A false count ends with the bytes, because each turn consumes at least one byte or returns.
    for _ in 0..headers {
        let name = varint(&mut fields)?;
        take(&mut fields, name)?;
        nullable(&mut fields)?;
    }
    fields.is_empty().then_some(())
}

fn nullable<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    match varint(from)? {
        -1 => Some(&[]),
        length => take(from, length),
    }
}

fn take<'a>(from: &mut &'a [u8], length: i32) -> Option<&'a [u8]> {
    from.split_off(..usize::try_from(length).ok()?)
}

fn varint(from: &mut &[u8]) -> Option<i32> {
    zigzag(from, VARINT_BYTES_MAX)?.try_into().ok()
}

fn varlong(from: &mut &[u8]) -> Option<i64> {
    zigzag(from, VARLONG_BYTES_MAX)
}

fn zigzag(from: &mut &[u8], bytes_max: u32) -> Option<i64> {
    let mut value = 0_u64;
    for nth in 0..bytes_max {
        let byte = *from.split_off_first()?;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit only.
        if nth == 9 && bits > 1 {
            return None;
        }
        value |= bits << (7 * nth);
        if byte & 0x80 == 0 {
            return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    None
}
