//! The committed offsets of a group, and the answers that contain them.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestPartition;
use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{GroupId, OffsetFetchRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::kept::{copied, kept};
use crate::memory::{Memory, OVERHEAD_BYTES};

/// Largest metadata of a commit, as Kafka's `offset.metadata.max.bytes`.
const NOTE_BYTES_MAX: usize = 4096;

#[derive(Debug)]
pub struct Committed {
    offset: i64,
    leader_epoch: i32,
    note: StrBytes,
}

impl Committed {
    fn cost(&self, topic: &str) -> usize {
        self.note.len() + topic.len() + OVERHEAD_BYTES
    }
}

#[derive(Debug, Default)]
pub struct Offsets {
    topics: BTreeMap<String, BTreeMap<i32, Committed>>,
    /// Counted memory of all of them.
    bytes: usize,
}

impl Offsets {
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    pub fn len(&self) -> usize {
        self.topics.values().map(BTreeMap::len).sum()
    }

    /// Memory that is freed with the offsets.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Checks a commit. Returns the number of bytes that it adds: none if it replaces one of at least its size.
    pub fn check(
        &self,
        topic: &str,
        partition: &OffsetCommitRequestPartition,
        offsets_max: usize,
    ) -> Result<usize, ResponseError> {
        let note = partition.committed_metadata.as_deref().unwrap_or_default();
        if note.len() > NOTE_BYTES_MAX {
            return Err(ResponseError::OffsetMetadataTooLarge);
        }
        match self.get(topic, partition.partition_index) {
            Some(before) => Ok(note.len().saturating_sub(before.note.len())),
            None if self.len() >= offsets_max => Err(ResponseError::InvalidCommitOffsetSize),
            None => Ok(note.len() + topic.len()),
        }
    }

    /// Stores a checked commit.
    pub fn commit(&mut self, topic: &str, partition: &OffsetCommitRequestPartition, memory: &Memory) {
        let note = partition.committed_metadata.as_deref().unwrap_or_default();
        self.remove(topic, partition.partition_index);
        let committed = Committed {
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            note: StrBytes::from_utf8(kept(memory, note.as_bytes(), topic.len())).unwrap_or_default(),
        };
        self.bytes += committed.cost(topic);
        self.topics.entry(topic.to_owned()).or_default().insert(partition.partition_index, committed);
    }

    fn get(&self, topic: &str, partition: i32) -> Option<&Committed> {
        self.topics.get(topic)?.get(&partition)
    }

    pub fn remove(&mut self, topic: &str, partition: i32) {
        let Some(partitions) = self.topics.get_mut(topic) else { return };
        if let Some(removed) = partitions.remove(&partition) {
            self.bytes -= removed.cost(topic);
        }
        if partitions.is_empty() {
            self.topics.remove(topic);
        }
    }

    pub fn forget_topic(&mut self, topic: &str) {
        let removed = self.topics.remove(topic).unwrap_or_default();
        self.bytes -= removed.values().map(|committed| committed.cost(topic)).sum::<usize>();
    }

    /// Panics if an invariant is violated.
    pub fn check_invariants(&self) {
        let all = self.topics.iter().flat_map(|(topic, all)| all.values().map(|committed| committed.cost(topic)));
        assert_eq!(self.bytes, all.sum::<usize>(), "the offsets' memory is counted");
    }

    fn all(&self) -> Vec<OffsetFetchResponseTopics> {
        let topic = |(name, partitions): (&String, &BTreeMap<i32, Committed>)| {
            let partitions = partitions.iter().map(|(&index, committed)| of_partition(index, Some(committed)));
            OffsetFetchResponseTopics::default()
                .with_name(TopicName(copied(name)))
                .with_partitions(partitions.collect())
        };
        self.topics.iter().map(topic).collect()
    }
}

/// A group's answer in version 8 or later; older answers are made from it.
pub fn answer(asked: &OffsetFetchRequestGroup, offsets: Option<&Offsets>) -> OffsetFetchResponseGroup {
    if asked.group_id == GroupId::default() {
        return refused(asked, ResponseError::InvalidGroupId);
    }
    let topics = match &asked.topics {
        Some(topics) => {
            let mut seen = BTreeSet::new();
            let once = topics.iter().filter(|topic| seen.insert(&topic.name));
            once.map(|topic| chosen(topic, offsets)).collect()
        }
        None => offsets.map(Offsets::all).unwrap_or_default(),
    };
    OffsetFetchResponseGroup::default().with_group_id(asked.group_id.clone()).with_topics(topics)
}

fn chosen(topic: &OffsetFetchRequestTopics, offsets: Option<&Offsets>) -> OffsetFetchResponseTopics {
    let partition = |&index: &i32| of_partition(index, offsets.and_then(|o| o.get(&topic.name, index)));
    // Each partition once, so that a short request cannot get a huge answer.
    let indexes: BTreeSet<&i32> = topic.partition_indexes.iter().collect();
    let partitions = indexes.into_iter().map(partition).collect();
    OffsetFetchResponseTopics::default().with_name(topic.name.clone()).with_partitions(partitions)
}

fn of_partition(index: i32, committed: Option<&Committed>) -> OffsetFetchResponsePartitions {
    let none = Committed { offset: -1, leader_epoch: -1, note: StrBytes::new() };
    let committed = committed.unwrap_or(&none);
    OffsetFetchResponsePartitions::default()
        .with_partition_index(index)
        .with_committed_offset(committed.offset)
        .with_committed_leader_epoch(committed.leader_epoch)
        .with_metadata(Some(committed.note.clone()))
}

/// The groups of a request, in the form of version 8 or later.
pub fn asked(request: &OffsetFetchRequest, version: i16) -> Vec<OffsetFetchRequestGroup> {
    if version >= 8 {
        return request.groups.clone();
    }
    let topics = request.topics.as_ref().map(|topics| {
        let newer = topics.iter().map(|t| {
            let topic = OffsetFetchRequestTopics::default().with_name(t.name.clone());
            topic.with_partition_indexes(t.partition_indexes.clone())
        });
        newer.collect()
    });
    vec![OffsetFetchRequestGroup::default().with_group_id(request.group_id.clone()).with_topics(topics)]
}

pub fn refused(asked: &OffsetFetchRequestGroup, error: ResponseError) -> OffsetFetchResponseGroup {
    OffsetFetchResponseGroup::default().with_group_id(asked.group_id.clone()).with_error_code(error.code())
}

/// Converts a group's topics to the form of version 7 or earlier.
pub fn older(topics: Vec<OffsetFetchResponseTopics>) -> Vec<OffsetFetchResponseTopic> {
    let partition = |p: OffsetFetchResponsePartitions| {
        OffsetFetchResponsePartition::default()
            .with_partition_index(p.partition_index)
            .with_committed_offset(p.committed_offset)
            .with_committed_leader_epoch(p.committed_leader_epoch)
            .with_metadata(p.metadata)
    };
    let topic = |t: OffsetFetchResponseTopics| {
        let partitions = t.partitions.into_iter().map(partition).collect();
        OffsetFetchResponseTopic::default().with_name(t.name).with_partitions(partitions)
    };
    topics.into_iter().map(topic).collect()
}
