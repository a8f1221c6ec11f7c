//! Describes the broker, the supported requests, and the topics.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::describe_topic_partitions_response::{
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, DescribeClusterRequest, DescribeClusterResponse, DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse, FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest,
    MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::rights;
use super::words::{NO_TRANSACTIONS, OK, not_made, text, topic_name};
use crate::config::TopicConfig;
use crate::request;
use crate::request::Requester;
use crate::state::{BrokerState, NODE};
use crate::topics::Topic;

/// The key type of groups in FindCoordinator; the others are of transactions.
const GROUP_KEY: i8 = 0;
/// The endpoint types in a request.
const BROKER_ENDPOINTS: i8 = 1;
const CONTROLLER_ENDPOINTS: i8 = 2;
/// First version of Metadata in which the name of a topic in an answer may be null.
const NULL_NAMES: i16 = 12;
/// Versions of Metadata that report the operations on the cluster; later DescribeCluster took that over.
const CLUSTER_RIGHTS: RangeInclusive<i16> = 8..=10;

/// The supported requests and versions; `error` is set if the request's own version is unsupported.
pub fn api_versions(error: i16) -> ApiVersionsResponse {
    let mut response = ApiVersionsResponse::default();
    response.error_code = error;
    let api = |(key, versions): (ApiKey, RangeInclusive<i16>)| {
        // Apache Kafka does the same: an older librdkafka does not compress if version 0 is missing, but never uses
        // that version.
        let oldest = if key == ApiKey::Produce { 0 } else { *versions.start() };
        ApiVersion::default().with_api_key(key as i16).with_min_version(oldest).with_max_version(*versions.end())
    };
    response.api_keys = request::supported().map(api).collect();
    response
}

pub fn metadata(
    state: &mut BrokerState,
    request: &MetadataRequest,
    version: i16,
    requester: &Requester,
) -> MetadataResponse {
    let (host, port) = &requester.advertise;
    let mut response = MetadataResponse::default();
    let broker = MetadataResponseBroker::default().with_node_id(NODE).with_host(host.clone());
    if u128::from(state.now().ms) >= state.options.starting.as_millis() {
        response.brokers = vec![broker.with_port(i32::from(*port))];
    }
    response.cluster_id = Some(state.cluster.clone());
    response.controller_id = NODE;
    if request.include_cluster_authorized_operations && CLUSTER_RIGHTS.contains(&version) {
        response.cluster_authorized_operations = rights::ON_CLUSTER;
    }
    // Version 0 has no null; an empty list means all topics.
    let asked = request.topics.as_ref().filter(|topics| version > 0 || !topics.is_empty());
    response.topics = match asked {
        None => state.topics.all().map(describe_topic).collect(),
        Some(topics) => {
            // Each topic once, so that a short request cannot get a huge answer.
            let mut seen = HashSet::new();
            let topics: Vec<_> = topics.iter().filter(|&asked| seen.insert(identity(asked))).collect();
            let create = request.allow_auto_topic_creation;
            topics.into_iter().map(|asked| metadata_of(state, asked, version, create)).collect()
        }
    };
    if request.include_topic_authorized_operations {
        let described = response.topics.iter_mut().filter(|topic| topic.error_code == OK);
        described.for_each(|topic| topic.topic_authorized_operations = rights::ON_TOPIC);
    }
    response
}

/// The part of a request for a topic that counts: its id, or else its name.
///
/// If there is an id, the name is ignored: Java's client sends the name "" with it.
fn identity(asked: &MetadataRequestTopic) -> (Uuid, Option<&TopicName>) {
    (asked.topic_id, asked.name.as_ref().filter(|_| asked.topic_id.is_nil()))
}

fn metadata_of(
    state: &mut BrokerState,
    asked: &MetadataRequestTopic,
    version: i16,
    create: bool,
) -> MetadataResponseTopic {
    let mut missing = MetadataResponseTopic::default();
    let (_, Some(name)) = identity(asked) else { return metadata_by_id(state, asked.topic_id, version) };
    missing.name = Some(name.clone());
    if let Some(topic) = state.topics.get(name) {
        return describe_topic(topic);
    }
    if !crate::topics::is_name(name) {
        return missing.with_error_code(ResponseError::InvalidTopicException.code());
    }
    if !(create && state.options.auto_create) {
        return missing.with_error_code(ResponseError::UnknownTopicOrPartition.code());
    }
    match state.topics.make(name, state.options.partitions, TopicConfig::default()) {
        Ok(topic) => describe_topic(topic),
        Err(why) => {
            // The answer has no field for a message, and a client repeats its request, so the reason is logged, once.
            if !std::mem::replace(&mut state.topic_refused, true) {
                let topic = name.as_str();
                tracing::warn!(event = "topic_refused", topic, "topic {topic} is not created: {why}");
            }
            missing.with_error_code(not_made(&why).error.code())
        }
    }
}

