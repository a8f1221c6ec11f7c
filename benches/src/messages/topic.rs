//! A case's topic and its clients, with the settings of vidprod and vidcons.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use common::time::{Clock, SystemClock};
use common::wire::record::OVERHEAD_BYTES_MAX;
use futures_executor::block_on;
use kafka::{
    Admin, ConnectTimeout, Connection, NewTopic, Position, Publisher, PublisherSettings, Tail, TopicState, Waiting,
    check_topic_name,
};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;

use super::flight::Flight;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Retention of the topic, longer than any run.
const RETENTION: Duration = Duration::from_secs(3600);
/// Largest number of bytes in flight: about five requests of a megabyte, and the messages gathered for the next ones.
pub const IN_FLIGHT_BYTES_MAX: usize = 8 << 20;
/// Delivery timeout. vidprod drops a live frame after two seconds; here a stall is to show its full length.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(30);
/// The default message limit of brokers.
const MESSAGE_BYTES_MAX: usize = 1_048_588;

/// Name of a topic for one run.
pub fn topic_name(command: &str, round: u32, case: usize) -> String {
    format!("{command}-{}-{round}-{case}", std::process::id())
}

/// A topic that is deleted together with this value.
#[derive(Debug)]
pub struct BenchTopic {
    name: String,
    connection: Connection,
    message_bytes_max: usize,
    settings: TopicSettings,
}

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
        let mut properties = BTreeMap::new();
        if acks != "all" {
            properties.insert("acks".to_owned(), acks.to_owned());
        }
        if linger_ms > 0 {
            properties.insert("linger.ms".to_owned(), linger_ms.to_string());
        }
        TopicSettings { message_bytes, properties, headers: Vec::new() }
    }
}

impl BenchTopic {
    pub fn create(
        brokers: &str,
        name: &str,
        settings: &TopicSettings,
        clock: &dyn Clock,
    ) -> anyhow::Result<BenchTopic> {
        check_topic_name(name)?;
        let connection = Connection { brokers: brokers.to_owned(), named: true, properties: BTreeMap::new() };
        let admin = Admin::connect(&connection, "vidbench", &patience(clock))?;
        let new = NewTopic { name: name.to_owned(), partitions: 1, replication: None, retention: Some(RETENTION) };
        admin.ensure(&new, true, TIMEOUT)?;
        let message_bytes_max = admin.message_bytes_max(name, TIMEOUT)?.unwrap_or(MESSAGE_BYTES_MAX);
        let mut topic = BenchTopic { name: name.to_owned(), connection, message_bytes_max, settings: settings.clone() };
        let wanted = settings.message_bytes + OVERHEAD_BYTES_MAX;
        if wanted > message_bytes_max {
            topic.raise_limit(wanted)?;
        }
        Ok(topic)
    }

    fn raise_limit(&mut self, bytes: usize) -> anyhow::Result<()> {
        let limit = bytes.to_string();
        let resource = AlterConfig::new(ResourceSpecifier::Topic(&self.name)).set("max.message.bytes", &limit);
        let answer = block_on(self.admin()?.alter_configs([&resource], &options()))?;
        let raised = answer.into_iter().next().context("no answer")?;
        raised.map_err(|(_, code)| code).with_context(|| format!("raising the topic's limit to {bytes} bytes"))?;
        self.message_bytes_max = bytes;
        Ok(())
    }

    /// Makes a connected producer.
    pub fn publisher(&self, flight: &Flight, clock: &dyn Clock) -> anyhow::Result<Publisher<()>> {
        let settings = PublisherSettings {
            topic: self.name.clone(),
            partition: Some(0),
            client_id: "vidbench",
            message_bytes_max: self.message_bytes_max,
            in_flight_bytes_max: IN_FLIGHT_BYTES_MAX,
            waiting: Waiting::AtMost(GIVEN_UP_AFTER),
            headers: self.settings.headers.clone(),
        };
        let flight = flight.clone();
        let connection = Connection { properties: self.settings.properties.clone(), ..self.connection.clone() };
        Ok(Publisher::connect(&connection, settings, &patience(clock), Arc::new(SystemClock), move |(), delivery| {
            flight.land(delivery);
        })?)
    }

    /// Makes a consumer that reads from the first record on.
    pub fn tail(&self, clock: &dyn Clock) -> anyhow::Result<Tail> {
        let mut tail =
            Tail::new(&self.connection, "vidbench", &self.name, None, Position::Beginning, Arc::new(SystemClock))?;
        let until = clock.now().plus(TIMEOUT);
        loop {
            match tail.find(TIMEOUT)? {
                TopicState::Topic { .. } => break,
                other => anyhow::ensure!(clock.now() < until, "topic {} cannot be read: {other:?}", self.name),
            }
            clock.sleep_until(clock.now().plus(Duration::from_millis(20)));
        }
        tail.start(&[0], Position::Beginning, TIMEOUT)?;
        Ok(tail)
    }

    fn admin(&self) -> anyhow::Result<AdminClient<DefaultClientContext>> {
        Ok(ClientConfig::new().set("bootstrap.servers", &self.connection.brokers).create()?)
    }

    fn delete(&self) -> anyhow::Result<()> {
        let answer = block_on(self.admin()?.delete_topics(&[&self.name], &options()))?;
        match answer.into_iter().next().context("no answer")? {
            Ok(_) => Ok(()),
            Err((_, code)) => Err(code.into()),
        }
    }
}

impl Drop for BenchTopic {
    fn drop(&mut self) {
        if let Err(error) = self.delete() {
            tracing::warn!("topic {} could not be deleted: {error:#}", self.name);
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}

fn patience(clock: &dyn Clock) -> ConnectTimeout<'_> {
    ConnectTimeout { timeout: TIMEOUT, clock, wanted: &|| true }
}
