//! Configurations: described as by Kafka, and changed if the value has an effect here.

use std::borrow::Cow;
use std::collections::HashSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use kafka_protocol::messages::{alter_configs_response, incremental_alter_configs_response};

use super::words::{OK, text};
use crate::config::{
    ConfigEntry, ConfigType, MESSAGE_BYTES, RETENTION_BYTES, RETENTION_MS, TIMESTAMP_LIMITS, TopicConfig,
    default_entries,
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

/// The kind of an incremental change.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// The error code and message of a request that is refused.
type Refusal = (ResponseError, String);

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
            Err((code, words)) => {
                (result.error_code, result.error_message) = (code.code(), Some(text(&words)));
            }
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
            let topic = state.topics.get(&resource.resource_name);
            let topic = topic.ok_or((ResponseError::UnknownTopicOrPartition, "there is no such topic".to_owned()))?;
            Ok(topic.config.entries(&state.topics.defaults).into_iter().map(|e| (e.name.to_owned(), e)).collect())
        }
        BROKER => is_us(&resource.resource_name).map(|()| of_broker(state, requester)),
        _ => Err(no_such_kind()),
    }
}

fn of_broker(state: &BrokerState, requester: &Requester) -> Vec<(String, ConfigEntry)> {
    let options = &state.options;
    let groups = &options.limits.groups;
    // Values that differ from those at the broker's start.
    let began = default_entries(&options.defaults);
    let changed: Vec<_> = default_entries(&state.topics.defaults).into_iter().filter(|e| !began.contains(e)).collect();
    let acting = default_entries(&state.topics.defaults)
        .into_iter()
        .map(|(name, kind, value)| (of_all_topics(name), kind, value));
    let fixed = [
        (
            "advertised.listeners",
            ConfigType::List,
            format!("PLAINTEXT://{}:{}", requester.advertise.0.as_str(), requester.advertise.1),
        ),
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
    ours.then_some(())
        .ok_or_else(|| (ResponseError::InvalidRequest, format!("there is no broker {name} here: it is 1")))
}

fn no_such_kind() -> Refusal {
    (ResponseError::InvalidRequest, "only topics and brokers have a configuration here".to_owned())
}

/// A change: a name, and its new value, or `None` to reset it.
type Change<'a> = (&'a str, Option<Cow<'a, str>>);

pub fn alter_incremental(
    state: &mut BrokerState,
    request: &IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let mut response = IncrementalAlterConfigsResponse::default();
    for resource in &request.resources {
        let (kind, name) = (resource.resource_type, &resource.resource_name);
        let changes: Result<Vec<_>, Refusal> = resource.configs.iter().map(|c| change(state, resource, c)).collect();
        let outcome = changes.and_then(|changes| alter_one(state, kind, name, &changes, false, request.validate_only));
        let (code, words) = code_and_message(outcome);
        response.responses.push(
            incremental_alter_configs_response::AlterConfigsResourceResponse::default()
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name.clone())
                .with_error_code(code)
                .with_error_message(words),
        );
    }
    response
}

fn change<'a>(
    state: &BrokerState,
    resource: &AlterConfigsResource,
    config: &'a AlterableConfig,
) -> Result<Change<'a>, Refusal> {
    let name = config.name.as_str();
    let value = match (config.config_operation, config.value.as_deref()) {
        (DELETE, _) => None,
        (SET, Some(value)) => Some(value.into()),
        (operation @ (APPEND | SUBTRACT), Some(value)) => {
            Some(listed(&current_list(state, resource, name)?, value, operation == APPEND).into())
        }
        (SET | APPEND | SUBTRACT, None) => return Err((ResponseError::InvalidConfig, format!("{name}: no value"))),
        (other, _) => {
            return Err((ResponseError::InvalidRequest, format!("{name}: {other} is no operation on a configuration")));
        }
    };
    Ok((name, value))
}

/// The value of a topic's setting to which items may be appended. The broker's own lists are fixed.
fn current_list(state: &BrokerState, resource: &AlterConfigsResource, name: &str) -> Result<String, Refusal> {
    let topic = (resource.resource_type == TOPIC).then(|| state.topics.get(&resource.resource_name)).flatten();
    let entries = topic.map(|topic| topic.config.entries(&state.topics.defaults)).unwrap_or_default();
    let found = entries.into_iter().find(|e| e.name == name && e.kind == ConfigType::List);
    let words = || format!("{name} is no list of a topic: nothing can be appended to it or subtracted from it");
    found.map(|e| e.value).ok_or_else(|| (ResponseError::InvalidConfig, words()))
}

