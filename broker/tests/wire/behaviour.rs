//! Tests of the effects of requests: waiting, limits, duplicates, refusals.

use broker::fuzzing::log::builder::{Spec, seal};
use broker::{Broker, Defaults, Options};
use kafka_protocol::ResponseError::{self, *};
use kafka_protocol::messages::alter_configs_request::{AlterConfigsResource, AlterableConfig as OldConfig};
use kafka_protocol::messages::incremental_alter_configs_request as incremental;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    AlterConfigsRequest, ApiVersionsRequest, DeleteTopicsRequest, FetchRequest, FindCoordinatorRequest,
    IncrementalAlterConfigsRequest, InitProducerIdRequest, MetadataRequest, TransactionalId,
};

use crate::client::{Client, batch, fetch, offsets, produce, start, text, topic_name, wait_for};

/// Longer than any test waits.
const FOREVER_MS: i32 = 60_000;
const TOPIC: i8 = 2;
const BROKER: i8 = 4;

fn with_topic() -> (Broker, Client) {
    let broker = start(Options::default());
    let mut client = Client::new(broker.address);
    client.make("a", 2, &[]);
    (broker, client)
}

fn parked(from: i64) -> FetchRequest {
    fetch("a", &[(0, from), (1, 0)]).with_max_wait_ms(FOREVER_MS)
}

fn code(client: &mut Client, batch: bytes::Bytes) -> (Option<ResponseError>, i64) {
    let answer = client.produce("a", 0, batch);
    (ResponseError::try_from_code(answer.error_code), answer.base_offset)
}

#[test]
fn a_parked_fetch_is_answered_by_an_append() {
    let (broker, mut producer) = with_topic();
    let mut reader = Client::new(broker.address);
    let asked = reader.send(&parked(0), 11);
    wait_for("the fetch", || broker.snapshot().unwrap().is_read("a"));
    producer.produce("a", 0, batch(10));
    let answer = reader.answer::<FetchRequest>(asked, 11).unwrap();
    assert_eq!(offsets(answer.responses[0].partitions[0].records.as_ref()), [0]);
}

#[test]
fn a_producer_is_known_before_its_first_record() {
    let (broker, mut client) = with_topic();
    let has_producer_id = || broker.snapshot().unwrap().clients.iter().filter(|c| c.has_producer_id).count();
    assert_eq!(has_producer_id(), 0);
    client.ask(&InitProducerIdRequest::default().with_transactional_id(None), 4);
    assert_eq!(has_producer_id(), 1);
    drop(client);
    wait_for("the connection to be closed", || has_producer_id() == 0);
}

#[test]
fn a_parked_fetch_waits_for_min_bytes() {
    let (broker, mut producer) = with_topic();
    let mut reader = Client::new(broker.address);
    let asked = reader.send(&parked(0).with_min_bytes(25_000), 11);
    wait_for("the fetch", || broker.snapshot().unwrap().is_read("a"));
    for _ in 0..3 {
        producer.produce("a", 0, batch(10_000));
    }
    let answer = reader.answer::<FetchRequest>(asked, 11).unwrap();
    assert_eq!(offsets(answer.responses[0].partitions[0].records.as_ref()), [0, 1, 2]);
}

#[test]
fn a_fetch_with_too_few_bytes_is_answered_when_its_time_is_up() {
    let (_broker, mut client) = with_topic();
    client.produce("a", 0, batch(10));
    let answer = client.ask(&parked(0).with_min_bytes(25_000).with_max_wait_ms(50), 11);
    assert_eq!(offsets(answer.responses[0].partitions[0].records.as_ref()), [0]);
}

#[test]
fn max_bytes_is_kept_with_one_batch_at_least() {
    let (_broker, mut client) = with_topic();
    for _ in 0..3 {
        client.produce("a", 0, batch(1000));
        client.produce("a", 1, batch(1000));
    }
    let mut read = |request: FetchRequest| {
        let answer = client.ask(&request, 11);
        answer.responses[0].partitions.iter().map(|p| offsets(p.records.as_ref()).len()).collect::<Vec<_>>()
    };
    let both = || fetch("a", &[(0, 0), (1, 0)]);
    assert_eq!(read(both()), [3, 3]);
    assert_eq!(read(both().with_max_bytes(10)), [1, 0]);
    assert_eq!(read(both().with_max_bytes(2500)), [2, 0]);
    assert_eq!(read(both().with_max_bytes(4500)), [3, 1]);
    let mut of_partition = both();
    for partition in &mut of_partition.topics[0].partitions {
        partition.partition_max_bytes = 2500;
    }
    assert_eq!(read(of_partition), [2, 2]);
}

