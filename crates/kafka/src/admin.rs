//! Topics: lists and creates them with settings that suit video, and reads their message limit.

mod manage;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use futures_executor::block_on;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResourceResult, ResourceSpecifier, TopicReplication};
use rdkafka::error::{KafkaError as ClientError, KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;

use crate::causes::ConnectionProblem;
use crate::context::Context;
use crate::error::{KafkaError, name, plain, setting};
use crate::options::Connection;
use crate::reach::{ConnectTimeout, ProblemListener, reach, with_new_clients};
use crate::rights::Right;
use crate::settings;
use crate::topic_name::check_topic_name;

pub use self::manage::{BrokerAddress, PartitionDescription, Setting, SettingChanges, Settings, TopicDescription};

/// Number of metadata requests sent to find out why no broker answers.
const QUESTIONS: u32 = 5;
/// Kafka deletes whole segments only, so they are kept small.
const SEGMENT_BYTES: u64 = 64 << 20;

/// A topic to create.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewTopic {
    pub name: String,
    pub partitions: i32,
    /// `None` for the broker's default.
    pub replication: Option<i32>,
    /// `None` to keep records forever.
    pub retention: Option<Duration>,
    /// Further settings by Kafka's names; they override ours.
    pub settings: BTreeMap<String, String>,
}

impl NewTopic {
    /// A topic with one partition, the broker's replication and no further settings, which keeps its records forever.
    pub fn named(name: impl Into<String>) -> NewTopic {
        NewTopic { name: name.into(), partitions: 1, replication: None, retention: None, settings: BTreeMap::new() }
    }
}

/// Result of [`Admin::ensure`]: the topic existed already, or was created by this call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Created {
    WasThere { partitions: usize },
    Now,
}

/// An entry of the list of topics that `--list` prints.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicSummary {
    pub name: String,
    pub partitions: usize,
}

/// A client that reads and changes the topics of a cluster.
pub struct Admin {
    client: RwLock<AdminClient<Context>>,
    connection: Connection,
    config: ClientConfig,
    brokers: String,
    /// True once a broker has answered. From then on the publisher or the tail reports why none does.
    answered: AtomicBool,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("brokers", &self.brokers).finish_non_exhaustive()
    }
}

impl Admin {
    /// Connects to a broker, and fails if none answers in time.
    pub fn connect(connection: &Connection, client_id: &str, wait: &ConnectTimeout<'_>) -> Result<Admin, KafkaError> {
        let config = settings::with_the_users(settings::common(connection, client_id), connection);
        let client = with_new_clients(wait, |wait| {
            let client: AdminClient<Context> = config.create_with_context(Context::new(connection)).map_err(setting)?;
            let mut listener = ProblemListener::default();
            reach(client.inner(), &connection.brokers, wait, || listener.problem(&config, connection))?;
            Ok(client)
        })?;
        let (connection, brokers) = (connection.clone(), connection.brokers.clone());
        Ok(Admin { client: RwLock::new(client), connection, config, brokers, answered: AtomicBool::new(false) })
    }

    /// The brokers that it was told.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Lists every topic except Kafka's own.
    pub fn topics(&self, timeout: Duration) -> Result<Vec<TopicSummary>, KafkaError> {
        let metadata = self.metadata(timeout)?;
        let own = metadata.topics().iter().filter(|t| !t.name().starts_with("__"));
        Ok(own.map(|t| TopicSummary { name: t.name().to_owned(), partitions: t.partitions().len() }).collect())
    }

    /// Creates the topic if it is missing. A metadata request that names the topic is avoided here: the broker might
    /// create it with its own defaults.
    pub fn ensure(&self, topic: &NewTopic, create: bool, timeout: Duration) -> Result<Created, KafkaError> {
        check_topic_name(&topic.name)?;
        if let Some(there) = self.metadata(timeout)?.topics().iter().find(|t| t.name() == topic.name) {
            return Ok(Created::WasThere { partitions: there.partitions().len() });
        }
        if create {
            return self.create(topic, timeout);
        }
        let missing = || KafkaError::NoTopic { topic: topic.name.clone(), brokers: self.brokers.clone() };
        Err(self.hidden(&topic.name, timeout).unwrap_or_else(missing))
    }