/// Adds items that the list does not have, or removes items.
fn listed(list: &str, items: &str, append: bool) -> String {
    let split = |text| str::split(text, ',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<&str>>();
    let (mut list, items) = (split(list), split(items));
    list.retain(|item| append || !items.contains(item));
    for item in items.into_iter().filter(|_| append) {
        if !list.contains(&item) {
            list.push(item);
        }
    }
    list.join(",")
}

/// The older request, which resets all values that it does not name.
pub fn alter(state: &mut BrokerState, request: &AlterConfigsRequest) -> AlterConfigsResponse {
    let mut response = AlterConfigsResponse::default();
    for resource in &request.resources {
        let changes: Vec<Change<'_>> =
            resource.configs.iter().map(|c| (c.name.as_str(), c.value.as_deref().map(Cow::from))).collect();
        let outcome =
            alter_one(state, resource.resource_type, &resource.resource_name, &changes, true, request.validate_only);
        let (code, words) = code_and_message(outcome);
        response.responses.push(
            alter_configs_response::AlterConfigsResourceResponse::default()
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name.clone())
                .with_error_code(code)
                .with_error_message(words),
        );
    }
    response
}

fn code_and_message(outcome: Result<(), Refusal>) -> (i16, Option<kafka_protocol::protocol::StrBytes>) {
    match outcome {
        Ok(()) => (OK, None),
        Err((code, words)) => (code.code(), Some(text(&words))),
    }
}

fn alter_one(
    state: &mut BrokerState,
    kind: i8,
    name: &str,
    changes: &[Change<'_>],
    anew: bool,
    validate: bool,
) -> Result<(), Refusal> {
    match kind {
        TOPIC => {
            let topic = state.topics.get(name);
            let topic = topic.ok_or((ResponseError::UnknownTopicOrPartition, "there is no such topic".to_owned()))?;
            let mut config = if anew { TopicConfig::default() } else { topic.config.clone() };
            changed(&mut config, changes)?;
            check_limit(state, &config)?;
            if let Some(topic) = state.topics.get_mut(name).filter(|_| !validate) {
                topic.config = config;
            }
        }
        BROKER => {
            is_us(name)?;
            let mut config = TopicConfig::default();
            let mut of_topic = Vec::with_capacity(changes.len());
            for (name, value) in changes {
                let fixed =
                    || (ResponseError::InvalidConfig, format!("{name} cannot be changed while the broker runs"));
                of_topic.push((of_one_topic(name).ok_or_else(fixed)?, value.clone()));
            }
            changed(&mut config, &of_topic)?;
            check_limit(state, &config)?;
            if !validate {
                let began_with = &state.options.defaults;
                let mut defaults = if anew { *began_with } else { state.topics.defaults };
                for (name, value) in of_topic {
                    // A deleted value becomes the one at the broker's start.
                    let over = if value.is_some() { &defaults } else { began_with };
                    match name {
                        MESSAGE_BYTES => defaults.message_bytes_max = config.message_bytes_max(over),
                        RETENTION_BYTES => defaults.partition_bytes = config.partition_bytes(over),
                        _ => defaults.retention = config.retention(over),
                    }
                }
                state.topics.defaults = defaults;
            }
        }
        _ => return Err(no_such_kind()),
    }
    Ok(())
}

/// Checks that a batch of the largest size fits into a request. Otherwise the connection would be closed without an
/// answer.
pub(super) fn check_limit(state: &BrokerState, config: &TopicConfig) -> Result<(), Refusal> {
    let (asked, most) = (config.message_bytes_max(&state.options.defaults), state.request_bytes_max());
    let fits = asked <= most
        || config.entries(&state.options.defaults).iter().all(|e| e.name != MESSAGE_BYTES || e.is_default);
    fits.then_some(()).ok_or_else(|| {
        (ResponseError::InvalidConfig, format!("{MESSAGE_BYTES}={asked}: it can be at most {most} here"))
    })
}

fn changed(config: &mut TopicConfig, changes: &[Change<'_>]) -> Result<(), Refusal> {
    for (name, value) in changes {
        let done = match value {
            Some(value) => config.set(name, value),
            None => config.unset(name),
        };
        done.map_err(|words| (ResponseError::InvalidConfig, words))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_each_item_once() {
        let check = |list, items, append, expected: &str| assert_eq!(listed(list, items, append), expected);
        check("delete", "delete", true, "delete");
        check("delete", "compact, delete", true, "delete,compact");
        check("", "delete", true, "delete");
        check("delete,compact", "compact", false, "delete");
        check("delete", "compact", false, "delete");
        check("delete", "delete", false, "");
        check("delete", "", true, "delete");
    }
}
