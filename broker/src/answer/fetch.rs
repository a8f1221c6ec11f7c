//! Fetches: returns whole batches from the reader's position, as slices of the producers' requests.
//!
//! The response is encoded by hand, because kafka-protocol would copy every batch into it; tests compare the two.

use std::ops::RangeInclusive;
use std::rc::Rc;

use bytes::{BufMut, Bytes};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, FetchResponse};
use tokio::sync::Notify;
use uuid::Uuid;

use super::words::OK;
use crate::log::{Log, Slice};
use crate::response::{ResponseBuffer, SLICE_BYTES_MIN};
use crate::state::BrokerState;

/// The only leader epoch, because the leader never changes.
const EPOCH: i32 = 0;
/// Largest answer in bytes, whatever is requested. It is also limited to a fraction of the memory.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const ANSWER_OF_MEMORY: usize = 8;

/// Largest number of bytes before a batch, a partition's batches, a topic's partitions, or all of them.
const HEAD_BYTES_MAX: usize = 64;
/// Number of bytes at the beginning of a batch that are written anew for each reader.
const PATCHED_BYTES: usize = 16;

/// Epochs of a request that names all of its partitions, so that it needs no earlier session.
const FULL_EPOCHS: RangeInclusive<i32> = -1..=0;

/// From this version on, strings and arrays are compact and structs end with tagged fields.
const FLEXIBLE: i16 = 12;
const BY_ID: i16 = 13;

/// The data that can be read for a request now.
#[derive(Debug, Default)]
pub struct Reading {
    topics: Vec<TopicReading>,
    bytes: usize,
    /// Limit of the answer.
    bytes_max: usize,
    /// True if there is an error in a partition, which is reported at once.
    has_error: bool,
}

#[derive(Debug)]
struct TopicReading {
    name: String,
    id: Uuid,
    partitions: Vec<PartitionReading>,
}

#[derive(Debug)]
struct PartitionReading {
    index: i32,
    error: i16,
    high_watermark: i64,
    start: i64,
    slices: Vec<Slice>,
    /// The reader's position.
    from: i64,
}

impl Reading {
    /// True if the fetch is to be answered before its time is up.
    pub fn is_enough(&self, request: &FetchRequest) -> bool {
        let enough = usize::try_from(request.min_bytes).unwrap_or(0).min(self.bytes_max);
        self.has_error || self.topics.is_empty() || (self.bytes >= enough && (self.bytes > 0 || request.min_bytes <= 0))
    }

    /// Upper limit of the bytes that the answer takes besides the batches, which are not copied.
    pub fn own_bytes(&self) -> usize {
        let slice = |s: &Slice| {
            let copied = if s.batch.len() - PATCHED_BYTES < SLICE_BYTES_MIN { s.batch.len() } else { 0 };
            HEAD_BYTES_MAX + size_of::<Slice>() + copied
        };
        let partition = |p: &PartitionReading| HEAD_BYTES_MAX + p.slices.iter().map(slice).sum::<usize>();
        let topic =
            |t: &TopicReading| HEAD_BYTES_MAX + t.name.len() + t.partitions.iter().map(partition).sum::<usize>();
        HEAD_BYTES_MAX + self.topics.iter().map(topic).sum::<usize>()
    }

    /// Number of records in the answer.
    pub fn records(&self) -> u64 {
        let slices = self.topics.iter().flat_map(|t| &t.partitions).flat_map(|p| &p.slices);
        slices.map(|s| u64::from(s.batch.header.records.cast_unsigned())).sum()
    }

    /// The reader's position in each partition. It has certainly received everything before.
    pub fn positions(&self) -> impl Iterator<Item = ((String, i32), i64)> {
        self.topics.iter().flat_map(|topic| {
            let good = topic.partitions.iter().filter(|p| p.error == OK);
            good.map(|p| ((topic.name.clone(), p.index), p.from))
        })
    }
}

/// The answer to a request that continues a session. This broker has no sessions: each answer has the session id 0,
/// which makes the client name all of its partitions each time.
pub fn refused_session(request: &FetchRequest) -> Option<FetchResponse> {
    let goes_on = !FULL_EPOCHS.contains(&request.session_epoch);
    goes_on.then(|| FetchResponse::default().with_error_code(ResponseError::FetchSessionIdNotFound.code()))
}

pub fn read(state: &BrokerState, request: &FetchRequest, version: i16) -> Reading {
    // All answers together may take half of the clients' memory, so that requests find room even if some clients do not
    // read.
    let left = (state.memory.of_clients() / 2).saturating_sub(state.clients.answering());
    let most = ANSWER_BYTES_MAX.min(state.memory.bound() / ANSWER_OF_MEMORY).min(left);
    let bytes_max = usize::try_from(request.max_bytes).unwrap_or(0).min(most);
    let mut reading = Reading { bytes_max, ..Reading::default() };
    for topic in &request.topics {
        let named = name_of(state, topic, version);
        let name = named.unwrap_or_default().to_owned();
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in &topic.partitions {
            let left = bytes_max.saturating_sub(reading.bytes);
            let part = match state.topics.partition(&name, asked.partition) {
                Some(partition) => read_partition(&partition.log, asked, left, reading.bytes == 0),
                None if named.is_none() => failed(asked, ResponseError::UnknownTopicId),
                None => failed(asked, ResponseError::UnknownTopicOrPartition),
            };
            reading.bytes += part.slices.iter().map(|s| s.batch.len()).sum::<usize>();
            reading.has_error |= part.error != OK;
            partitions.push(part);
        }
        reading.topics.push(TopicReading { name, id: topic.topic_id, partitions });
    }
    reading
}

