//! Partitions by topic: what a member holds, and what it is to hold.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::{consumer_group_heartbeat_request, consumer_group_heartbeat_response};
use uuid::Uuid;

/// What an assignment takes for each of its topics, and for each of its partitions; both a little more than measured.
const TOPIC_BYTES: usize = 160;
const PARTITION_BYTES: usize = 8;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Assignment {
    topics: BTreeMap<Uuid, BTreeSet<i32>>,
}

impl Assignment {
    pub(super) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.topics.values().map(BTreeSet::len).sum()
    }

    /// What keeping it takes.
    pub(super) fn cost(&self) -> usize {
        self.topics.len() * TOPIC_BYTES + self.len() * PARTITION_BYTES
    }

    pub(super) fn has(&self, topic: Uuid, partition: i32) -> bool {
        self.topics.get(&topic).is_some_and(|partitions| partitions.contains(&partition))
    }

    pub(super) fn add(&mut self, topic: Uuid, partition: i32) {
        self.topics.entry(topic).or_default().insert(partition);
    }

    /// Takes one partition of a topic away, the last.
    pub(super) fn take_one(&mut self, topic: Uuid) -> Option<i32> {
        let partitions = self.topics.get_mut(&topic)?;
        let taken = partitions.pop_last();
        if partitions.is_empty() {
            self.topics.remove(&topic);
        }
        taken
    }

    pub(super) fn has_topic(&self, topic: Uuid) -> bool {
        self.topics.contains_key(&topic)
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = (Uuid, &BTreeSet<i32>)> {
        self.topics.iter().map(|(topic, partitions)| (*topic, partitions))
    }

    pub(super) fn partitions(&self) -> impl Iterator<Item = (Uuid, i32)> {
        self.topics().flat_map(|(topic, partitions)| partitions.iter().map(move |partition| (topic, *partition)))
    }

    pub(super) fn filtered(&self, keep: impl Fn(Uuid, i32) -> bool) -> Assignment {
        self.partitions().filter(|&(topic, partition)| keep(topic, partition)).collect()
    }

    /// Those of ours that the other has too.
    pub(super) fn within(&self, other: &Assignment) -> Assignment {
        self.filtered(|topic, partition| other.has(topic, partition))
    }

    /// Those of ours that the other does not have.
    pub(super) fn without(&self, other: &Assignment) -> Assignment {
        self.filtered(|topic, partition| !other.has(topic, partition))
    }

    pub(super) fn overlaps(&self, other: &Assignment) -> bool {
        self.partitions().any(|(topic, partition)| other.has(topic, partition))
    }

    pub(super) fn is_within(&self, other: &Assignment) -> bool {
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

/// What a member says that it holds.
pub(super) fn owned(topics: &[consumer_group_heartbeat_request::TopicPartitions]) -> Assignment {
    topics.iter().flat_map(|topic| topic.partitions.iter().map(|partition| (topic.topic_id, *partition))).collect()
}

pub(super) fn answered(assignment: &Assignment) -> consumer_group_heartbeat_response::Assignment {
    let topic = |(id, partitions): (Uuid, &BTreeSet<i32>)| {
        consumer_group_heartbeat_response::TopicPartitions::default()
            .with_topic_id(id)
            .with_partitions(partitions.iter().copied().collect())
    };
    let topics = assignment.topics().map(topic).collect();
    consumer_group_heartbeat_response::Assignment::default().with_topic_partitions(topics)
}
