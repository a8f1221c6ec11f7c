//! Partitions that a group assigns to one of its members, or revokes.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};

use super::Context;

/// Timeout of the request for a group's committed offsets.
const COMMITTED: Duration = Duration::from_millis(500);

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Context>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => {
                // The group has accepted this member, so earlier denials no longer count.
                self.state().may_not_join = false;
                self.begin_new_partitions(consumer, list);
            }
            _ => self.log_rebalance(consumer, rebalance),
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Context>, rebalance: &Rebalance<'_>) {
        if matches!(rebalance, Rebalance::Assign(_)) {
            self.log_rebalance(consumer, rebalance);
        }
    }
}

impl Context {
    /// Makes this member read a partition that was added meanwhile from its first record. An offset is committed for it
    /// before the client requests its start position, because `auto.offset.reset` would skip the records that exist already.
    fn begin_new_partitions(&self, consumer: &BaseConsumer<Context>, assigned: &TopicPartitionList) {
        let Some(found) = self.partitions_found.get() else { return };
        let is_new = |one: &TopicPartitionListElem<'_>| usize::try_from(one.partition()).is_ok_and(|p| p >= *found);
        if !assigned.elements().iter().any(is_new) {
            return;
        }
        let group = self.group.as_deref().unwrap_or_default();
        let begun = consumer.committed_offsets(assigned.clone(), COMMITTED).and_then(|committed| {
            let mut first = TopicPartitionList::new();
            for one in committed.elements().iter().filter(|one| is_new(one) && one.offset() == Offset::Invalid) {
                first.add_partition_offset(one.topic(), one.partition(), Offset::Offset(0))?;
                tracing::info!(
                    event = "partitions_added",
                    topic = one.topic(),
                    added = 1,
                    "topic {} has a new partition, {}: group {group} reads it from its first record",
                    one.topic(),
                    one.partition()
                );
            }
            if first.count() == 0 { Ok(()) } else { consumer.commit(&first, CommitMode::Sync) }
        });
        if let Err(error) = begun {
            tracing::warn!(
                event = "partitions_unread",
                group,
                "group {group} may miss the first records of new partitions: {error}"
            );
        }
    }

    /// Logs a line for each change of the partitions that this member reads, with the start offsets.
    fn log_rebalance(&self, consumer: &BaseConsumer<Context>, rebalance: &Rebalance<'_>) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let group = self.group.as_deref().unwrap_or_default();
        match rebalance {
            Rebalance::Assign(list) if list.count() == 0 => {
                // If the group rebalances incrementally, this member may have some partitions already.
                if consumer.assignment().is_ok_and(|all| all.count() == 0) {
                    tracing::debug!("group {group}: no partition for this member");
                }
            }
            Rebalance::Assign(list) => {
                // The client requests the offsets only after this callback, and does not report the answer.
                let committed = consumer.committed_offsets((*list).clone(), COMMITTED).ok();
                let from = committed.as_ref().map_or_else(|| list.elements(), TopicPartitionList::elements);
                from.iter().for_each(|one| tracing::debug!("group {group}: assigned {}", place(one)));
            }
            Rebalance::Revoke(list) => {
                let all = list
                    .elements()
                    .iter()
                    .map(|one| format!("{} [{}]", one.topic(), one.partition()))
                    .collect::<Vec<_>>();
                tracing::debug!("group {group}: revoked {}", all.join(", "));
            }
            Rebalance::Error(error) => tracing::debug!("group {group}: {error}"),
        }
    }
}

/// Formats `topic [partition] from offset n`.
fn place(one: &TopicPartitionListElem<'_>) -> String {
    let from = match one.offset() {
        Offset::Offset(offset) => format!("from offset {offset}, which was committed"),
        _ => "from where auto.offset.reset says: nothing was committed".to_owned(),
    };
    format!("{} [{}] {from}", one.topic(), one.partition())
}
