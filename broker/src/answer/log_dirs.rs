//! The sizes of partitions, which Kafka reports by log folder. Here there is a single folder, the memory.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};

use super::words::{text, topic_name};
use crate::state::BrokerState;

/// Name of the folder. It looks like a path, because Kafka's names are paths.
const MEMORY: &str = "/memory";
/// First version in which the answer has the folder's size too.
const SIZES: i16 = 4;

pub fn describe(state: &BrokerState, request: &DescribeLogDirsRequest, version: i16) -> DescribeLogDirsResponse {
    let topics = wanted(state, request);
    let described = topics.iter().filter_map(|(name, partitions)| describe_topic(state, name, partitions));
    let mut memory = DescribeLogDirsResult::default().with_log_dir(text(MEMORY)).with_topics(described.collect());
    if version >= SIZES {
        let (bound, used) = (state.options.memory_bytes, state.memory.used_in_all_parts());
        (memory.total_bytes, memory.usable_bytes) = (signed(bound), signed(bound.saturating_sub(used)));
    }
    DescribeLogDirsResponse::default().with_results(vec![memory])
}

/// The requested partitions, each once, so that a short request cannot get a much longer answer.
fn wanted<'a>(state: &'a BrokerState, request: &'a DescribeLogDirsRequest) -> BTreeMap<&'a str, BTreeSet<i32>> {
    let Some(topics) = &request.topics else {
        return state
            .topics
            .all()
            .map(|topic| (topic.name.as_str(), (0..).take(topic.partitions.len()).collect()))
            .collect();
    };
    let mut wanted: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for topic in topics {
        wanted.entry(topic.topic.as_str()).or_default().extend(&topic.partitions);
    }
    wanted
}

/// Describes a topic. Partitions that do not exist are left out, as by Kafka.
fn describe_topic(state: &BrokerState, name: &str, partitions: &BTreeSet<i32>) -> Option<DescribeLogDirsTopic> {
    let described = |&index: &i32| {
        let partition = state.topics.partition(name, index)?;
        let size = signed(partition.log.bytes());
        Some(DescribeLogDirsPartition::default().with_partition_index(index).with_partition_size(size))
    };
    let partitions: Vec<_> = partitions.iter().filter_map(described).collect();
    (!partitions.is_empty())
        .then(|| DescribeLogDirsTopic::default().with_name(topic_name(name)).with_partitions(partitions))
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
