//! Compares the one answer that we encode by hand with kafka-protocol's decoder.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, FetchResponse, MetadataRequest};
use uuid::Uuid;

use crate::client::{Client, batch, batches, start, topic_name};

const VERSIONS: std::ops::RangeInclusive<i16> = 4..=17;

/// Topic, id, and partitions with the offset to read from.
type Asked<'a> = (&'a str, Uuid, &'a [(i32, i64)]);

fn request(version: i16, asked: &[Asked<'_>]) -> FetchRequest {
    let topic = |(name, id, partitions): &Asked<'_>| {
        let partition = |(index, from): &(i32, i64)| {
            FetchPartition::default().with_partition(*index).with_fetch_offset(*from).with_partition_max_bytes(1 << 24)
        };
        let topic = FetchTopic::default().with_partitions(partitions.iter().map(partition).collect());
        if version >= 13 { topic.with_topic_id(*id) } else { topic.with_topic(topic_name(name)) }
    };
    FetchRequest::default().with_min_bytes(0).with_max_bytes(1 << 24).with_topics(asked.iter().map(topic).collect())
}

fn id(client: &mut Client, topic: &str) -> Uuid {
    let topics = client.ask(&MetadataRequest::default().with_topics(None), 12).topics;
    topics.iter().find(|t| t.name.as_ref() == Some(&topic_name(topic))).unwrap().topic_id
}

/// Checks that from the magic byte on the bytes are the producer's, including a correct checksum.
fn check_batches(records: Option<&Bytes>, expected: &[(i64, &Bytes)]) {
    let have = batches(records);
    assert_eq!(have.len(), expected.len());
    for ((base, epoch, bytes), (expected_base, sent)) in have.iter().zip(expected) {
        assert_eq!((base, *epoch), (expected_base, 0));
        assert_eq!(bytes, &sent.slice(16..));
        let crc = u32::from_be_bytes(bytes[1..5].try_into().unwrap());
        assert_eq!(crc, crc32c::crc32c(&bytes[5..]));
    }
}

#[test]
fn every_kind_of_answer_decodes_in_every_version() {
    let broker = start(broker::Options::default());
    let mut client = Client::new(broker.address);
    client.make("a", 3, &[]);
    client.make("empty", 1, &[]);
    let (small, large) = (batch(10), batch(900_000));
    for sent in [&small, &large, &small] {
        client.produce("a", 0, sent.clone());
    }
    client.produce("a", 1, large.clone());
    let (a, empty, nowhere) = (id(&mut client, "a"), id(&mut client, "empty"), Uuid::from_u128(7));
    for version in VERSIONS {
        let mut ask = |asked: &[Asked<'_>]| -> FetchResponse {
            let answer = client.ask(&request(version, asked), version);
            assert_eq!((answer.error_code, answer.responses.len()), (0, asked.len()));
            for (topic, (name, id, _)) in answer.responses.iter().zip(asked) {
                match version {
                    13.. => assert_eq!(topic.topic_id, *id),
                    _ => assert_eq!(topic.topic, topic_name(name)),
                }
            }
            answer
        };
        assert!(ask(&[]).responses.is_empty());

        let answer = ask(&[("empty", empty, &[(0, 0)])]);
        let partition = &answer.responses[0].partitions[0];
        assert_eq!((partition.error_code, partition.high_watermark), (0, 0));
        check_batches(partition.records.as_ref(), &[]);

        let answer = ask(&[("a", a, &[(1, 0)])]);
        check_batches(answer.responses[0].partitions[0].records.as_ref(), &[(0, &large)]);
        let answer = ask(&[("a", a, &[(0, 2)])]);
        check_batches(answer.responses[0].partitions[0].records.as_ref(), &[(2, &small)]);

        let answer = ask(&[("empty", empty, &[(0, 0)]), ("a", a, &[(0, 0), (1, 0), (2, 0), (0, 3), (0, 1)])]);
        let of_a = &answer.responses[1].partitions;
        assert_eq!(of_a.iter().map(|p| p.partition_index).collect::<Vec<_>>(), [0, 1, 2, 0, 0]);
        assert_eq!(of_a.iter().map(|p| p.high_watermark).collect::<Vec<_>>(), [3, 1, 0, 3, 3]);
        assert!(of_a.iter().all(|p| p.error_code == 0 && p.last_stable_offset == p.high_watermark));
        assert!(of_a.iter().all(|p| p.log_start_offset == if version >= 5 { 0 } else { -1 }));
        check_batches(of_a[0].records.as_ref(), &[(0, &small), (1, &large), (2, &small)]);
        check_batches(of_a[1].records.as_ref(), &[(0, &large)]);
        check_batches(of_a[3].records.as_ref(), &[]);
        check_batches(of_a[4].records.as_ref(), &[(1, &large), (2, &small)]);

        let answer = ask(&[("none", nowhere, &[(0, 0)]), ("a", a, &[(7, 0), (0, 4), (0, -1), (0, 2)])]);
        let unknown =
            if version >= 13 { ResponseError::UnknownTopicId } else { ResponseError::UnknownTopicOrPartition };
        assert_eq!(answer.responses[0].partitions[0].error_code, unknown.code());
        let codes: Vec<i16> = answer.responses[1].partitions.iter().map(|p| p.error_code).collect();
        let out = ResponseError::OffsetOutOfRange.code();
        assert_eq!(codes, [ResponseError::UnknownTopicOrPartition.code(), out, out, 0]);
        check_batches(answer.responses[1].partitions[3].records.as_ref(), &[(2, &small)]);
    }
}