fn read_partition(log: &Log, asked: &FetchPartition, left: usize, at_least_one: bool) -> PartitionReading {
    if asked.current_leader_epoch > EPOCH {
        return failed(asked, ResponseError::UnknownLeaderEpoch);
    }
    let bytes_max = usize::try_from(asked.partition_max_bytes).unwrap_or(0).min(left);
    let (error, slices) = match log.read(asked.fetch_offset, bytes_max, at_least_one) {
        Ok(slices) => (OK, slices),
        Err(_) => (ResponseError::OffsetOutOfRange.code(), Vec::new()),
    };
    let from = asked.fetch_offset;
    PartitionReading { index: asked.partition, error, high_watermark: log.end(), start: log.start(), slices, from }
}

fn failed(asked: &FetchPartition, why: ResponseError) -> PartitionReading {
    PartitionReading {
        index: asked.partition,
        error: why.code(),
        high_watermark: -1,
        start: -1,
        slices: Vec::new(),
        from: asked.fetch_offset,
    }
}

/// Notifies `change` when any partition in the request changes.
pub fn wait(state: &mut BrokerState, request: &FetchRequest, version: i16, change: &Rc<Notify>) {
    for topic in &request.topics {
        let Some(name) = name_of(state, topic, version).map(str::to_owned) else { continue };
        for asked in &topic.partitions {
            if let Some(partition) = state.topics.partition_mut(&name, asked.partition) {
                partition.wait(change);
            }
        }
    }
}

fn name_of<'a>(state: &'a BrokerState, topic: &'a FetchTopic, version: i16) -> Option<&'a str> {
    if version < BY_ID { Some(topic.topic.as_str()) } else { state.topics.name_of(topic.topic_id) }
}

/// Encodes the whole response, including its header.
pub fn write(reading: &Reading, correlation: i32, version: i16) -> ResponseBuffer {
    let mut out = ResponseBuffer::with_room(reading.own_bytes());
    let flexible = version >= FLEXIBLE;
    let head = out.scratch();
    head.put_i32(correlation);
    if flexible {
        head.put_u8(0); // the header's tagged fields
    }
    head.put_i32(0); // throttle time
    if version >= 7 {
        head.put_i16(OK);
        head.put_i32(0); // no fetch session
    }
    put_length(head, reading.topics.len(), flexible);
    for topic in &reading.topics {
        let head = out.scratch();
        if version >= BY_ID {
            head.put_slice(topic.id.as_bytes());
        } else {
            put_name(head, &topic.name, flexible);
        }
        put_length(head, topic.partitions.len(), flexible);
        for partition in &topic.partitions {
            write_partition(&mut out, partition, version);
        }
        end_struct(&mut out, flexible);
    }
    end_struct(&mut out, flexible);
    out
}

fn write_partition(out: &mut ResponseBuffer, partition: &PartitionReading, version: i16) {
    let flexible = version >= FLEXIBLE;
    let head = out.scratch();
    head.put_i32(partition.index);
    head.put_i16(partition.error);
    head.put_i64(partition.high_watermark);
    head.put_i64(partition.high_watermark); // last stable offset: there are no transactions
    if version >= 5 {
        head.put_i64(partition.start);
    }
    put_length(head, 0, flexible); // aborted transactions
    if version >= 11 {
        head.put_i32(-1); // no preferred replica
    }
    let bytes: usize = partition.slices.iter().map(|s| s.batch.len()).sum();
    put_length(head, bytes, flexible);
    for slice in &partition.slices {
        write_batch(out, slice);
    }
    end_struct(out, flexible);
}

/// Writes a batch unchanged, except for its offset and leader epoch, which its checksum does not cover.
fn write_batch(out: &mut ResponseBuffer, slice: &Slice) {
    let bytes: &Bytes = slice.batch.bytes();
    let head = out.scratch();
    head.put_i64(slice.base_offset);
    head.put_slice(&bytes[8..12]); // its length
    head.put_i32(EPOCH);
    out.put(bytes.slice(PATCHED_BYTES..));
}

fn end_struct(out: &mut ResponseBuffer, flexible: bool) {
    if flexible {
        out.scratch().put_u8(0);
    }
}

fn put_length(head: &mut impl BufMut, length: usize, flexible: bool) {
    if flexible {
        put_varint(head, u32::try_from(length + 1).unwrap_or(u32::MAX));
    } else {
        head.put_i32(i32::try_from(length).unwrap_or(i32::MAX));
    }
}

fn put_name(head: &mut impl BufMut, name: &str, flexible: bool) {
    if flexible {
        put_length(head, name.len(), true);
    } else {
        head.put_i16(i16::try_from(name.len()).unwrap_or(i16::MAX));
    }
    head.put_slice(name.as_bytes());
}

fn put_varint(head: &mut impl BufMut, mut value: u32) {
    while value >= 0x80 {
        head.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    head.put_u8(value as u8);
}
