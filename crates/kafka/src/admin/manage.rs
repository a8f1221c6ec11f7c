//! Describes, changes and deletes topics.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_executor::block_on;
use rdkafka::admin::{AlterConfig, ConfigEntry, ConfigResourceResult, ConfigSource, NewPartitions, ResourceSpecifier};
use rdkafka::error::{KafkaError as ClientError, KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::{MetadataBroker, MetadataPartition};
use serde::Serialize;

use super::{Admin, options};
use crate::error::{KafkaError, name, plain};
use crate::rights::Right;

/// How often changed settings are read back until they are those that were set, and the time between two tries.
const READ_BACK_TRIES: u32 = 20;
const READ_BACK_EVERY: Duration = Duration::from_millis(50);

/// A broker of the cluster.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BrokerAddress {
    pub id: i32,
    pub host: String,
    pub port: i32,
}

/// A topic as the cluster has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TopicDescription {
    pub topic: String,
    pub partitions: Vec<PartitionDescription>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PartitionDescription {
    pub partition: i32,
    /// The broker that reads and writes it; `None` if no broker can at present.
    pub leader: Option<i32>,
    pub replicas: Vec<i32>,
    pub in_sync: Vec<i32>,
    /// Offset of the oldest record, and the offset after the newest; `None` if there is no leader to ask.
    pub offsets: Option<(i64, i64)>,
}

/// A setting of a topic or broker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Setting {
    pub value: String,
    /// True if it was set for this topic; false for the broker's or Kafka's default.
    pub is_of_topic: bool,
}

/// Settings by name.
pub type Settings = BTreeMap<String, Setting>;

/// A change of a topic's settings: new values, and names whose values go back to the default.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct SettingChanges {
    pub set: BTreeMap<String, String>,
    pub unset: Vec<String>,
}

impl SettingChanges {
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.unset.is_empty()
    }

    /// The topic's own settings after the change.
    fn applied_to(&self, settings: &Settings) -> BTreeMap<String, String> {
        let own = settings.iter().filter(|(_, setting)| setting.is_of_topic);
        let mut own: BTreeMap<String, String> =
            own.map(|(name, setting)| (name.clone(), setting.value.clone())).collect();
        own.retain(|name, _| !self.unset.contains(name));
        own.extend(self.set.clone());
        own
    }
}

impl TopicDescription {
    /// Number of records, by the offsets; `None` if a partition cannot be asked.
    pub fn records(&self) -> Option<i64> {
        self.partitions.iter().map(|partition| partition.offsets.map(|(first, end)| end - first)).sum()
    }

    pub fn replication(&self) -> usize {
        self.partitions.iter().map(|partition| partition.replicas.len()).max().unwrap_or(0)
    }

    /// Partitions without a leader, and with fewer replicas in sync than replicas.
    pub fn troubled(&self) -> (usize, usize) {
        let count = |is: fn(&&PartitionDescription) -> bool| self.partitions.iter().filter(is).count();
        (count(|p| p.leader.is_none()), count(|p| p.in_sync.len() < p.replicas.len()))
    }
}

impl Admin {
    /// The brokers of the cluster, by id.
    pub fn cluster(&self, timeout: Duration) -> Result<Vec<BrokerAddress>, KafkaError> {
        let metadata = self.metadata(timeout)?;
        let address = |broker: &MetadataBroker| BrokerAddress {
            id: broker.id(),
            host: broker.host().to_owned(),
            port: broker.port(),
        };
        let mut brokers: Vec<BrokerAddress> = metadata.brokers().iter().map(address).collect();
        brokers.sort_by_key(|broker| broker.id);
        Ok(brokers)
    }

    /// Describes one topic, or all but Kafka's own, sorted by name.
    pub fn describe(&self, topic: Option<&str>, timeout: Duration) -> Result<Vec<TopicDescription>, KafkaError> {
        let metadata = self.metadata(timeout)?;
        let wanted = metadata.topics().iter().filter(|found| match topic {
            Some(topic) => found.name() == topic,
            None => !found.name().starts_with("__"),
        });
        let mut topics: Vec<TopicDescription> = wanted
            .map(|found| {
                let mut partitions: Vec<PartitionDescription> =
                    found.partitions().iter().map(|one| self.partition(found.name(), one, timeout)).collect();
                partitions.sort_by_key(|partition| partition.partition);
                TopicDescription { topic: found.name().to_owned(), partitions }
            })
            .collect();
        topics.sort_by(|a, b| a.topic.cmp(&b.topic));
        match topic {
            Some(topic) if topics.is_empty() => Err(self.hidden(topic, timeout).unwrap_or_else(|| self.missing(topic))),
            _ => Ok(topics),
        }
    }

