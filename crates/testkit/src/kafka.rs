//! The broker of the tests, and a client with which tests create topics and write and read records.

mod record;

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Context, anyhow};
use futures_executor::block_on;
use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::metadata::Metadata;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use tempfile::TempDir;

pub use self::record::RawRecord;
use crate::child::{AfterExit, LoggedChild};
use crate::harness;
use crate::node::{self, BrokerKind, BrokerSetup};
use crate::port::free_port;
use crate::program::Program;
use crate::proxy::{Network, Proxy};
use crate::wait::{GUARD, until};

/// The broker that all tests of a run share, started on first use: the embedded one or a real Kafka, as selected by
/// `BROKER`. If that kind cannot run here, the calling test cannot run either.
#[track_caller]
pub fn kafka() -> &'static KafkaServer {
    static SHARED: OnceLock<KafkaServer> = OnceLock::new();
    let kind = BrokerKind::of_this_run();
    kind.need();
    SHARED.get_or_init(|| KafkaServer::start(kind, BrokerSetup::default()))
}

/// A broker for one test alone, which may kill it.
#[track_caller]
pub fn own_kafka() -> KafkaServer {
    own_kafka_with(BrokerSetup::default())
}

/// A broker for one test alone, with another setup than usual.
#[track_caller]
pub fn own_kafka_with(setup: BrokerSetup) -> KafkaServer {
    let kind = BrokerKind::of_this_run();
    kind.need();
    KafkaServer::start(kind, setup)
}

/// A broker for one test alone that can be reached only through this network.
#[track_caller]
pub fn own_kafka_behind(network: Network) -> (KafkaServer, Proxy) {
    let proxy = Proxy::start(network);
    let kafka = own_kafka_with(BrokerSetup { advertised: Some(proxy.port()), ..BrokerSetup::default() });
    proxy.lead_to(kafka.port);
    (kafka, proxy)
}

/// The calling test is about something that only this kind of broker has. In a run against the other kind it is ignored,
/// also under `STRICT=1`.
pub fn only(kind: BrokerKind, why: &str) {
    if BrokerKind::of_this_run() != kind {
        let name = if kind == BrokerKind::Real { "real" } else { "embedded" };
        harness::ignore(format!("only with BROKER={name}: {why}"));
    }
}

impl Program {
    /// Uses this Kafka and topic, and writes a JSON report.
    pub fn on(self, kafka: &KafkaServer, topic: &str) -> Program {
        self.args(["-b", &kafka.bootstrap()]).unnamed(topic)
    }
}

/// A broker with its own port and folder, which can be killed and restarted.
#[derive(Debug)]
pub struct KafkaServer {
    kind: BrokerKind,
    setup: BrokerSetup,
    folder: TempDir,
    port: u16,
    process: Mutex<Option<LoggedChild>>,
    /// Removes the folder even if this is never dropped, as the shared broker is not.
    _remover: AfterExit,
}

impl KafkaServer {
    /// Starts a broker and waits until it answers.
    fn start(kind: BrokerKind, setup: BrokerSetup) -> KafkaServer {
        let server = KafkaServer::prepare(kind, setup, a_free_port());
        server.restart();
        server
    }

    /// Starts a real Kafka with additional properties. If a property is given twice, the last value counts.
    pub(crate) fn real_with(properties: &str, port: u16) -> KafkaServer {
        let server = KafkaServer::prepare(BrokerKind::Real, BrokerSetup::default(), port);
        server.restart_with(properties);
        server
    }

    fn prepare(kind: BrokerKind, setup: BrokerSetup, port: u16) -> KafkaServer {
        let folder = TempDir::with_prefix("kafka-").expect("a temporary folder");
        // The broker is killed at the same time; until it has ended, it may still create files.
        let remove = "until rm -rf \"$1\"; do sleep 0.1; done";
        let remover = AfterExit::run(remove, &[&folder.path().display().to_string()]).expect("there is always an sh");
        if kind == BrokerKind::Real {
            node::format_real(folder.path(), port, a_free_port(), &setup);
        }
        KafkaServer { kind, setup, folder, port, process: Mutex::new(None), _remover: remover }
    }

