//! Produce requests: each batch is checked and stored unchanged, and waiting fetches are woken.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    InitProducerIdRequest, InitProducerIdResponse, ProduceRequest, ProduceResponse, ProducerId,
};

use super::timestamps;
use super::words::{NO_TRANSACTIONS, OK, Refusal, text};
use crate::batch::{BadBatch, Batch};
use crate::log::Refused;
use crate::request::Requester;
use crate::state::BrokerState;

/// Largest unused part of a request that is kept in memory with its batch, as a fraction of the batch.
const SLACK_OF_BATCH: usize = 8;

/// `None` if no answer is wanted. An error if the connection must be closed because there is no other way to report it.
pub fn produce(
    state: &mut BrokerState,
    request: ProduceRequest,
    frame_bytes: usize,
    requester: &Requester,
) -> Result<Option<ProduceResponse>, &'static str> {
    if let Some(client) = state.clients.get_mut(requester.connection) {
        client.produces = true;
    }
    let acks = request.acks;
    let refused = match (acks, &request.transactional_id) {
        (-1..=1, None) => None,
        (-1..=1, Some(_)) => Some(Refusal::new(ResponseError::TransactionalIdAuthorizationFailed, NO_TRANSACTIONS)),
        _ => Some(Refusal::new(ResponseError::InvalidRequiredAcks, format!("acks={acks}: it is 0, 1 or all"))),
    };
    let mut response = ProduceResponse::default();
    let mut all_well = true;
    for topic in request.topic_data {
        let answered = produce_topic(state, topic, refused.as_ref(), frame_bytes);
        all_well &= answered.partition_responses.iter().all(|p| p.error_code == OK);
        response.responses.push(answered);
    }
    match acks {
        0 if all_well => Ok(None),
        // Kafka does the same: a client that wants no answer is informed of an error by closing the connection.
        0 => Err("a record was refused, and with acks=0 there is no other way to say so"),
        _ => Ok(Some(response)),
    }
}

fn produce_topic(
    state: &mut BrokerState,
    topic: TopicProduceData,
    refused: Option<&Refusal>,
    frame_bytes: usize,
) -> TopicProduceResponse {
    let mut response = TopicProduceResponse::default();
    let mut name = topic.name.0.clone();
    if !topic.topic_id.is_nil() {
        name = state.topics.name_of(topic.topic_id).map(text).unwrap_or_default();
    }
    let unknown_id = !topic.topic_id.is_nil() && name.is_empty();
    for part in topic.partition_data {
        let index = part.index;
        let outcome = match refused {
            Some(refusal) => Err(refusal.clone()),
            None if unknown_id => Err(Refusal::new(ResponseError::UnknownTopicId, "there is no topic of that id")),
            None => produce_partition(state, &name, part, frame_bytes),
        };
        response.partition_responses.push(partition_response(state, &name, index, outcome));
    }
    (response.name, response.topic_id) = (topic.name, topic.topic_id);
    response
}

fn partition_response(
    state: &BrokerState,
    name: &str,
    index: i32,
    outcome: Result<i64, Refusal>,
) -> PartitionProduceResponse {
    let mut response = PartitionProduceResponse::default().with_index(index);
    response.log_start_offset = state.topics.partition(name, index).map_or(-1, |p| p.log.start());
    match outcome {
        Ok(base_offset) => response.base_offset = base_offset,
        Err(Refusal { error, words, records }) => {
            tracing::debug!("a batch for {name}/{index} is refused: {words}");
            (response.error_code, response.base_offset) = (error.code(), -1);
            response.error_message = Some(text(&words));
            response.record_errors = records;
        }
    }
    response
}

/// Stores a batch; returns its base offset.
fn produce_partition(
    state: &mut BrokerState,
    name: &str,
    part: PartitionProduceData,
    frame_bytes: usize,
) -> Result<i64, Refusal> {
    let now = state.now();
    let defaults = state.topics.defaults;
    let Some(config) = state.topics.get(name).map(|t| &t.config) else {
        return Err(Refusal::new(ResponseError::UnknownTopicOrPartition, format!("there is no topic {name}")));
    };
    let (limit, keeps) = (config.message_bytes_max(&defaults), config.partition_bytes(&defaults));
    let timestamps = config.timestamp_limits();
    let words = || format!("{name} has no partition {}", part.index);
    let no_partition = || Refusal::new(ResponseError::UnknownTopicOrPartition, words());
    if state.topics.partition(name, part.index).is_none() {
        return Err(no_partition());
    }
    let bytes = part.records.unwrap_or_default();
    if bytes.len() > limit {
        let words = format!("{} bytes, and the topic's max.message.bytes is {limit}", bytes.len());
        return Err(Refusal::new(ResponseError::MessageTooLarge, words));
    }
    let mut batch = Batch::parse(bytes).map_err(bad_batch)?;
    if batch.header.transactional || batch.header.control {
        return Err(Refusal::new(ResponseError::InvalidRecord, NO_TRANSACTIONS));
    }
    timestamps::check(&batch, timestamps, now.wall_ms)?;
    if batch.len() + batch.len() / SLACK_OF_BATCH < frame_bytes {
        // The batch is one of many in a request. It is copied, so that it does not keep the others in memory after they
        // are dropped.
        let full = || Refusal::new(ResponseError::KafkaStorageError, "there is no memory for it just now");
        batch = batch.copied(state.take_room(batch.len()).ok_or_else(full)?);
    }
    let records = u64::from(batch.header.records.cast_unsigned());
    let appended = state.topics.append(name, part.index, batch, now, keeps).ok_or_else(no_partition)?;
    let appended = appended.map_err(not_appended)?;
    if !appended.duplicate {
        state.totals.records_in += records;
    }
    Ok(appended.base_offset)
}

fn bad_batch(why: BadBatch) -> Refusal {
    let error = match why {
        BadBatch::OldFormat => ResponseError::UnsupportedForMessageFormat,
        BadBatch::Corrupt => ResponseError::CorruptMessage,
        BadBatch::Invalid(_) => ResponseError::InvalidRecord,
    };
    Refusal::new(error, why.to_string())
}

fn not_appended(why: Refused) -> Refusal {
    let error = match why {
        Refused::OutOfOrderSequence => ResponseError::OutOfOrderSequenceNumber,
        Refused::InvalidProducerEpoch => ResponseError::InvalidProducerEpoch,
        Refused::DuplicateSequence => ResponseError::DuplicateSequenceNumber,
        Refused::Full => ResponseError::KafkaStorageError,
    };
    Refusal::new(error, why.to_string())
}

/// Assigns an id to an idempotent producer, which requests it at its start, maybe long before its first record.
pub fn init_producer(
    state: &mut BrokerState,
    request: &InitProducerIdRequest,
    requester: &Requester,
) -> InitProducerIdResponse {
    if let Some(client) = state.clients.get_mut(requester.connection) {
        client.has_producer_id = true;
    }
    let mut response = InitProducerIdResponse::default();
    if request.transactional_id.is_some() {
        response.error_code = ResponseError::TransactionalIdAuthorizationFailed.code();
        (response.producer_id, response.producer_epoch) = (ProducerId(-1), -1);
        return response;
    }
    response.producer_id = ProducerId(state.next_producer);
    state.next_producer += 1;
    response
}