    fn partition(&self, topic: &str, found: &MetadataPartition, timeout: Duration) -> PartitionDescription {
        let leader = (found.leader() >= 0).then(|| found.leader());
        let offsets = leader.and_then(|_| self.client().inner().fetch_watermarks(topic, found.id(), timeout).ok());
        PartitionDescription {
            partition: found.id(),
            leader,
            replicas: found.replicas().to_vec(),
            in_sync: found.isr().to_vec(),
            offsets,
        }
    }

    fn missing(&self, topic: &str) -> KafkaError {
        let cause = "there is no such topic (vidtopic list shows those that there are)".to_owned();
        KafkaError::Topic { topic: topic.to_owned(), brokers: self.brokers.clone(), cause }
    }

    /// The settings of a topic.
    pub fn settings(&self, topic: &str, timeout: Duration) -> Result<Settings, KafkaError> {
        let answer = block_on(self.client().describe_configs(&[ResourceSpecifier::Topic(topic)], &options(timeout)));
        let settings = settings_in(answer).map_err(|error| self.refused(topic, error))?;
        // The crate drops the broker's answer for one topic here, too. Every topic has settings.
        if !settings.is_empty() {
            return Ok(settings);
        }
        let is_there = self.topics(timeout)?.iter().any(|found| found.name == topic);
        let code = if is_there { RDKafkaErrorCode::TopicAuthorizationFailed } else { RDKafkaErrorCode::UnknownTopic };
        Err(self.refused(topic, ClientError::AdminOp(code)))
    }

    /// The settings of a broker.
    pub fn broker_settings(&self, broker: i32, timeout: Duration) -> Result<Settings, KafkaError> {
        let answer = block_on(self.client().describe_configs(&[ResourceSpecifier::Broker(broker)], &options(timeout)));
        settings_in(answer).map_err(|cause| KafkaError::Client { doing: "asking for the broker's settings", cause })
    }

    /// Changes settings of a topic. The request replaces all of the topic's own settings, so those that stay are sent
    /// again; a change that someone else makes in between is lost.
    pub fn alter(&self, topic: &str, changes: &SettingChanges, timeout: Duration) -> Result<(), KafkaError> {
        let all = changes.applied_to(&self.settings(topic, timeout)?);
        let config = all
            .iter()
            .fold(AlterConfig::new(ResourceSpecifier::Topic(topic)), |config, (name, value)| config.set(name, value));
        block_on(self.client().alter_configs([&config], &options(timeout)))
            .map_err(|error| self.refused(topic, error))?;
        self.check_altered(topic, &all, timeout)
    }

    /// Reads the settings back. The crate drops the broker's answer for the topic (rdkafka 0.39), so that a refused change
    /// looks like one that was made; and of several brokers, the one that answers may not have it yet.
    fn check_altered(&self, topic: &str, all: &BTreeMap<String, String>, timeout: Duration) -> Result<(), KafkaError> {
        let mut tries = 0;
        loop {
            let settings = self.settings(topic, timeout)?;
            let differs =
                |(name, value): &(&String, &String)| settings.get(*name).map(|found| &found.value) != Some(value);
            let is_left = |(name, setting): &(&String, &Setting)| setting.is_of_topic && !all.contains_key(*name);
            let wrong = all.iter().find(differs).map(|(name, value)| format!("{name}={value}"));
            let wrong = wrong.or_else(|| settings.iter().find(is_left).map(|(name, _)| format!("without {name}")));
            let Some(wrong) = wrong else { return Ok(()) };
            if tries == READ_BACK_TRIES {
                let cause = format!(
                    "the broker did not take {wrong}: no setting of this name has this value, or this client has no right to \
                     change it"
                );
                return Err(KafkaError::Topic { topic: topic.to_owned(), brokers: self.brokers.clone(), cause });
            }
            tries += 1;
            std::thread::sleep(READ_BACK_EVERY);
        }
    }