#[test]
fn a_fetch_of_a_topic_that_is_deleted_is_answered() {
    let (broker, mut other) = with_topic();
    let mut reader = Client::new(broker.address);
    let asked = reader.send(&parked(0), 11);
    wait_for("the fetch", || broker.snapshot().unwrap().is_read("a"));
    other.ask(&DeleteTopicsRequest::default().with_topic_names(vec![topic_name("a")]), 4);
    let answer = reader.answer::<FetchRequest>(asked, 11).unwrap();
    assert_eq!(answer.responses[0].partitions[0].error_code, UnknownTopicOrPartition.code());
}

#[test]
fn requests_behind_a_waiting_fetch_are_answered_after_it() {
    let (broker, mut producer) = with_topic();
    let mut reader = Client::new(broker.address);
    let first = reader.send(&parked(0), 11);
    let second = reader.send(&ApiVersionsRequest::default(), 0);
    let third = reader.send(&fetch("a", &[(0, 0)]), 4);
    wait_for("the fetch", || broker.snapshot().unwrap().is_read("a"));
    producer.produce("a", 1, batch(10));
    reader.answer::<FetchRequest>(first, 11).unwrap();
    reader.answer::<ApiVersionsRequest>(second, 0).unwrap();
    reader.answer::<FetchRequest>(third, 4).unwrap();
}

#[test]
fn acks_0_has_no_answer() {
    let (_broker, mut client) = with_topic();
    client.send(&produce("a", &[(0, batch(10))]).with_acks(0), 8);
    assert_eq!(offsets(client.fetch("a", 0, 0).records.as_ref()), [0]);
    client.send(&produce("a", &[(9, batch(10))]).with_acks(0), 8);
    assert!(client.is_hung_up());
}

#[test]
fn a_batch_that_is_too_large_is_refused() {
    let (_broker, mut client) = with_topic();
    client.make("narrow", 1, &[("max.message.bytes", "1000")]);
    assert_eq!(client.produce("narrow", 0, batch(1000)).error_code, MessageTooLarge.code());
    assert_eq!(client.produce("narrow", 0, batch(900)).error_code, 0);
    assert_eq!(code(&mut client, batch(2 << 20)), (Some(MessageTooLarge), -1));
}

#[test]
fn an_idempotent_producer_is_kept_in_order() {
    let (_broker, mut client) = with_topic();
    let id = client.ask(&InitProducerIdRequest::default().with_transactional_id(None), 4).producer_id.0;
    let sent = |sequence| Spec::sequence(id, 0, sequence, 3).build();
    assert_eq!(code(&mut client, sent(0)), (None, 0));
    assert_eq!(code(&mut client, sent(3)), (None, 3));
    assert_eq!(code(&mut client, sent(0)), (None, 0), "the old offset");
    assert_eq!(code(&mut client, sent(9)), (Some(OutOfOrderSequenceNumber), -1));
    assert_eq!(code(&mut client, sent(6)), (None, 6));
}

#[test]
fn damaged_batches_are_refused() {
    let (_broker, mut client) = with_topic();
    let mut damaged = batch(100).to_vec();
    damaged[80] ^= 1;
    assert_eq!(code(&mut client, damaged.into()), (Some(CorruptMessage), -1));
    let mut control = batch(100).to_vec();
    control[22] |= 1 << 5;
    assert_eq!(code(&mut client, seal(control)), (Some(InvalidRecord), -1));
    assert_eq!(client.fetch("a", 0, 0).high_watermark, 0);
}

