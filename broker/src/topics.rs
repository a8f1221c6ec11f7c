//! The topics, their partitions, and retention.

mod partition;

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

pub use self::partition::Partition;

use crate::batch::Batch;
use crate::clock::Now;
use crate::config::{Defaults, TopicConfig};
use crate::log::{Appended, Log, Refused};
use crate::memory::OVERHEAD_BYTES;
use crate::options::BrokerLimits;
use crate::totals::Dropped;

#[derive(Debug)]
pub struct Topic {
    pub name: String,
    pub id: Uuid,
    pub config: TopicConfig,
    pub partitions: Vec<Partition>,
}

/// Reason why a topic is not created, or gets no more partitions.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotMade {
    #[error("a topic of that name exists")]
    Exists,
    #[error("a topic's name has 1 to 249 letters, digits, '.', '_' or '-', and is not '.' or '..'")]
    Name,
    #[error("a topic needs at least 1 partition")]
    Partitions,
    #[error("this broker takes no more topics than {0}: delete some, or raise vidbroker's --max-topics")]
    TooManyTopics(usize),
    #[error(
        "this broker takes no more partitions than {0} in all: delete topics, or raise vidbroker's --max-partitions"
    )]
    TooManyPartitions(usize),
}

#[derive(Debug)]
pub struct Topics {
    by_name: BTreeMap<String, Topic>,
    names: HashMap<Uuid, String>,
    pub defaults: Defaults,
    pub evicted: Dropped,
    pub expired: Dropped,
    topics_max: usize,
    partitions_max: usize,
    partitions: usize,
    changes: u64,
}

impl Topics {
    pub fn new(defaults: Defaults, limits: &BrokerLimits) -> Topics {
        Topics {
            by_name: BTreeMap::new(),
            names: HashMap::new(),
            defaults,
            evicted: Dropped::default(),
            expired: Dropped::default(),
            topics_max: limits.topics,
            partitions_max: limits.partitions,
            partitions: 0,
            changes: 0,
        }
    }

    /// Counter of changes: incremented when a topic is created, gets more partitions, or is deleted.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    pub fn get(&self, name: &str) -> Option<&Topic> {
        self.by_name.get(name)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Topic> {
        self.by_name.get_mut(name)
    }

    pub fn name_of(&self, id: Uuid) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }

    pub fn by_id(&self, id: Uuid) -> Option<&Topic> {
        self.name_of(id).and_then(|name| self.get(name))
    }

    pub fn all(&self) -> impl Iterator<Item = &Topic> {
        self.by_name.values()
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn partition(&self, name: &str, index: i32) -> Option<&Partition> {
        self.get(name)?.partitions.get(usize::try_from(index).ok()?)
    }

    pub fn partition_mut(&mut self, name: &str, index: i32) -> Option<&mut Partition> {
        self.get_mut(name)?.partitions.get_mut(usize::try_from(index).ok()?)
    }

    /// Number of partitions of all topics.
    pub fn partitions(&self) -> usize {
        self.partitions
    }

    /// Appends to a partition, which keeps at most `bytes_max` of its batches, and wakes its readers. `None` if the
    /// partition does not exist.
    pub fn append(
        &mut self,
        topic: &str,
        index: i32,
        batch: Batch,
        now: Now,
        bytes_max: Option<usize>,
    ) -> Option<Result<Appended, Refused>> {
        let index = usize::try_from(index).ok()?;
        let partition = self.by_name.get_mut(topic)?.partitions.get_mut(index)?;
        let appended = partition.log.append(batch, now);
        if appended.is_ok() {
            counted(&mut partition.log, &mut self.expired, |log| log.keep(bytes_max, None));
            partition.wake();
        }
        Some(appended)
    }

    /// Checks if such a topic can be created; returns the number of partitions.
    pub fn check(&self, name: &str, partitions: i32) -> Result<usize, NotMade> {
        if !is_name(name) {
            return Err(NotMade::Name);
        }
        if self.by_name.contains_key(name) {
            return Err(NotMade::Exists);
        }
        let count = usize::try_from(partitions).ok().filter(|n| *n > 0).ok_or(NotMade::Partitions)?;
        if self.len() >= self.topics_max {
            return Err(NotMade::TooManyTopics(self.topics_max));
        }
        if self.partitions.saturating_add(count) > self.partitions_max {
            return Err(NotMade::TooManyPartitions(self.partitions_max));
        }
        Ok(count)
    }

    pub fn make(&mut self, name: &str, partitions: i32, config: TopicConfig) -> Result<&Topic, NotMade> {
        let count = self.check(name, partitions)?;
        let id = Uuid::new_v4();
        self.names.insert(id, name.to_owned());
        self.partitions += count;
        self.changes += 1;
        let partitions = (0..count).map(|_| Partition::new()).collect();
        let topic = Topic { name: name.to_owned(), id, config, partitions };
        Ok(self.by_name.entry(name.to_owned()).or_insert(topic))
    }

    /// Adds partitions until there are `count`.
    pub fn grow(&mut self, name: &str, count: usize) -> Result<(), NotMade> {
        let topic = self.by_name.get_mut(name).ok_or(NotMade::Name)?;
        let more = count.checked_sub(topic.partitions.len()).filter(|n| *n > 0).ok_or(NotMade::Partitions)?;
        if self.partitions.saturating_add(more) > self.partitions_max {
            return Err(NotMade::TooManyPartitions(self.partitions_max));
        }
        self.partitions += more;
        self.changes += 1;
        topic.partitions.extend((0..more).map(|_| Partition::new()));
        Ok(())
    }

    /// Removes a topic, and wakes the fetches that wait for it.
    pub fn remove(&mut self, name: &str) -> Option<Uuid> {
        let mut topic = self.by_name.remove(name)?;
        self.names.remove(&topic.id);
        self.partitions -= topic.partitions.len();
        self.changes += 1;
        topic.partitions.iter_mut().for_each(Partition::wake);
        Some(topic.id)
    }

    /// Memory of all logs, without the bytes around batches in their requests, which are a small part (see `produce`).
    pub fn cost(&self) -> usize {
        let partitions = self.by_name.values().flat_map(|topic| &topic.partitions);
        partitions.map(|p| p.log.bytes() + p.log.batches() * OVERHEAD_BYTES).sum()
    }

    /// Drops the oldest batches of the largest partition until `enough` bytes are dropped or no more exist, so that a
    /// chat is not lost because of a video. Returns the number of bytes freed.
    pub fn drop_some(&mut self, enough: usize) -> usize {
        let partitions = self.by_name.values_mut().flat_map(|topic| &mut topic.partitions);
        let Some(largest) = partitions.max_by_key(|p| p.log.bytes()) else { return 0 };
        let mut dropped = 0;
        counted(&mut largest.log, &mut self.evicted, |log| {
            while dropped < enough {
                match log.drop_oldest() {
                    0 => break,
                    bytes => dropped += bytes + OVERHEAD_BYTES,
                }
            }
        });
        dropped
    }

    /// Applies the retention of each topic.
    pub fn keep(&mut self, now: Now) {
        for topic in self.by_name.values_mut() {
            let bytes = topic.config.partition_bytes(&self.defaults);
            let retention = topic.config.retention(&self.defaults);
            let age = retention.and_then(|r| i64::try_from(r.as_millis()).ok());
            let oldest_ms = age.map(|age| now.wall_ms.saturating_sub(age));
            for partition in &mut topic.partitions {
                counted(&mut partition.log, &mut self.expired, |log| log.keep(bytes, oldest_ms));
            }
        }
    }
}

