//! Requests of admin tools: topics by id, allowed operations, settings that are lists, limits.

use broker::fuzzing::log::builder::Spec;
use broker::{Broker, BrokerLimits, Options};
use kafka_protocol::ResponseError::{self, *};
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_topic_partitions_request::TopicRequest;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    CreateTopicsRequest, DeleteTopicsRequest, DescribeClusterRequest, DescribeConfigsRequest, DescribeGroupsRequest,
    DescribeLogDirsRequest, DescribeTopicPartitionsRequest, GroupId, IncrementalAlterConfigsRequest, MetadataRequest,
    TopicName,
};
use uuid::Uuid;

use crate::client::{Client, batch, fetch, start, text, topic_name};

const TOPIC: i8 = 2;
const SET: i8 = 0;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

fn with_topic() -> (Broker, Client) {
    let broker = start(Options::default());
    let mut client = Client::new(broker.address);
    client.make("a", 2, &[]);
    (broker, client)
}

fn id_of(client: &mut Client, name: &str) -> Uuid {
    let answer = client.ask(&MetadataRequest::default().with_topics(None), 12);
    answer.topics.iter().find(|t| t.name == Some(topic_name(name))).unwrap().topic_id
}

/// A request for a topic by id. Java's client sends the name "" with it.
fn by_id(id: Uuid, name: Option<TopicName>) -> MetadataRequest {
    let topic = MetadataRequestTopic::default().with_name(name).with_topic_id(id);
    MetadataRequest::default().with_topics(Some(vec![topic])).with_allow_auto_topic_creation(true)
}

#[test]
fn a_topic_is_found_by_its_id_whatever_name_comes_with_it() {
    let (_broker, mut client) = with_topic();
    let id = id_of(&mut client, "a");
    for version in 10..=13 {
        for name in [None, Some(topic_name("")), Some(topic_name("other"))] {
            let answer = client.ask(&by_id(id, name), version);
            let topic = &answer.topics[0];
            assert_eq!((topic.error_code, topic.name.clone(), topic.topic_id), (0, Some(topic_name("a")), id));
            assert_eq!(topic.partitions.len(), 2);
        }
        let answer = client.ask(&by_id(Uuid::from_u128(7), Some(topic_name(""))), version);
        let topic = &answer.topics[0];
        assert_eq!((topic.error_code, topic.topic_id), (UnknownTopicId.code(), Uuid::from_u128(7)), "v{version}");
        assert_eq!(topic.name, (version < 12).then(|| topic_name("")), "a null name is new in version 12");
    }
    let all = client.ask(&MetadataRequest::default().with_topics(None), 12);
    assert_eq!(all.topics.len(), 1, "no topic is made of a name that comes with an id");
}

#[test]
fn a_topic_is_deleted_by_its_id_or_its_name_and_not_by_both() {
    let (_broker, mut client) = with_topic();
    client.make("b", 1, &[]);
    let (a, b) = (id_of(&mut client, "a"), id_of(&mut client, "b"));
    let mut delete = |name: Option<&str>, id| {
        let asked = DeleteTopicState::default().with_name(name.map(topic_name)).with_topic_id(id);
        let answer = client.ask(&DeleteTopicsRequest::default().with_topics(vec![asked]), 6);
        let deleted = &answer.responses[0];
        (ResponseError::try_from_code(deleted.error_code), deleted.name.as_ref().map(|n| n.to_string()))
    };
    assert_eq!(delete(Some("b"), a), (Some(InvalidRequest), Some("b".to_owned())));
    assert_eq!(delete(None, Uuid::nil()), (Some(InvalidRequest), None));
    assert_eq!(delete(None, a), (None, Some("a".to_owned())));
    assert_eq!(delete(None, a).0, Some(UnknownTopicId));
    assert_eq!(delete(Some(""), b), (None, Some("b".to_owned())), "an empty name is none");
}

#[test]
fn a_topic_that_is_requested_often_is_described_once() {
    let (_broker, mut client) = with_topic();
    let id = id_of(&mut client, "a");
    let one = |name: &str, id| MetadataRequestTopic::default().with_name(Some(topic_name(name))).with_topic_id(id);
    let ids = (0..100).map(|n| one(&format!("name-{n}"), id));
    let names = (0..100).map(|_| one("a", Uuid::nil()));
    let request = MetadataRequest::default().with_topics(Some(ids.chain(names).collect()));
    let answer = client.ask(&request, 12);
    assert_eq!(answer.topics.len(), 2, "once for its id, and once for its name");
    assert!(answer.topics.iter().all(|topic| topic.topic_id == id && topic.partitions.len() == 2));
}