fn metadata_by_id(state: &BrokerState, id: Uuid, version: i16) -> MetadataResponseTopic {
    match state.topics.by_id(id) {
        Some(topic) => describe_topic(topic),
        None => MetadataResponseTopic::default()
            .with_topic_id(id)
            .with_error_code(ResponseError::UnknownTopicId.code())
            .with_name((version < NULL_NAMES).then(|| topic_name(""))),
    }
}

fn describe_topic(topic: &Topic) -> MetadataResponseTopic {
    let partition = |index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(NODE)
            .with_leader_epoch(0)
            .with_replica_nodes(vec![NODE])
            .with_isr_nodes(vec![NODE])
    };
    let mut response = MetadataResponseTopic::default();
    response.name = Some(topic_name(&topic.name));
    response.topic_id = topic.id;
    response.partitions = (0..).take(topic.partitions.len()).map(partition).collect();
    response
}

pub fn describe(
    state: &BrokerState,
    request: &DescribeClusterRequest,
    version: i16,
    requester: &Requester,
) -> DescribeClusterResponse {
    let (host, port) = &requester.advertise;
    let mut response = DescribeClusterResponse::default();
    response.cluster_id = state.cluster.clone();
    response.controller_id = NODE;
    if version >= 1 && request.endpoint_type != BROKER_ENDPOINTS {
        let of_controllers = request.endpoint_type == CONTROLLER_ENDPOINTS;
        let mismatched = ResponseError::MismatchedEndpointType;
        let why = if of_controllers { mismatched } else { ResponseError::UnsupportedEndpointType };
        response.error_code = why.code();
        response.error_message = Some(text("there are only brokers' endpoints here"));
        return response;
    }
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = rights::ON_CLUSTER;
    }
    let broker = DescribeClusterBroker::default().with_broker_id(NODE).with_host(host.clone());
    response.brokers = vec![broker.with_port(i32::from(*port))];
    response
}

pub fn describe_partitions(
    state: &BrokerState,
    request: &DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let mut names: Vec<StrBytes> = request.topics.iter().map(|t| t.name.0.clone()).collect();
    if names.is_empty() {
        names = state.topics.all().map(|t| text(&t.name)).collect();
    }
    names.sort();
    names.dedup();
    let mut response = DescribeTopicPartitionsResponse::default();
    response.topics = names.iter().map(|name| partitions_of(state, name)).collect();
    response
}

fn partitions_of(state: &BrokerState, name: &StrBytes) -> DescribeTopicPartitionsResponseTopic {
    let mut response = DescribeTopicPartitionsResponseTopic::default();
    response.name = Some(topic_name(name));
    let Some(topic) = state.topics.get(name) else {
        response.topic_id = Uuid::nil();
        response.error_code = ResponseError::UnknownTopicOrPartition.code();
        return response;
    };
    let partition = |index| {
        DescribeTopicPartitionsResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(NODE)
            .with_leader_epoch(0)
            .with_replica_nodes(vec![NODE])
            .with_isr_nodes(vec![NODE])
            // Null is allowed, but Kafka's own tools crash on it.
            .with_eligible_leader_replicas(Some(Vec::new()))
            .with_last_known_elr(Some(Vec::new()))
    };
    response.topic_id = topic.id;
    // This API has no flag for the operations; Kafka always reports them.
    response.topic_authorized_operations = rights::ON_TOPIC;
    response.partitions = (0..).take(topic.partitions.len()).map(partition).collect();
    response
}

/// Names this broker as the coordinator of every group.
pub fn find_coordinator(
    request: &FindCoordinatorRequest,
    version: i16,
    requester: &Requester,
) -> FindCoordinatorResponse {
    let (host, port) = &requester.advertise;
    let is_group = version < 1 || request.key_type == GROUP_KEY;
    // The only error code that every client treats as final.
    let refused = ResponseError::TransactionalIdAuthorizationFailed.code();
    let mut response = FindCoordinatorResponse::default();
    if version >= 4 {
        let of = |key: &StrBytes| {
            let coordinator = Coordinator::default().with_key(key.clone());
            if !is_group {
                return coordinator.with_error_code(refused).with_error_message(Some(text(NO_TRANSACTIONS)));
            }
            coordinator.with_node_id(NODE).with_host(host.clone()).with_port(i32::from(*port)).with_error_message(None)
        };
        response.coordinators = request.coordinator_keys.iter().map(of).collect();
        return response;
    }
    if is_group {
        (response.node_id, response.host, response.port) = (NODE, host.clone(), i32::from(*port));
        response.error_code = OK;
    } else {
        response.error_code = refused;
        response.error_message = Some(text(NO_TRANSACTIONS));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn produce_is_shown_from_version_0_so_that_old_clients_compress() {
        let versions = api_versions(0).api_keys;
        let of = |key: ApiKey| versions.iter().find(|v| v.api_key == key as i16).map(|v| v.min_version);
        assert_eq!((of(ApiKey::Produce), of(ApiKey::Fetch)), (Some(0), Some(4)));
    }
}
