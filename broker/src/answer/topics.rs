//! Creates, extends and deletes topics.

use std::collections::HashMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest,
    DeleteTopicsResponse,
};
use uuid::Uuid;

use super::words::{Refusal, code_and_message, not_made, text, topic_name};
use crate::answer::configs::source;
use crate::config::TopicConfig;
use crate::state::{BrokerState, NODE};

pub fn create(state: &mut BrokerState, request: &CreateTopicsRequest, version: i16) -> CreateTopicsResponse {
    let mut response = CreateTopicsResponse::default();
    let mut times: HashMap<&str, usize> = HashMap::new();
    for topic in &request.topics {
        *times.entry(topic.name.as_str()).or_default() += 1;
    }
    for topic in &request.topics {
        let made = if times[topic.name.as_str()] > 1 {
            Err(Refusal::new(ResponseError::InvalidRequest, "the request names this topic twice"))
        } else {
            create_one(state, topic, request.validate_only, version)
        };
        response.topics.push(made.unwrap_or_else(|refusal| {
            CreatableTopicResult::default()
                .with_name(topic.name.clone())
                .with_error_code(refusal.error.code())
                .with_error_message(Some(text(&refusal.words)))
                .with_configs(None)
        }));
    }
    response
}

fn create_one(
    state: &mut BrokerState,
    topic: &CreatableTopic,
    validate_only: bool,
    version: i16,
) -> Result<CreatableTopicResult, Refusal> {
    let why = |why| {
        let Refusal { error, words, .. } = not_made(&why);
        Refusal::new(error, format!("{}: {words}", topic.name.as_str()))
    };
    // That the topic exists is checked first: many clients send such requests, and go on after that error.
    state.topics.check(&topic.name, 1).map_err(why)?;
    let count = partition_count(state, topic)?;
    state.topics.check(&topic.name, count).map_err(why)?;
    let mut config = TopicConfig::default();
    for entry in &topic.configs {
        let set = config.set(&entry.name, entry.value.as_deref().unwrap_or_default());
        set.map_err(|words| Refusal::new(ResponseError::InvalidConfig, words))?;
    }
    super::configs::check_limit(state, &config)?;
    let described = config_entries(state, &config);
    let id = match validate_only {
        true => Uuid::nil(),
        false => state.topics.make(&topic.name, count, config).map_err(why)?.id,
    };
    let result =
        CreatableTopicResult::default().with_name(topic.name.clone()).with_topic_id(id).with_error_message(None);
    if version < 5 {
        return Ok(result);
    }
    Ok(result.with_num_partitions(count).with_replication_factor(1).with_configs(Some(described)))
}

/// The requested number of partitions, if the request is valid.
fn partition_count(state: &BrokerState, topic: &CreatableTopic) -> Result<i32, Refusal> {
    if !topic.assignments.is_empty() {
        let ours = topic.assignments.iter().all(|a| a.broker_ids == [NODE]);
        let mut indexes: Vec<i32> = topic.assignments.iter().map(|a| a.partition_index).collect();
        indexes.sort_unstable();
        let in_a_row = indexes.iter().copied().eq(0..i32::try_from(indexes.len()).unwrap_or_default());
        if !ours || !in_a_row || topic.num_partitions != -1 || topic.replication_factor != -1 {
            let words = "this broker is node 1 and alone: each partition, from 0 on, goes to it";
            return Err(Refusal::new(ResponseError::InvalidReplicaAssignment, words));
        }
        return Ok(i32::try_from(indexes.len()).unwrap_or_default());
    }
    if !matches!(topic.replication_factor, -1 | 1) {
        let words = format!(
            "Replication factor: {} larger than available brokers: 1 (this broker is alone: replication needs Apache Kafka)",
            topic.replication_factor
        );
        return Err(Refusal::new(ResponseError::InvalidReplicationFactor, words));
    }
    Ok(if topic.num_partitions == -1 { state.options.partitions } else { topic.num_partitions })
}

fn config_entries(state: &BrokerState, config: &TopicConfig) -> Vec<CreatableTopicConfigs> {
    let entries = config.entries(&state.topics.defaults);
    let described = |e: crate::config::ConfigEntry| {
        CreatableTopicConfigs::default()
            .with_name(text(e.name))
            .with_value(Some(text(&e.value)))
            .with_config_source(source(&e))
    };
    entries.into_iter().map(described).collect()
}

pub fn create_partitions(state: &mut BrokerState, request: &CreatePartitionsRequest) -> CreatePartitionsResponse {
    let mut response = CreatePartitionsResponse::default();
    for topic in &request.topics {
        let (code, words) = code_and_message(grow(state, topic, request.validate_only));
        let result = CreatePartitionsTopicResult::default().with_name(topic.name.clone());
        response.results.push(result.with_error_code(code).with_error_message(words));
    }
    response
}

fn grow(state: &mut BrokerState, topic: &CreatePartitionsTopic, validate_only: bool) -> Result<(), Refusal> {
    let Some(has) = state.topics.get(&topic.name).map(|t| t.partitions.len()) else {
        return Err(Refusal::new(ResponseError::UnknownTopicOrPartition, "there is no such topic"));
    };
    let count = usize::try_from(topic.count).ok().filter(|count| *count > has);
    let Some(count) = count else {
        let words = format!("Topic already has {has} partitions, and {} were asked for", topic.count);
        return Err(Refusal::new(ResponseError::InvalidPartitions, words));
    };
    let assigned = topic.assignments.as_ref();
    if assigned.is_some_and(|all| all.len() != count - has || all.iter().any(|a| a.broker_ids != [NODE])) {
        let words = "this broker is node 1 and alone: each new partition goes to it";
        return Err(Refusal::new(ResponseError::InvalidReplicaAssignment, words));
    }
    if validate_only {
        return Ok(());
    }
    state.topics.grow(&topic.name, count).map_err(|why| not_made(&why))
}

pub fn delete(state: &mut BrokerState, request: &DeleteTopicsRequest, version: i16) -> DeleteTopicsResponse {
    let by_name =
        |name: &kafka_protocol::messages::TopicName| DeleteTopicState::default().with_name(Some(name.clone()));
    let asked = if version >= 6 { request.topics.clone() } else { request.topic_names.iter().map(by_name).collect() };
    let mut response = DeleteTopicsResponse::default();
    response.responses = asked.iter().map(|topic| delete_one(state, topic, version)).collect();
    response
}

fn delete_one(state: &mut BrokerState, asked: &DeleteTopicState, version: i16) -> DeletableTopicResult {
    let result = DeletableTopicResult::default().with_name(asked.name.clone()).with_topic_id(asked.topic_id);
    let named = asked.name.as_ref().filter(|name| !name.is_empty());
    let (name, missing) = match (named, asked.topic_id.is_nil()) {
        (Some(name), true) => (Some(name.to_string()), ResponseError::UnknownTopicOrPartition),
        (None, false) => (state.topics.name_of(asked.topic_id).map(str::to_owned), ResponseError::UnknownTopicId),
        // Both a name and an id, or neither, is an error, as in Kafka: if two topics may be meant, none is deleted.
        _ => (None, ResponseError::InvalidRequest),
    };
    let removed = name.as_deref().and_then(|name| state.topics.remove(name));
    let (Some(name), Some(id)) = (name, removed) else {
        return result.with_error_code(missing.code());
    };
    state.groups.forget_topic(&name);
    let id = if version >= 6 { id } else { Uuid::nil() };
    result.with_name(Some(topic_name(&name))).with_topic_id(id)
}