#[test]
fn the_folder_of_all_partitions_is_as_large_as_the_memory() {
    let broker = start(Options { memory_bytes: 64 << 20, ..Options::default() });
    let mut client = Client::new(broker.address);
    client.make("a", 1, &[]);
    client.produce("a", 0, batch(1000));
    let answer = client.ask(&DescribeLogDirsRequest::default().with_topics(None), 4);
    let folder = &answer.results[0];
    assert_eq!(folder.total_bytes, 64 << 20);
    assert!((1000..10_000).contains(&(folder.total_bytes - folder.usable_bytes)), "{}", folder.usable_bytes);
}

/// The bits of operations, given by Kafka's numbers.
fn bits(operations: &[u8]) -> i32 {
    operations.iter().map(|operation| 1 << operation).sum()
}

#[test]
fn every_operation_is_allowed_without_an_authorizer() {
    const NOT_SAID: i32 = i32::MIN;
    let (_broker, mut client) = with_topic();
    let cluster = bits(&[5, 7, 8, 9, 10, 11, 12]);
    let topic = bits(&[3, 4, 5, 6, 7, 8, 10, 11]);
    let group = bits(&[3, 6, 8, 10, 11]);
    for asked in [true, false] {
        let said = |all| if asked { all } else { NOT_SAID };
        for version in 0..=2 {
            let request = DescribeClusterRequest::default().with_include_cluster_authorized_operations(asked);
            assert_eq!(client.ask(&request, version).cluster_authorized_operations, said(cluster));
        }
        for version in 8..=13 {
            let mut request = MetadataRequest::default().with_topics(None);
            request.include_topic_authorized_operations = asked;
            request.include_cluster_authorized_operations = asked && version <= 10;
            let answer = client.ask(&request, version);
            assert_eq!(answer.topics[0].topic_authorized_operations, said(topic));
            let of_cluster = if version <= 10 { said(cluster) } else { NOT_SAID };
            assert_eq!(answer.cluster_authorized_operations, of_cluster);
        }
        for version in 3..=5 {
            let request = DescribeGroupsRequest::default().with_groups(vec![GroupId(text("g"))]);
            let answer = client.ask(&request.with_include_authorized_operations(asked), version);
            assert_eq!(answer.groups[0].authorized_operations, said(group), "v{version}");
        }
    }
    let request = DescribeTopicPartitionsRequest::default();
    let answer = client.ask(&request.with_topics(vec![TopicRequest::default().with_name(topic_name("a"))]), 0);
    assert_eq!(answer.topics[0].topic_authorized_operations, topic);
}

fn alter(client: &mut Client, name: &str, operation: i8, value: &str) -> Option<ResponseError> {
    let config = AlterableConfig::default().with_name(text(name)).with_config_operation(operation);
    let resource = AlterConfigsResource::default().with_resource_type(TOPIC).with_resource_name(text("a"));
    let resource = resource.with_configs(vec![config.with_value(Some(text(value)))]);
    let answer = client.ask(&IncrementalAlterConfigsRequest::default().with_resources(vec![resource]), 1);
    ResponseError::try_from_code(answer.responses[0].error_code)
}

fn described(client: &mut Client, name: &str) -> String {
    let resource = DescribeConfigsResource::default().with_resource_type(TOPIC).with_resource_name(text("a"));
    let resource = resource.with_configuration_keys(Some(vec![text(name)]));
    let answer = client.ask(&DescribeConfigsRequest::default().with_resources(vec![resource]), 4);
    answer.results[0].configs[0].value.clone().unwrap().to_string()
}

#[test]
fn a_list_may_be_appended_to_where_that_leaves_a_value_that_is_allowed() {
    let (_broker, mut client) = with_topic();
    assert_eq!(alter(&mut client, "cleanup.policy", APPEND, "delete"), None);
    assert_eq!(alter(&mut client, "cleanup.policy", SUBTRACT, "compact"), None);
    assert_eq!(alter(&mut client, "cleanup.policy", APPEND, "compact"), Some(InvalidConfig));
    assert_eq!(alter(&mut client, "cleanup.policy", SUBTRACT, "delete"), Some(InvalidConfig));
    assert_eq!(described(&mut client, "cleanup.policy"), "delete");
    assert_eq!(alter(&mut client, "retention.ms", APPEND, "5"), Some(InvalidConfig), "it is no list");
    assert_eq!(alter(&mut client, "cleanup.policy", 9, "delete"), Some(InvalidRequest));
}

