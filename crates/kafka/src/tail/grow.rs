//! Partitions that are added to a topic while it is read.

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::Tail;

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
        if let Err(error) = self.read_from_first_record(&new) {
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

    fn read_from_first_record(&self, partitions: &[i32]) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        for &partition in partitions {
            list.add_partition_offset(&self.topic, partition, Offset::Beginning)?;
        }
        self.consumer.incremental_assign(&list)
    }
}
