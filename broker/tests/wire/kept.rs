//! Retention of a partition, and fetches of records that no longer exist.

use broker::Options;
use broker::fuzzing::log::builder::Spec;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::delete_records_response::DeleteRecordsPartitionResult;

use crate::client::{Client, batch, offsets, start, topic_name, wait_for};

fn check_start(client: &mut Client, start: i64) {
    let late = client.fetch("a", 0, start - 1);
    assert_eq!(late.error_code, ResponseError::OffsetOutOfRange.code());
    assert!(late.records.is_none_or(|records| records.is_empty()));
    let read = client.fetch("a", 0, start);
    assert_eq!((read.error_code, read.log_start_offset), (0, start));
}

#[test]
fn no_more_bytes_are_kept_than_the_topic_allows() {
    let broker = start(Options::default());
    let mut client = Client::new(broker.address);
    client.make("a", 1, &[("retention.bytes", "3500")]);
    for _ in 0..10 {
        client.produce("a", 0, batch(1000));
    }
    check_start(&mut client, 7);
    assert_eq!(offsets(client.fetch("a", 0, 7).records.as_ref()), [7, 8, 9]);
}

#[test]
fn old_records_are_dropped_by_their_arrival_whatever_their_timestamps() {
    let broker = start(Options::default());
    let mut client = Client::new(broker.address);
    client.make("b", 1, &[("retention.ms", "3600000")]);
    client.produce("b", 0, Spec::at(&[1000]).build());
    let any_time = i64::MAX.to_string();
    client.make("a", 1, &[("retention.ms", "1"), ("message.timestamp.after.max.ms", &any_time)]);
    for time in [1000, i64::from(u32::MAX) * 1000] {
        client.produce("a", 0, Spec::at(&[time]).build());
    }
    wait_for("both to go", || client.fetch("a", 0, 2).log_start_offset == 2);
    check_start(&mut client, 2);
    assert_eq!(client.fetch("b", 0, 0).log_start_offset, 0, "an old time alone is no reason");
}

fn delete(client: &mut Client, offset: i64) -> DeleteRecordsPartitionResult {
    let partition = DeleteRecordsPartition::default().with_partition_index(0).with_offset(offset);
    let topic = DeleteRecordsTopic::default().with_name(topic_name("a")).with_partitions(vec![partition]);
    let mut answer = client.ask(&DeleteRecordsRequest::default().with_topics(vec![topic]), 2);
    answer.topics.remove(0).partitions.remove(0)
}

#[test]
fn records_are_deleted_up_to_the_requested_offset() {
    let broker = start(Options::default());
    let mut client = Client::new(broker.address);
    client.make("a", 1, &[]);
    for _ in 0..3 {
        client.produce("a", 0, Spec::plain(2).build());
    }
    assert_eq!(delete(&mut client, 3).low_watermark, 3);
    check_start(&mut client, 3);
    assert_eq!(offsets(client.fetch("a", 0, 3).records.as_ref()), [2, 4], "whole batches");
    assert_eq!(delete(&mut client, 7).error_code, ResponseError::OffsetOutOfRange.code());
    assert_eq!(delete(&mut client, -1).low_watermark, 6);
    check_start(&mut client, 6);
    assert_eq!(client.produce("a", 0, batch(1)).base_offset, 6);
}
