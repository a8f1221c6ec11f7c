//! A topic for one run, and clients for it with the settings of vidprod and vidcons.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::{Context, Result};
use common::time::{Clock, SystemClock};
use common::wire::record::OVERHEAD_BYTES_MAX;
use kafka::{
    Admin, ConnectTimeout, Connection, Delivery, DeliveryTimeout, NewTopic, Position, Publisher, PublisherSettings,
    Tail, TopicState,
};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Retention of the topic, longer than any run.
const RETENTION: Duration = Duration::from_secs(3600);
/// Largest number of bytes in flight: about five requests of a megabyte, and the messages gathered for the next ones.
pub const IN_FLIGHT_BYTES_MAX: usize = 8 << 20;
/// Delivery timeout. vidprod drops a live frame after two seconds; here a stall is to show its full length.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);
/// The default message limit of brokers.
const MESSAGE_BYTES_MAX: usize = 1_048_588;

/// A case's deviations from vidprod's settings.
#[derive(Clone, Default, Debug)]
pub struct TopicSettings {
    /// Size of the largest message. If the topic's limit is lower, it is raised.
    pub message_bytes: usize,
    /// Properties of the producer.
    pub properties: BTreeMap<String, String>,
    /// Headers of each message.
    pub headers: Vec<(String, String)>,
}

impl TopicSettings {
    /// Settings that are vidprod's own are left out, so that these are measured.
    pub fn new(message_bytes: usize, acks: &str, linger_ms: u32) -> TopicSettings {
        let acks = (acks != "all").then(|| ("acks".to_owned(), acks.to_owned()));
        let linger = (linger_ms > 0).then(|| ("linger.ms".to_owned(), linger_ms.to_string()));
        TopicSettings { message_bytes, properties: acks.into_iter().chain(linger).collect(), headers: Vec::new() }
    }
}

/// A topic that is deleted together with this value.
#[derive(Debug)]
pub struct BenchTopic {
    pub name: String,
    connection: Connection,
    message_bytes_max: usize,
    settings: TopicSettings,
}

impl BenchTopic {
    /// Creates a topic with a name that no other run has.
    pub fn create(brokers: &str, settings: &TopicSettings, clock: &dyn Clock) -> Result<BenchTopic> {
        let name = format!("vidbench-{}-{}", std::process::id(), clock.wall_us());
        let connection = Connection { brokers: brokers.to_owned(), named: true, properties: BTreeMap::new() };
        let admin = Admin::connect(&connection, "vidbench", &patience(clock))?;
        let new = NewTopic { retention: Some(RETENTION), ..NewTopic::named(&name) };
        admin.ensure(&new, true, TIMEOUT)?;
        let message_bytes_max = admin.message_bytes_max(&name, TIMEOUT)?.unwrap_or(MESSAGE_BYTES_MAX);
        let mut topic = BenchTopic { name, connection, message_bytes_max, settings: settings.clone() };
        let wanted = settings.message_bytes + OVERHEAD_BYTES_MAX;
        if wanted > message_bytes_max {
            testkit::kafka::set_topic_config(brokers, &topic.name, "max.message.bytes", &wanted.to_string())
                .with_context(|| format!("raising the topic's limit to {wanted} bytes"))?;
            topic.message_bytes_max = wanted;
        }
        Ok(topic)
    }

    /// The address of the brokers.
    pub fn brokers(&self) -> &str {
        &self.connection.brokers
    }

    /// Makes a connected producer, which sends the delivery of each message to `delivered`.
    pub fn publisher(&self, delivered: Sender<Delivery>, clock: &dyn Clock) -> Result<Publisher<()>> {
        let settings = PublisherSettings {
            topic: self.name.clone(),
            partition: Some(0),
            client_id: "vidbench",
            message_bytes_max: self.message_bytes_max,
            in_flight_bytes_max: IN_FLIGHT_BYTES_MAX,
            delivery_timeout: DeliveryTimeout::After(DELIVERY_TIMEOUT),
            headers: self.settings.headers.clone(),
        };
        let connection = Connection { properties: self.settings.properties.clone(), ..self.connection.clone() };
        // After an error nobody waits for deliveries any more.
        let delivered = move |(), delivery| _ = delivered.send(delivery);
        Ok(Publisher::connect(&connection, settings, &patience(clock), Arc::new(SystemClock), delivered)?)
    }

    /// Makes a consumer that reads from the first record on.
    pub fn tail(&self) -> Result<Tail> {
        let clock = Arc::new(SystemClock);
        let mut tail = Tail::new(&self.connection, "vidbench", &self.name, None, Position::Beginning, clock)?;
        let found = || match tail.find(TIMEOUT) {
            Ok(TopicState::Topic { .. }) => Some(Ok(())),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        };
        testkit::within(TIMEOUT, found).with_context(|| format!("topic {} cannot be read", self.name))??;
        tail.start(&[0], Position::Beginning, TIMEOUT)?;
        Ok(tail)
    }
}

impl Drop for BenchTopic {
    fn drop(&mut self) {
        if let Err(error) = testkit::kafka::delete_topic(self.brokers(), &self.name) {
            tracing::warn!("topic {} could not be deleted: {error:#}", self.name);
        }
    }
}

fn patience(clock: &dyn Clock) -> ConnectTimeout<'_> {
    ConnectTimeout { timeout: TIMEOUT, clock, wanted: &|| true }
}