#[test]
fn a_compression_type_is_kept_and_batches_stay_as_they_came() {
    let (_broker, mut client) = with_topic();
    for value in ["zstd", "lz4", "snappy", "gzip", "uncompressed", "producer"] {
        assert_eq!(alter(&mut client, "compression.type", SET, value), None);
        assert_eq!(described(&mut client, "compression.type"), value);
    }
    assert_eq!(alter(&mut client, "compression.type", SET, "lzo"), Some(InvalidConfig));
    alter(&mut client, "compression.type", SET, "zstd");
    let sent = batch(1000);
    client.produce("a", 0, sent.clone());
    let read = client.fetch("a", 0, 0).records.unwrap();
    assert_eq!(read[16..], sent[16..]);
}

#[test]
fn a_record_with_a_time_out_of_range_is_refused_and_named() {
    const HOUR_MS: i64 = 3_600_000;
    let (_broker, mut client) = with_topic();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
    let answer = client.produce("a", 0, Spec::at(&[now, now + 2 * HOUR_MS, now + HOUR_MS / 2]).build());
    assert_eq!(ResponseError::try_from_code(answer.error_code), Some(InvalidTimestamp));
    assert_eq!(answer.record_errors.iter().map(|r| r.batch_index).collect::<Vec<_>>(), [1]);
    let compressed = Spec::at(&[now, now + 2 * HOUR_MS]).compressed().build();
    assert_eq!(client.produce("a", 0, compressed).error_code, InvalidTimestamp.code());
    assert_eq!(client.fetch("a", 0, 0).high_watermark, 0, "nothing of these batches is kept");
    assert_eq!(client.produce("a", 0, Spec::at(&[1, now + HOUR_MS / 2]).build()).error_code, 0, "old is not wrong");
    alter(&mut client, "message.timestamp.before.max.ms", SET, "1000");
    assert_eq!(client.produce("a", 0, Spec::at(&[now - HOUR_MS]).build()).error_code, InvalidTimestamp.code());
    alter(&mut client, "message.timestamp.after.max.ms", SET, &i64::MAX.to_string());
    assert_eq!(client.produce("a", 0, Spec::at(&[now + 9 * HOUR_MS]).build()).error_code, 0);
}

#[test]
fn an_unknown_fetch_session_is_not_found() {
    let (_broker, mut client) = with_topic();
    client.produce("a", 0, batch(10));
    for version in 7..=12 {
        let asked = |id, epoch| fetch("a", &[(0, 0)]).with_session_id(id).with_session_epoch(epoch);
        for (id, epoch) in [(77, 5), (0, 1)] {
            let answer = client.ask(&asked(id, epoch), version);
            assert_eq!(answer.error_code, FetchSessionIdNotFound.code(), "v{version} {id} {epoch}");
            assert!(answer.responses.is_empty());
        }
        for (id, epoch) in [(0, 0), (0, -1), (77, 0), (77, -1)] {
            let answer = client.ask(&asked(id, epoch), version);
            assert_eq!((answer.error_code, answer.session_id, answer.responses.len()), (0, 0, 1), "v{version}");
        }
    }
}

#[test]
fn the_error_of_a_limit_names_the_limit_and_its_option() {
    let limits = BrokerLimits { topics: 2, partitions: 5, ..BrokerLimits::default() };
    let broker = start(Options { limits, ..Options::default() });
    let mut client = Client::new(broker.address);
    client.make("a", 1, &[]);
    let mut make = |name: &str, partitions| {
        let topic = CreatableTopic::default().with_name(topic_name(name)).with_num_partitions(partitions);
        let topic = topic.with_replication_factor(1);
        let answer = client.ask(&CreateTopicsRequest::default().with_topics(vec![topic]), 5);
        let made = &answer.topics[0];
        (made.error_code, made.error_message.clone().unwrap_or_default().to_string())
    };
    let (code, words) = make("b", 5);
    assert!(code == PolicyViolation.code() && words.contains("no more partitions than 5"), "{words}");
    assert!(words.contains("--max-partitions"), "{words}");
    assert_eq!(make("b", 4).0, 0);
    let (code, words) = make("c", 1);
    assert!(code == PolicyViolation.code() && words.contains("no more topics than 2"), "{words}");
    assert!(words.contains("--max-topics"), "{words}");
}