    /// Returns the error for a topic that we are not allowed to see. No list of topics contains it, but a metadata
    /// request that names it is answered with an authorization error.
    fn hidden(&self, topic: &str, timeout: Duration) -> Option<KafkaError> {
        let client = self.client();
        let metadata = client.inner().fetch_metadata(Some(topic), timeout).ok()?;
        let code = metadata.topics().first()?.error().map(RDKafkaErrorCode::from)?;
        let cause = client.inner().context().missing(Right::Write(topic)).sentence(&self.brokers);
        (code == RDKafkaErrorCode::TopicAuthorizationFailed).then_some(KafkaError::Forbidden { cause })
    }

    /// Reads the topic's `max.message.bytes`. `None` if the broker answers without giving a value; after an error the
    /// caller may try again.
    pub fn message_bytes_max(&self, topic: &str, timeout: Duration) -> Result<Option<usize>, KafkaError> {
        let asked = [ResourceSpecifier::Topic(topic)];
        let answer = block_on(self.client().describe_configs(&asked, &options(timeout)));
        let limit = limit_in(answer);
        if limit.is_err() {
            self.renew();
        }
        limit.map_err(|cause| KafkaError::Client { doing: "asking for the topic's message limit", cause })
    }

    fn create(&self, topic: &NewTopic, timeout: Duration) -> Result<Created, KafkaError> {
        let replication = TopicReplication::Fixed(topic.replication.unwrap_or(-1));
        let settings = all_settings(topic);
        let new = rdkafka::admin::NewTopic::new(&topic.name, topic.partitions, replication);
        let new = settings.iter().fold(new, |new, (name, value)| new.set(name, value));
        use RDKafkaErrorCode::{
            ClusterAuthorizationFailed, InvalidConfig, InvalidReplicationFactor, PolicyViolation, TopicAlreadyExists,
            TopicAuthorizationFailed,
        };
        let fault = |cause: String| KafkaError::Create { topic: topic.name.clone(), cause };
        let answer = block_on(self.client().create_topics([&new], &options(timeout)));
        match answer.map_err(|e| fault(plain(&e)))?.into_iter().next() {
            Some(Ok(_)) => Ok(Created::Now),
            // Another producer has created the topic first.
            Some(Err((_, TopicAlreadyExists))) => {
                Ok(Created::WasThere { partitions: topic.partitions.max(1) as usize })
            }
            Some(Err((_, TopicAuthorizationFailed | ClusterAuthorizationFailed))) => {
                let problem = self.client().inner().context().missing(Right::Create(&topic.name));
                Err(KafkaError::Forbidden { cause: problem.sentence(&self.brokers) })
            }
            // librdkafka passes on the code without the broker's message.
            Some(Err((_, PolicyViolation))) => Err(fault(format!(
                "{} (for vidbroker: it has as many topics or partitions as --max-topics and --max-partitions allow)",
                name(PolicyViolation)
            ))),
            Some(Err((_, code @ InvalidConfig))) => {
                Err(fault(format!("{}: no setting of this name has this value", name(code))))
            }
            Some(Err((_, code @ InvalidReplicationFactor))) => {
                Err(fault(format!("{}: it can be at most the number of brokers", name(code))))
            }
            Some(Err((_, code))) => Err(fault(name(code))),
            None => Err(fault("the broker gave no answer".to_owned())),
        }
    }

    fn metadata(&self, timeout: Duration) -> Result<Metadata, KafkaError> {
        let doing = "asking which topics there are";
        let metadata = self.client().inner().fetch_metadata(None, timeout);
        if metadata.is_err() {
            self.renew();
        } else {
            self.answered.store(true, Ordering::Relaxed);
        }
        // Finding out the cause takes more than a second.
        let connection_problem =
            || if self.answered.load(Ordering::Relaxed) { None } else { self.connection_problem() };
        metadata.map_err(|cause| match connection_problem() {
            Some(problem) if problem.denied => KafkaError::Denied { cause: problem.sentence(&self.brokers) },
            Some(problem) => KafkaError::NotNow { cause: problem.sentence(&self.brokers) },
            None => KafkaError::Client { doing, cause },
        })
    }