#[test]
fn transactions_are_refused() {
    let (_broker, mut client) = with_topic();
    let refused = TransactionalIdAuthorizationFailed.code();
    let find = FindCoordinatorRequest::default().with_key_type(1);
    for version in 1..=3 {
        let answer = client.ask(&find.clone().with_key(text("tx")), version);
        assert_eq!(answer.error_code, refused);
    }
    for version in 4..=6 {
        let answer = client.ask(&find.clone().with_coordinator_keys(vec![text("tx")]), version);
        assert_eq!(answer.coordinators[0].error_code, refused);
    }
    let id = || Some(TransactionalId(text("tx")));
    let answer = client.ask(&InitProducerIdRequest::default().with_transactional_id(id()), 4);
    assert_eq!((answer.error_code, answer.producer_id.0), (refused, -1));
    let answer = client.ask(&produce("a", &[(0, batch(10))]).with_transactional_id(id()), 8);
    assert_eq!(answer.responses[0].partition_responses[0].error_code, refused);
}

#[test]
fn a_topic_is_made_by_asking_where_that_is_allowed() {
    let asked = |create| {
        let topic = MetadataRequestTopic::default().with_name(Some(topic_name("new")));
        MetadataRequest::default().with_topics(Some(vec![topic])).with_allow_auto_topic_creation(create)
    };
    for auto_create in [true, false] {
        let broker = start(Options { auto_create, partitions: 3, ..Options::default() });
        let mut client = Client::new(broker.address);
        assert_eq!(client.ask(&asked(false), 8).topics[0].error_code, UnknownTopicOrPartition.code());
        let answer = client.ask(&asked(true), 8);
        let expected = if auto_create { (0, 3) } else { (UnknownTopicOrPartition.code(), 0) };
        assert_eq!((answer.topics[0].error_code, answer.topics[0].partitions.len()), expected);
    }
}

/// Sets a value, or deletes it if `None`.
fn alter(client: &mut Client, kind: i8, name: &str, key: &str, value: Option<&str>) {
    let config = incremental::AlterableConfig::default()
        .with_name(text(key))
        .with_config_operation(i8::from(value.is_none()))
        .with_value(value.map(text));
    let resource = incremental::AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(vec![config]);
    let answer = client.ask(&IncrementalAlterConfigsRequest::default().with_resources(vec![resource]), 1);
    assert_eq!(answer.responses[0].error_code, 0, "{:?}", answer.responses[0].error_message);
}

#[test]
fn an_altered_max_message_bytes_acts() {
    let (_broker, mut client) = with_topic();
    assert_eq!(code(&mut client, batch(5000)), (None, 0));
    alter(&mut client, TOPIC, "a", "max.message.bytes", Some("1000"));
    assert_eq!(code(&mut client, batch(5000)), (Some(MessageTooLarge), -1));
    alter(&mut client, TOPIC, "a", "max.message.bytes", None);
    assert_eq!(code(&mut client, batch(5000)), (None, 1));
}

#[test]
fn altered_defaults_act_and_go_back_to_what_the_broker_began_with() {
    let options = Options::default();
    let defaults = Defaults { message_bytes_max: 2000, ..options.defaults };
    let broker = start(Options { defaults, ..options });
    let mut client = Client::new(broker.address);
    client.make("a", 1, &[]);
    assert_eq!(code(&mut client, batch(5000)), (Some(MessageTooLarge), -1));
    alter(&mut client, BROKER, "1", "message.max.bytes", Some("9000"));
    assert_eq!(code(&mut client, batch(5000)), (None, 0));
    alter(&mut client, BROKER, "", "message.max.bytes", None);
    assert_eq!(code(&mut client, batch(5000)), (Some(MessageTooLarge), -1));
    assert_eq!(code(&mut client, batch(1500)), (None, 1));
    // AlterConfigs, the older request, resets all values that it does not name.
    alter(&mut client, BROKER, "1", "message.max.bytes", Some("9000"));
    let config = OldConfig::default().with_name(text("log.retention.ms")).with_value(Some(text("60000")));
    let resource = AlterConfigsResource::default().with_resource_type(BROKER).with_resource_name(text("1"));
    let request = AlterConfigsRequest::default().with_resources(vec![resource.with_configs(vec![config])]);
    assert_eq!(client.ask(&request, 2).responses[0].error_code, 0);
    assert_eq!(code(&mut client, batch(5000)), (Some(MessageTooLarge), -1));
}
