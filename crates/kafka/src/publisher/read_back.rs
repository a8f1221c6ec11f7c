//! Finds out which unacknowledged records are in the topic all the same: a broker may have appended a record and died
//! before it could acknowledge it.

use std::collections::BTreeMap;
use std::time::Duration;

use common::wire::Record;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset};

use crate::convert;
use crate::error::{KafkaError, setting};
use crate::options::Connection;
use crate::settings;

/// Timeout of each request.
const ASK: Duration = Duration::from_secs(5);
/// Time without a record after which a partition counts as unreadable for now.
const READ: Duration = Duration::from_secs(5);

/// Reads the end of each partition, from its offset in `unknown_from` on, and looks for `records`. Returns the numbers of
/// those that are in the topic; `None` if there is no such topic.
pub(super) fn find(
    connection: &Connection,
    topic: &str,
    records: &[(usize, Record)],
    unknown_from: &BTreeMap<i32, i64>,
) -> Result<Option<Vec<usize>>, KafkaError> {
    let fault = |cause| KafkaError::Client { doing: "reading back what was not acknowledged", cause };
    let config = settings::consumer(connection, "vidprod", None);
    let consumer: BaseConsumer<DefaultConsumerContext> = config.create().map_err(setting)?;
    let Some(mut unread) = ranges(&consumer, topic, unknown_from).map_err(fault)? else { return Ok(None) };
    let begin =
        convert::offsets(topic, unread.iter().map(|(partition, (from, _))| (*partition, Offset::Offset(*from))));
    begin.and_then(|begin| consumer.assign(&begin)).map_err(fault)?;
    let mut found = Vec::new();
    while !unread.is_empty() {
        match consumer.poll(READ) {
            None => {
                return Err(fault(ClientError::MessageConsumption(
                    rdkafka::types::RDKafkaErrorCode::OperationTimedOut,
                )));
            }
            Some(Ok(message)) => {
                found.extend(records.iter().filter(|(_, ours)| is_same(ours, &message)).map(|(number, _)| *number));
                let end = unread.get(&message.partition()).map_or(0, |(_, end)| *end);
                if message.offset() + 1 >= end {
                    unread.remove(&message.partition());
                }
            }
            Some(Err(ClientError::PartitionEOF(partition))) => {
                unread.remove(&partition);
            }
            Some(Err(error)) => return Err(fault(error)),
        }
    }
    Ok(Some(found))
}

/// For each partition, the offset to read from and the one to stop before.
type Ranges = BTreeMap<i32, (i64, i64)>;

/// The range to read in each partition that has one. `None` if there is no such topic.
fn ranges(
    consumer: &BaseConsumer<DefaultConsumerContext>,
    topic: &str,
    unknown_from: &BTreeMap<i32, i64>,
) -> Result<Option<Ranges>, ClientError> {
    let metadata = consumer.fetch_metadata(Some(topic), ASK)?;
    let partitions: Vec<i32> = metadata.topics().iter().flat_map(|t| t.partitions()).map(|p| p.id()).collect();
    let mut ranges = Ranges::new();
    for &partition in &partitions {
        let (low, high) = consumer.fetch_watermarks(topic, partition, ASK)?;
        let from = unknown_from.get(&partition).copied().unwrap_or(low);
        // A topic that was deleted and created again is shorter than the one that we knew.
        let from = if from > high { low } else { from.max(low) };
        if from < high {
            ranges.insert(partition, (from, high));
        }
    }
    Ok((!partitions.is_empty()).then_some(ranges))
}

/// Compares key, value and headers. Our headers name the session, the frame and the part, so two different records
/// never match by chance.
fn is_same(ours: &Record, message: &BorrowedMessage<'_>) -> bool {
    message.key() == ours.key.as_deref()
        && message.payload().unwrap_or_default() == &ours.value[..]
        && convert::has_headers(message, &ours.headers)
}