/// Adds the records that `act` drops from a log to a count.
fn counted(log: &mut Log, dropped: &mut Dropped, act: impl FnOnce(&mut Log)) {
    let (start, bytes) = (log.start(), log.bytes());
    act(log);
    dropped.records += u64::try_from(log.start() - start).unwrap_or(0);
    dropped.bytes += (bytes - log.bytes()) as u64;
}

/// Checks a topic name against Kafka's rule.
pub fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && name.len() <= 249 && name.chars().all(legal) && name != "." && name != ".."
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::sync::Notify;

    use super::*;
    use crate::options::Options;

    fn topics(limits: &BrokerLimits) -> Topics {
        Topics::new(Options::default().defaults, limits)
    }

    #[test]
    fn topics_and_partitions_are_limited() {
        let mut topics = topics(&BrokerLimits { topics: 2, partitions: 5, ..BrokerLimits::default() });
        topics.make("a", 3, TopicConfig::default()).unwrap();
        assert_eq!(topics.check("a", 1), Err(NotMade::Exists));
        assert_eq!(topics.check("b", 3), Err(NotMade::TooManyPartitions(5)));
        assert_eq!(topics.check("b/c", 1), Err(NotMade::Name));
        assert_eq!(topics.check("b", 0), Err(NotMade::Partitions));
        topics.make("b", 1, TopicConfig::default()).unwrap();
        assert_eq!(topics.check("c", 1), Err(NotMade::TooManyTopics(2)));
        assert_eq!(topics.grow("b", 3), Err(NotMade::TooManyPartitions(5)));
        assert_eq!(topics.grow("b", 1), Err(NotMade::Partitions));
        topics.grow("b", 2).unwrap();
        let id = topics.remove("a").unwrap();
        assert_eq!(topics.name_of(id), None);
        topics.make("c", 3, TopicConfig::default()).unwrap();
    }

    #[tokio::test]
    async fn a_bell_is_rung_once_by_whatever_happens_first() {
        let mut topics = topics(&BrokerLimits::default());
        topics.make("a", 2, TopicConfig::default()).unwrap();
        let change = Rc::new(Notify::new());
        for index in 0..2 {
            topics.partition_mut("a", index).unwrap().wait(&change);
        }
        topics.partition_mut("a", 1).unwrap().wake();
        change.notified().await;
        topics.remove("a");
        change.notified().await;
    }
}
