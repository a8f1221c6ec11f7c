//! Sets of partitions by topic: those that a member holds, and those that it is to get.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::{consumer_group_heartbeat_request, consumer_group_heartbeat_response};
use uuid::Uuid;

/// Memory of an assignment for each of its topics and for each of its partitions, both slightly more than measured.
const TOPIC_BYTES: usize = 160;
const PARTITION_BYTES: usize = 8;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Assignment {
    topics: BTreeMap<Uuid, BTreeSet<i32>>,
}

impl Assignment {
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    pub fn len(&self) -> usize {
        self.topics.values().map(BTreeSet::len).sum()
    }

    /// Memory that the assignment needs, in bytes.
    pub fn cost(&self) -> usize {
        self.topics.len() * TOPIC_BYTES + self.len() * PARTITION_BYTES
    }

    pub fn has(&self, topic: Uuid, partition: i32) -> bool {
        self.topics.get(&topic).is_some_and(|partitions| partitions.contains(&partition))
    }

    pub fn add(&mut self, topic: Uuid, partition: i32) {
        self.topics.entry(topic).or_default().insert(partition);
    }

    /// Removes the last partition of a topic.
    pub fn take_one(&mut self, topic: Uuid) -> Option<i32> {
        let partitions = self.topics.get_mut(&topic)?;
        let taken = partitions.pop_last();
        if partitions.is_empty() {
            self.topics.remove(&topic);
        }
        taken
    }

    pub fn has_topic(&self, topic: Uuid) -> bool {
        self.topics.contains_key(&topic)
    }

    pub fn topics(&self) -> impl Iterator<Item = (Uuid, &BTreeSet<i32>)> {
        self.topics.iter().map(|(topic, partitions)| (*topic, partitions))
    }

    pub fn partitions(&self) -> impl Iterator<Item = (Uuid, i32)> {
        self.topics().flat_map(|(topic, partitions)| partitions.iter().map(move |partition| (topic, *partition)))
    }

    pub fn filtered(&self, keep: impl Fn(Uuid, i32) -> bool) -> Assignment {
        self.partitions().filter(|&(topic, partition)| keep(topic, partition)).collect()
    }

    /// The partitions that are in both assignments.
    pub fn within(&self, other: &Assignment) -> Assignment {
        self.filtered(|topic, partition| other.has(topic, partition))
    }

    /// The partitions that are not in the other assignment.
    pub fn without(&self, other: &Assignment) -> Assignment {
        self.filtered(|topic, partition| !other.has(topic, partition))
    }

    pub fn overlaps(&self, other: &Assignment) -> bool {
        self.partitions().any(|(topic, partition)| other.has(topic, partition))
    }

    pub fn is_within(&self, other: &Assignment) -> bool {
        self.partitions().all(|(topic, partition)| other.has(topic, partition))
    }
}

impl FromIterator<(Uuid, i32)> for Assignment {
    fn from_iter<T: IntoIterator<Item = (Uuid, i32)>>(partitions: T) -> Assignment {
        let mut assignment = Assignment::default();
        partitions.into_iter().for_each(|(topic, partition)| assignment.add(topic, partition));
        assignment
    }
}

/// The partitions that a member reports as its own.
pub fn owned(topics: &[consumer_group_heartbeat_request::TopicPartitions]) -> Assignment {
    topics.iter().flat_map(|topic| topic.partitions.iter().map(|partition| (topic.topic_id, *partition))).collect()
}

pub fn answered(assignment: &Assignment) -> consumer_group_heartbeat_response::Assignment {
    let topic = |(id, partitions): (Uuid, &BTreeSet<i32>)| {
        consumer_group_heartbeat_response::TopicPartitions::default()
            .with_topic_id(id)
            .with_partitions(partitions.iter().copied().collect())
    };
    let topics = assignment.topics().map(topic).collect();
    consumer_group_heartbeat_response::Assignment::default().with_topic_partitions(topics)
}
