//! Configurations: described as by Kafka, and changed if the value has an effect here.

mod alter;

use std::collections::HashSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};

pub(super) use self::alter::check_limit;
pub use self::alter::{alter, alter_incremental};
use super::words::{Refusal, code_and_message, text};
use crate::config::{
    ConfigEntry, ConfigType, MESSAGE_BYTES, RETENTION_BYTES, RETENTION_MS, TIMESTAMP_LIMITS, default_entries,
};
use crate::request::Requester;
use crate::state::{BrokerState, NODE};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// The source of a value, in Kafka's numbers.
const OF_TOPIC: i8 = 1;
const OF_BROKER: i8 = 4;
const OF_BROKER_CHANGED: i8 = 2;
const OF_DEFAULT: i8 = 5;

pub(super) fn source(entry: &ConfigEntry) -> i8 {
    if entry.is_default { OF_DEFAULT } else { OF_TOPIC }
}

pub fn describe(
    state: &BrokerState,
    request: &DescribeConfigsRequest,
    version: i16,
    requester: &Requester,
) -> DescribeConfigsResponse {
    let mut response = DescribeConfigsResponse::default();
    // Each resource once, so that a short request cannot get a huge answer.
    let mut seen = HashSet::new();
    let resources = request.resources.iter().filter(|r| seen.insert((r.resource_type, r.resource_name.clone())));
    for resource in resources {
        let mut result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        match described(state, resource, requester) {
            Ok(all) => {
                let keys = resource.configuration_keys.as_ref();
                let wanted =
                    |(name, _): &(String, ConfigEntry)| keys.is_none_or(|keys| keys.iter().any(|k| k.as_str() == name));
                let show =
                    |(name, entry)| shown(name, &entry, resource.resource_type, request.include_synonyms, version);
                result.configs = all.into_iter().filter(wanted).map(show).collect();
                result.error_message = None;
            }
            Err(refusal) => (result.error_code, result.error_message) = code_and_message(Err(refusal)),
        }
        response.results.push(result);
    }
    response
}

/// Every value of a resource, under the resource's own name for it.
fn described(
    state: &BrokerState,
    resource: &DescribeConfigsResource,
    requester: &Requester,
) -> Result<Vec<(String, ConfigEntry)>, Refusal> {
    match resource.resource_type {
        TOPIC => {
            let topic = state.topics.get(&resource.resource_name).ok_or_else(no_such_topic)?;
            Ok(topic.config.entries(&state.topics.defaults).into_iter().map(|e| (e.name.to_owned(), e)).collect())
        }
        BROKER => is_us(&resource.resource_name).map(|()| of_broker(state, requester)),
        _ => Err(no_such_kind()),
    }
}

fn of_broker(state: &BrokerState, requester: &Requester) -> Vec<(String, ConfigEntry)> {
    let options = &state.options;
    let (groups, (host, port)) = (&options.limits.groups, &requester.advertise);
    // Values that differ from those at the broker's start.
    let began = default_entries(&options.defaults);
    let changed: Vec<_> = default_entries(&state.topics.defaults).into_iter().filter(|e| !began.contains(e)).collect();
    let acting = default_entries(&state.topics.defaults)
        .into_iter()
        .map(|(name, kind, value)| (of_all_topics(name), kind, value));
    let fixed = [
        ("advertised.listeners", ConfigType::List, format!("PLAINTEXT://{}:{port}", host.as_str())),
        ("auto.create.topics.enable", ConfigType::Flag, options.auto_create.to_string()),
        ("broker.id", ConfigType::Int, NODE.to_string()),
        ("default.replication.factor", ConfigType::Int, "1".to_owned()),
        ("group.consumer.assignors", ConfigType::List, "uniform,range".to_owned()),
        ("group.consumer.heartbeat.interval.ms", ConfigType::Int, groups.times.heartbeat_ms.to_string()),
        ("group.consumer.max.size", ConfigType::Int, groups.members.to_string()),
        ("group.consumer.session.timeout.ms", ConfigType::Int, groups.times.session_ms.to_string()),
        ("group.initial.rebalance.delay.ms", ConfigType::Int, "0".to_owned()),
        ("group.max.session.timeout.ms", ConfigType::Int, groups.session_ms_max.to_string()),
        ("group.max.size", ConfigType::Int, groups.members.to_string()),
        ("group.min.session.timeout.ms", ConfigType::Int, groups.session_ms_min.to_string()),
        ("log.cleanup.policy", ConfigType::List, "delete".to_owned()),
        ("compression.type", ConfigType::Text, "producer".to_owned()),
        ("log.message.timestamp.after.max.ms", ConfigType::Long, TIMESTAMP_LIMITS.after_ms.to_string()),
        ("log.message.timestamp.before.max.ms", ConfigType::Long, TIMESTAMP_LIMITS.before_ms.to_string()),
        ("max.connections", ConfigType::Int, options.limits.connections.to_string()),
        ("min.insync.replicas", ConfigType::Int, "1".to_owned()),
        ("num.partitions", ConfigType::Int, options.partitions.to_string()),
        ("offsets.topic.replication.factor", ConfigType::Int, "1".to_owned()),
        ("socket.request.max.bytes", ConfigType::Int, state.request_bytes_max().to_string()),
    ];
    let mut all: Vec<_> = acting
        .chain(fixed)
        .map(|(name, kind, value)| {
            let is_default = !changed.iter().any(|(n, _, now)| of_all_topics(n) == name && *now == value);
            (name.to_owned(), ConfigEntry { name, kind, value, is_default })
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// The broker's name for a topic's value, where they differ.
fn of_all_topics(name: &'static str) -> &'static str {
    match name {
        MESSAGE_BYTES => "message.max.bytes",
        RETENTION_BYTES => "log.retention.bytes",
        RETENTION_MS => "log.retention.ms",
        other => other,
    }
}

fn of_one_topic(name: &str) -> Option<&'static str> {
    [MESSAGE_BYTES, RETENTION_BYTES, RETENTION_MS].into_iter().find(|n| of_all_topics(n) == name)
}

fn shown(
    name: String,
    entry: &ConfigEntry,
    resource: i8,
    synonyms: bool,
    version: i16,
) -> DescribeConfigsResourceResult {
    let source = match resource {
        BROKER if entry.is_default => OF_BROKER,
        BROKER => OF_BROKER_CHANGED,
        _ => source(entry),
    };
    let mut result =
        DescribeConfigsResourceResult::default().with_name(text(&name)).with_value(Some(text(&entry.value)));
    result.config_source = source;
    result.read_only = resource == BROKER && of_one_topic(&name).is_none();
    if version >= 3 {
        result.config_type = entry.kind as i8;
    }
    if synonyms {
        let synonym = DescribeConfigsSynonym::default().with_name(text(&name)).with_value(Some(text(&entry.value)));
        result.synonyms = vec![synonym.with_source(source)];
    }
    result
}

fn is_us(name: &str) -> Result<(), Refusal> {
    // An empty name means the default of all brokers.
    let ours = name.is_empty() || name == NODE.to_string();
    let words = || format!("there is no broker {name} here: it is 1");
    ours.then_some(()).ok_or_else(|| Refusal::new(ResponseError::InvalidRequest, words()))
}

fn no_such_kind() -> Refusal {
    Refusal::new(ResponseError::InvalidRequest, "only topics and brokers have a configuration here")
}

fn no_such_topic() -> Refusal {
    Refusal::new(ResponseError::UnknownTopicOrPartition, "there is no such topic")
}