    /// Restarts a real Kafka with these properties added.
    pub(crate) fn restart_with(&self, properties: &str) {
        self.kill();
        let file = self.folder.path().join("node.properties");
        let usual = std::fs::read_to_string(&file).expect("it was written");
        std::fs::write(&file, format!("{usual}\n{properties}")).expect("writing a small file");
        self.restart();
    }

    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.setup.advertised.unwrap_or(self.port))
    }

    /// Kills the broker with SIGKILL. A real Kafka's data stay; the embedded broker has its data in memory only.
    pub fn kill(&self) {
        drop(self.process.lock().unwrap().take());
    }

    /// Starts it again on its port (and data), and waits until it answers.
    pub fn restart(&self) {
        self.restart_as(&self.setup);
    }

    /// Restarts the embedded broker. For `starting_s` seconds it names no brokers, as a Kafka that is still starting
    /// may do.
    pub fn restart_slowly(&self, starting_s: u32) {
        self.restart_as(&BrokerSetup { starting_s, ..self.setup.clone() });
    }

    fn restart_as(&self, setup: &BrokerSetup) {
        self.kill();
        let process = match self.kind {
            BrokerKind::Embedded => node::start_embedded(self.folder.path(), self.port, setup),
            BrokerKind::Real => node::start_real(self.folder.path()),
        };
        *self.process.lock().unwrap() = Some(process.unwrap_or_else(|e| panic!("the broker did not start: {e:#}")));
    }

    /// Returns a topic name that no other test has; the topic is not created.
    pub fn topic(&self, stem: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        format!("{stem}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
    }

    pub fn create_topic(&self, name: &str, partitions: i32, config: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in config {
            topic = topic.set(key, value);
        }
        done("creating a topic", self.admin().create_topics([&topic], &admin_options()));
    }

    /// Adds partitions to a topic, and waits until they have leaders.
    pub fn grow_topic(&self, name: &str, partitions: usize) {
        let new = NewPartitions::new(name, partitions);
        done("adding partitions", self.admin().create_partitions([&new], &admin_options()));
        until("the new partitions", || (self.partitions(name) == partitions).then_some(()));
    }

    pub fn delete_topic(&self, name: &str) {
        delete_topic(&self.bootstrap(), name).unwrap_or_else(|e| panic!("deleting {name}: {e:#}"));
        until("the topic is gone", || (!self.topics().iter().any(|t| t == name)).then_some(()));
    }

    pub fn topic_config(&self, topic: &str, key: &str) -> Option<String> {
        let topic = ResourceSpecifier::Topic(topic);
        let config = done("reading a topic's settings", self.admin().describe_configs([&topic], &admin_options()));
        config.get(key).and_then(|entry| entry.value.clone())
    }

    pub fn set_topic_config(&self, topic: &str, key: &str, value: &str) {
        set_topic_config(&self.bootstrap(), topic, key, value).unwrap_or_else(|e| panic!("{key} of {topic}: {e:#}"));
    }

    pub fn topics(&self) -> Vec<String> {
        self.metadata().topics().iter().map(|t| t.name().to_owned()).collect()
    }

    pub fn partitions(&self, topic: &str) -> usize {
        self.metadata().topics().iter().find(|t| t.name() == topic).map_or(0, |t| t.partitions().len())
    }

    /// All records of partition 0 that exist now.
    pub fn records(&self, topic: &str) -> Vec<RawRecord> {
        let consumer = self.consumer();
        let (low, high) = consumer.fetch_watermarks(topic, 0, Duration::from_secs(20)).expect("the topic is there");
        let mut start = TopicPartitionList::new();
        start.add_partition_offset(topic, 0, Offset::Offset(low)).expect("a small offset");
        consumer.assign(&start).expect("assigning one partition");
        let mut records = Vec::new();
        while records.len() < usize::try_from(high - low).expect("high is not below low") {
            let message = consumer.poll(Duration::from_secs(20)).expect("a record below the high watermark");
            records.push(RawRecord::from(&message.expect("a healthy broker")));
        }
        records
    }

    /// Publishes records as another program would.
    pub fn publish(&self, topic: &str, records: impl IntoIterator<Item = RawRecord>) {
        let producer: BaseProducer = self
            .config()
            .set("linger.ms", "5")
            .set("message.max.bytes", "10000000")
            .create()
            .expect("a producer with these settings");
        for record in records {
            let headers = record
                .headers
                .iter()
                .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(value) }));
            let mut message = BaseRecord::<[u8], [u8]>::to(topic).partition(0).payload(&record.value).headers(headers);
            if let Some(key) = &record.key {
                message = message.key(key);
            }
            if record.timestamp_ms > 0 {
                message = message.timestamp(record.timestamp_ms);
            }
            while let Err((_, again)) = producer.send(message) {
                producer.poll(Duration::from_millis(10));
                message = again;
            }
        }
        producer.flush(GUARD).expect("a healthy broker takes all");
    }

    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap()).set("group.id", "harness").set("broker.address.family", "v4");
        config
    }

    fn consumer(&self) -> BaseConsumer {
        self.config().set("enable.auto.commit", "false").create().expect("a consumer with these settings")
    }

    fn metadata(&self) -> Metadata {
        self.consumer().fetch_metadata(None, Duration::from_secs(20)).expect("the broker answers")
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        admin(&self.bootstrap()).expect("an admin client with these settings")
    }
}

impl Drop for KafkaServer {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn a_free_port() -> u16 {
    free_port().unwrap_or_else(|e| panic!("{e:#}"))
}

fn admin_options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(Duration::from_secs(20))).request_timeout(Some(Duration::from_secs(20)))
}

/// Deletes a topic of any broker.
pub fn delete_topic(bootstrap: &str, name: &str) -> anyhow::Result<()> {
    answer(admin(bootstrap)?.delete_topics(&[name], &admin_options())).map(drop)
}

/// Changes a setting of a topic of any broker.
pub fn set_topic_config(bootstrap: &str, topic: &str, key: &str, value: &str) -> anyhow::Result<()> {
    let change = AlterConfig::new(ResourceSpecifier::Topic(topic)).set(key, value);
    answer(admin(bootstrap)?.alter_configs([&change], &admin_options())).map(drop)
}

fn admin(bootstrap: &str) -> KafkaResult<AdminClient<DefaultClientContext>> {
    ClientConfig::new().set("bootstrap.servers", bootstrap).create()
}

/// Waits for the answer to a request about one topic; panics if the broker refuses it.
#[track_caller]
fn done<T, E: Debug>(what: &str, answers: impl Future<Output = KafkaResult<Vec<Result<T, E>>>>) -> T {
    answer(answers).unwrap_or_else(|e| panic!("{what}: {e:#}"))
}

/// Waits for the answer to a request about one topic.
fn answer<T, E: Debug>(answers: impl Future<Output = KafkaResult<Vec<Result<T, E>>>>) -> anyhow::Result<T> {
    let answer = block_on(answers)?.into_iter().next().context("the broker gave no answer")?;
    answer.map_err(|refusal| anyhow!("{refusal:?}"))
}

/// Writes a file into a test's folder; returns its path.
pub fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("writing into a temporary folder");
    path
}
