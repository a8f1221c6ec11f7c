//! Changes of a topic's configuration, and of the broker's defaults for topics.

use std::borrow::Cow;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use kafka_protocol::messages::{alter_configs_response, incremental_alter_configs_response};

use super::{BROKER, TOPIC, is_us, no_such_kind, no_such_topic, of_one_topic};
use crate::answer::words::{Refusal, code_and_message};
use crate::config::{ConfigType, MESSAGE_BYTES, RETENTION_BYTES, TopicConfig};
use crate::state::BrokerState;

/// The kind of an incremental change.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

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
        (SET | APPEND | SUBTRACT, None) => {
            return Err(Refusal::new(ResponseError::InvalidConfig, format!("{name}: no value")));
        }
        (other, _) => {
            let words = format!("{name}: {other} is no operation on a configuration");
            return Err(Refusal::new(ResponseError::InvalidRequest, words));
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
    found.map(|e| e.value).ok_or_else(|| Refusal::new(ResponseError::InvalidConfig, words()))
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
            let topic = state.topics.get(name).ok_or_else(no_such_topic)?;
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
                let words = || format!("{name} cannot be changed while the broker runs");
                let fixed = || Refusal::new(ResponseError::InvalidConfig, words());
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
pub(in crate::answer) fn check_limit(state: &BrokerState, config: &TopicConfig) -> Result<(), Refusal> {
    let (asked, most) = (config.message_bytes_max(&state.options.defaults), state.request_bytes_max());
    let fits = asked <= most
        || config.entries(&state.options.defaults).iter().all(|e| e.name != MESSAGE_BYTES || e.is_default);
    let words = || format!("{MESSAGE_BYTES}={asked}: it can be at most {most} here");
    fits.then_some(()).ok_or_else(|| Refusal::new(ResponseError::InvalidConfig, words()))
}

fn changed(config: &mut TopicConfig, changes: &[Change<'_>]) -> Result<(), Refusal> {
    for (name, value) in changes {
        let done = match value {
            Some(value) => config.set(name, value),
            None => config.unset(name),
        };
        done.map_err(|words| Refusal::new(ResponseError::InvalidConfig, words))?;
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
