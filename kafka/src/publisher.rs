//! Hands records to Kafka without waiting, and tells what became of each.

use std::fmt;
use std::time::Duration;

use common::record::Record;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, PurgeConfig};

use crate::admin::{Patience, reach};
use crate::context::Ears;
use crate::error::{KafkaFault, name};
use crate::options::Connection;
use crate::polled::Polled;
use crate::settings::{self, Waiting};
use crate::statistics::Facts;

/// What became of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    Acknowledged,
    /// The client gave it up: it waited too long, or the program ended.
    Late,
    /// The topic is gone.
    NoTopic,
    /// The broker or the client said no: why.
    Refused(String),
}

impl From<RDKafkaErrorCode> for Delivery {
    fn from(code: RDKafkaErrorCode) -> Delivery {
        match code {
            RDKafkaErrorCode::MessageTimedOut | RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight => {
                Delivery::Late
            }
            RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition => Delivery::NoTopic,
            RDKafkaErrorCode::MessageSizeTooLarge => Delivery::Refused(
                "message too large: the topic's max.message.bytes (or the broker's or client's message.max.bytes) is \
                 lower than what we were told; set --max-message-bytes"
                    .to_owned(),
            ),
            code => Delivery::Refused(name(code)),
        }
    }
}

/// What a publisher is made with.
#[derive(Clone, Debug)]
pub struct PublisherSettings {
    pub topic: String,
    /// `None`: by the record's key.
    pub partition: Option<i32>,
    pub client_id: &'static str,
    pub message_bytes_max: usize,
    pub in_flight_bytes_max: usize,
    pub waiting: Waiting,
    /// Headers that the user adds to each record.
    pub headers: Vec<(String, String)>,
}

/// Calls back once for each record, with the record's ticket, from the thread that hears of deliveries or who drops the
/// publisher.
struct Deliveries<T> {
    ears: Ears,
    delivered: Box<dyn Fn(T, Delivery) + Send + Sync>,
}

impl<T: Send + Sync + 'static> ClientContext for Deliveries<T> {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.ears.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.ears.error(error, reason);
    }

    fn stats_raw(&self, json: &[u8]) {
        self.ears.stats_raw(json);
    }
}

impl<T: Send + Sync + 'static> ProducerContext for Deliveries<T> {
    type DeliveryOpaque = Box<T>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<T>) {
        let delivery = match result {
            Ok(_) => Delivery::Acknowledged,
            Err((error, _)) => error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail).into(),
        };
        (self.delivered)(*ticket, delivery);
    }
}

/// A producer for one topic. `T` is what the caller wants back with each record's delivery.
pub struct Publisher<T: Send + Sync + 'static> {
    producer: Polled<Deliveries<T>>,
    settings: PublisherSettings,
}

impl<T: Send + Sync + 'static> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> Publisher<T> {
    /// Connects and learns where the topic is, so that the first record does not wait for that.
    pub fn connect(
        connection: &Connection,
        settings: PublisherSettings,
        patience: &Patience<'_>,
        delivered: impl Fn(T, Delivery) + Send + Sync + 'static,
    ) -> Result<Publisher<T>, KafkaFault> {
        let config = settings::producer(
            connection,
            settings.client_id,
            settings.message_bytes_max,
            settings.in_flight_bytes_max,
            settings.waiting,
        );
        let ears = Ears::new(connection);
        let context = Deliveries { ears: ears.clone(), delivered: Box::new(delivered) };
        let producer = Polled::start(&config, context)?;
        reach(producer.client(), &connection.brokers, patience, || ears.trouble())?;
        let publisher = Publisher { producer, settings };
        publisher.find_topic(patience)?;
        Ok(publisher)
    }

    /// Hands a record over without waiting; its ticket comes back with its delivery, also where it fails here.
    /// If the client's own queue is full, the ticket is returned: nothing was sent.
    pub fn send(&self, record: &Record, ticket: T) -> Option<T> {
        let mut base = BaseRecord::with_opaque_to(&self.settings.topic, Box::new(ticket))
            .payload(record.value.as_ref())
            .headers(crate::convert::headers(record, &self.settings.headers));
        if let Some(key) = &record.key {
            base = base.key(key.as_ref());
        }
        if let Some(timestamp_ms) = record.timestamp_ms {
            base = base.timestamp(timestamp_ms);
        }
        if let Some(partition) = self.settings.partition {
            base = base.partition(partition);
        }
        if let Err((error, base)) = self.producer.send(base) {
            if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) {
                return Some(*base.delivery_opaque);
            }
            let delivery = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail).into();
            (self.producer.context().delivered)(*base.delivery_opaque, delivery);
        }
        None
    }

    /// Enters that a record was not sent.
    pub fn refuse(&self, ticket: T, why: &str) {
        (self.producer.context().delivered)(ticket, Delivery::Refused(why.to_owned()));
    }

    /// Whether the broker is `vidbroker`, or the one in vidprod.
    pub fn is_to_embedded_broker(&self) -> bool {
        crate::admin::is_embedded(self.producer.client())
    }

    /// What the client counts of itself.
    pub fn facts(&self) -> Facts {
        self.producer.context().ears.facts.clone()
    }

    /// Drops what is still queued or on its way; each such record comes back as late.
    pub fn give_up(&self) {
        self.producer.purge(PurgeConfig::default().queue().inflight());
    }

    /// Waits for a topic just made to have its leaders, and checks the partition.
    fn find_topic(&self, patience: &Patience<'_>) -> Result<(), KafkaFault> {
        let Patience { timeout, clock, wanted } = *patience;
        let PublisherSettings { topic, partition, .. } = &self.settings;
        let until = clock.now().plus(timeout);
        loop {
            let metadata = self
                .producer
                .client()
                .fetch_metadata(Some(topic), timeout)
                .map_err(|cause| KafkaFault::Client { doing: "asking where the topic is", cause })?;
            let found = metadata.topics().first().filter(|t| t.error().is_none() && !t.partitions().is_empty());
            let count = found.map_or(0, |t| t.partitions().len());
            let led = found.is_some_and(|t| t.partitions().iter().all(|p| p.leader() >= 0));
            if let Some(partition) = partition.filter(|p| count > 0 && (*p < 0 || *p as usize >= count)) {
                return Err(KafkaFault::NoPartition { topic: topic.clone(), partition, count });
            }
            if led || clock.now() >= until || !wanted() {
                return Ok(());
            }
            clock.sleep_until(clock.now().plus(Duration::from_millis(20)));
        }
    }
}
