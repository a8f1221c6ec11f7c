//! Answers questions about a partition's offsets and times.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use kafka_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kafka_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::messages::{
    DeleteRecordsRequest, DeleteRecordsResponse, ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
};

use super::words::OK;
use crate::log::Log;
use crate::state::BrokerState;

/// Special values of a timestamp in a request.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const NEWEST_TIME: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;

/// The only leader epoch, because the leader never changes.
const EPOCH: i32 = 0;

pub fn list(state: &BrokerState, request: &ListOffsetsRequest, version: i16) -> ListOffsetsResponse {
    let mut response = ListOffsetsResponse::default();
    for topic in &request.topics {
        let of = |asked: &ListOffsetsPartition| {
            let answer = ListOffsetsPartitionResponse::default().with_partition_index(asked.partition_index);
            let Some(partition) = state.topics.partition(&topic.name, asked.partition_index) else {
                return answer.with_error_code(ResponseError::UnknownTopicOrPartition.code());
            };
            match look_up(&partition.log, asked.timestamp) {
                Some((offset, timestamp)) => {
                    let epoch = if version >= 4 { EPOCH } else { -1 };
                    answer.with_offset(offset).with_timestamp(timestamp).with_leader_epoch(epoch)
                }
                None => answer,
            }
        };
        let partitions = topic.partitions.iter().map(of).collect();
        response
            .topics
            .push(ListOffsetsTopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions));
    }
    response
}

/// Offset and timestamp; `None` if no record is that late.
fn look_up(log: &Log, timestamp: i64) -> Option<(i64, i64)> {
    match timestamp {
        LATEST => Some((log.end(), -1)),
        EARLIEST | EARLIEST_LOCAL => Some((log.start(), -1)),
        NEWEST_TIME => log.newest_time(),
        0.. => log.at_time(timestamp),
        // Special values for tiered storage, which we do not have.
        _ => None,
    }
}

pub fn of_epoch(state: &BrokerState, request: &OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse {
    let mut response = OffsetForLeaderEpochResponse::default();
    for topic in &request.topics {
        let of = |asked: &OffsetForLeaderPartition| {
            let answer = EpochEndOffset::default().with_partition(asked.partition);
            match state.topics.partition(&topic.topic, asked.partition) {
                None => answer.with_error_code(ResponseError::UnknownTopicOrPartition.code()),
                Some(_) if asked.current_leader_epoch > EPOCH => {
                    answer.with_error_code(ResponseError::UnknownLeaderEpoch.code())
                }
                Some(partition) if asked.leader_epoch == EPOCH => {
                    answer.with_leader_epoch(EPOCH).with_end_offset(partition.log.end())
                }
                Some(_) => answer.with_leader_epoch(-1).with_end_offset(-1),
            }
        };
        let partitions = topic.partitions.iter().map(of).collect();
        let result = OffsetForLeaderTopicResult::default().with_topic(topic.topic.clone());
        response.topics.push(result.with_partitions(partitions));
    }
    response
}

pub fn delete_records(state: &mut BrokerState, request: &DeleteRecordsRequest) -> DeleteRecordsResponse {
    let mut response = DeleteRecordsResponse::default();
    for topic in &request.topics {
        let mut result = DeleteRecordsTopicResult::default().with_name(topic.name.clone());
        for asked in &topic.partitions {
            let mut answer = DeleteRecordsPartitionResult::default().with_partition_index(asked.partition_index);
            let partition = state.topics.partition_mut(&topic.name, asked.partition_index);
            let deleted = partition.map(|p| p.log.delete_before(asked.offset));
            (answer.low_watermark, answer.error_code) = match deleted {
                Some(Ok(start)) => (start, OK),
                Some(Err(_)) => (-1, ResponseError::OffsetOutOfRange.code()),
                None => (-1, ResponseError::UnknownTopicOrPartition.code()),
            };
            result.partitions.push(answer);
        }
        response.topics.push(result);
    }
    response
}