    /// Adds partitions, until there are `partitions`.
    pub fn add_partitions(&self, topic: &str, partitions: usize, timeout: Duration) -> Result<(), KafkaError> {
        let new = NewPartitions::new(topic, partitions);
        let answer = block_on(self.client().create_partitions([&new], &options(timeout)));
        self.done(topic, answer)
    }

    /// Deletes a topic with all its records.
    pub fn delete(&self, topic: &str, timeout: Duration) -> Result<(), KafkaError> {
        let answer = block_on(self.client().delete_topics(&[topic], &options(timeout)));
        self.done(topic, answer)
    }

    /// The outcome of an operation on one topic.
    fn done<T, W>(
        &self,
        topic: &str,
        answer: KafkaResult<Vec<Result<T, (W, RDKafkaErrorCode)>>>,
    ) -> Result<(), KafkaError> {
        let code = match answer.map_err(|error| self.refused(topic, error))?.into_iter().next() {
            Some(Ok(_)) => return Ok(()),
            Some(Err((_, code))) => code,
            None => RDKafkaErrorCode::NoError,
        };
        Err(self.refused(topic, ClientError::AdminOp(code)))
    }

    /// The error of an operation that the cluster refused.
    fn refused(&self, topic: &str, error: ClientError) -> KafkaError {
        use RDKafkaErrorCode as Code;
        let code = match &error {
            ClientError::AdminOp(code) => Some(*code),
            other => other.rdkafka_error_code(),
        };
        let cause = match code {
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => return self.missing(topic),
            Some(Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed) => {
                let problem = self.client().inner().context().missing(Right::Alter(topic));
                return KafkaError::Forbidden { cause: problem.sentence(&self.brokers) };
            }
            Some(Code::NoError) => "the broker gave no answer".to_owned(),
            Some(code @ Code::InvalidConfig) => format!("{}: no setting of this name has this value", name(code)),
            Some(code @ Code::InvalidPartitions) => format!("{}: partitions can only be added", name(code)),
            Some(code) => name(code),
            None => plain(&error),
        };
        KafkaError::Topic { topic: topic.to_owned(), brokers: self.brokers.clone(), cause }
    }
}

fn settings_in(answer: KafkaResult<Vec<ConfigResourceResult>>) -> KafkaResult<Settings> {
    let config = match answer?.into_iter().next() {
        Some(Ok(config)) => config,
        Some(Err(code)) => return Err(ClientError::AdminOp(code)),
        None => return Ok(Settings::new()),
    };
    let setting = |entry: ConfigEntry| {
        let is_of_topic = matches!(entry.source, ConfigSource::DynamicTopic);
        Some((entry.name, Setting { value: entry.value.filter(|_| !entry.is_sensitive)?, is_of_topic }))
    };
    Ok(config.entries.into_iter().filter_map(setting).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(value: &str, is_of_topic: bool) -> Setting {
        Setting { value: value.to_owned(), is_of_topic }
    }

    #[test]
    fn a_change_keeps_the_other_settings_of_the_topic() {
        let settings = Settings::from([
            ("cleanup.policy".to_owned(), setting("delete", false)),
            ("max.message.bytes".to_owned(), setting("1000", true)),
            ("retention.ms".to_owned(), setting("600000", true)),
        ]);
        let changes = SettingChanges {
            set: [("segment.ms".to_owned(), "1".to_owned())].into(),
            unset: vec!["retention.ms".to_owned()],
        };
        let after = [("max.message.bytes", "1000"), ("segment.ms", "1")];
        assert_eq!(
            changes.applied_to(&settings),
            after.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            "a default is not made a setting of the topic"
        );
    }

    #[test]
    fn records_are_known_only_if_every_partition_answers() {
        let partition = |offsets| PartitionDescription {
            partition: 0,
            leader: Some(1),
            replicas: vec![1, 2],
            in_sync: vec![1],
            offsets,
        };
        let topic = |partitions| TopicDescription { topic: "a".to_owned(), partitions };
        let known = topic(vec![partition(Some((3, 10))), partition(Some((0, 1)))]);
        assert_eq!((known.records(), known.replication(), known.troubled()), (Some(8), 2, (0, 2)));
        assert_eq!(topic(vec![partition(Some((3, 10))), partition(None)]).records(), None);
    }
}