    /// Finds out why no broker answers. It takes several requests, because the first may still be answered by a broker
    /// that sends us to another address.
    fn connection_problem(&self) -> Option<ConnectionProblem> {
        let mut listener = ProblemListener::default();
        (0..QUESTIONS).find_map(|_| listener.problem(&self.config, &self.connection))
    }

    fn client(&self) -> RwLockReadGuard<'_, AdminClient<Context>> {
        self.client.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the client. One that got no answer may have lost all its brokers for good (librdkafka issue 5301).
    fn renew(&self) {
        if let Ok(client) = self.config.create_with_context(Context::new(&self.connection)) {
            *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
        }
    }
}

/// The settings of a new topic: those that suit video, and the user's.
fn all_settings(topic: &NewTopic) -> BTreeMap<String, String> {
    // A broker whose default is compaction would keep only the newest record of each key.
    let fixed = [("cleanup.policy", "delete"), ("message.timestamp.type", "CreateTime")];
    let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let segment = ("segment.bytes".to_owned(), SEGMENT_BYTES.to_string());
    let ours = fixed.into_iter().chain([segment]).chain(retention_settings(topic.retention));
    ours.chain(topic.settings.clone()).collect()
}

/// The settings of a topic that keeps its records for this time; `None` is forever.
pub fn retention_settings(retention: Option<Duration>) -> BTreeMap<String, String> {
    let ms = retention.map_or("-1".to_owned(), |retention| retention.as_millis().to_string());
    // Kafka deletes a segment as a whole, once its last record is old enough, so each must cover a short time.
    let segment_ms = retention.map(|retention| (retention.as_millis() / 10).max(1000).to_string());
    let segment_ms = segment_ms.map(|ms| ("segment.ms".to_owned(), ms));
    [("retention.ms".to_owned(), ms)].into_iter().chain(segment_ms).collect()
}

/// Finds `max.message.bytes` in an answer. `None` if the right to see it is missing, the broker cannot report it, or
/// there is no such topic; another try would not change that.
fn limit_in(answer: KafkaResult<Vec<ConfigResourceResult>>) -> KafkaResult<Option<usize>> {
    let configs = match answer {
        Err(ClientError::AdminOp(RDKafkaErrorCode::UnsupportedFeature | RDKafkaErrorCode::UnsupportedVersion)) => {
            return Ok(None);
        }
        answer => answer?,
    };
    let config = configs.into_iter().next().and_then(Result::ok);
    let value = config.and_then(|config| config.get("max.message.bytes")?.value.clone());
    Ok(value.and_then(|value| value.parse().ok()))
}

fn options(timeout: Duration) -> AdminOptions {
    AdminOptions::new().request_timeout(Some(timeout)).operation_timeout(Some(timeout))
}

#[cfg(test)]
mod tests {
    use rdkafka::admin::{ConfigEntry, ConfigResource, ConfigSource, OwnedResourceSpecifier};

    use super::*;

    #[test]
    fn a_limit_that_the_broker_does_not_report_is_not_requested_again() {
        let entry = ConfigEntry {
            name: "max.message.bytes".to_owned(),
            value: Some("1000".to_owned()),
            source: ConfigSource::Default,
            is_read_only: false,
            is_default: true,
            is_sensitive: false,
        };
        let specifier = OwnedResourceSpecifier::Topic("video".to_owned());
        let config = ConfigResource { specifier, entries: vec![entry] };
        assert_eq!(limit_in(Ok(vec![Ok(config)])), Ok(Some(1000)));
        for denied in [RDKafkaErrorCode::TopicAuthorizationFailed, RDKafkaErrorCode::UnknownTopicOrPartition] {
            assert_eq!(limit_in(Ok(vec![Err(denied)])), Ok(None), "{denied}");
        }
        assert_eq!(limit_in(Err(ClientError::AdminOp(RDKafkaErrorCode::UnsupportedFeature))), Ok(None));
        assert!(limit_in(Err(ClientError::AdminOp(RDKafkaErrorCode::OperationTimedOut))).is_err());
        assert!(limit_in(Err(ClientError::Canceled)).is_err());
    }
}
