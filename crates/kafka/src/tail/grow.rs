//! Partitions that are added to a topic while it is read.

use rdkafka::Offset;
use rdkafka::consumer::Consumer;

use super::Tail;
use crate::convert::offsets;

impl Tail {
    /// Starts reading partitions that were added to the topic, from their first record. This sends no request and does
    /// not wait: the client checks the topic now and then, and its statistics show the result. A group gets its
    /// partitions from the broker.
    pub fn read_new_partitions(&mut self) {
        if self.group.is_some() || self.next.is_empty() || !self.context.facts.take_partitions_changed() {
            return;
        }
        let mut new = self.context.facts.partitions(&self.topic);
        new.retain(|partition| !self.next.contains_key(partition));
        if new.is_empty() {
            return;
        }
        let topic = &self.topic;
        let first = offsets(topic, new.iter().map(|&partition| (partition, Offset::Beginning)));
        if let Err(error) = first.and_then(|first| self.consumer.incremental_assign(&first)) {
            tracing::warn!(
                event = "partitions_unread",
                topic,
                "topic {topic} has new partitions, which cannot be read: {error}"
            );
            return;
        }
        let words = match new.len() {
            1 => "1 more partition: reading it from its first record".to_owned(),
            n => format!("{n} more partitions: reading them from their first record"),
        };
        tracing::info!(event = "partitions_added", topic, added = new.len(), "topic {topic} has {words}");
        self.next.extend(new.iter().map(|&partition| (partition, 0)));
    }
}
