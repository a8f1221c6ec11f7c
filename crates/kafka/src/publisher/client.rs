//! The client of a publisher, and its replacement by a new client after it has lost all its brokers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use common::time::Clock;
use common::wire::Record;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseRecord, Producer, PurgeConfig};

use super::deliveries::{Deliveries, DeliveringProducer};
use super::read_back;
use super::unsettled::{Delivery, Unsettled};
use crate::context::Context;
use crate::error::{KafkaError, setting};
use crate::options::Connection;
use crate::settings::{self, DeliveryTimeout};
use crate::watch::ClientWatch;

/// Interval at which the thread checks if it is to end; deliveries do not wait for it. rdkafka's `ThreadedProducer`
/// checks ten times a second, and each check ends with up to 1 ms of spinning: a twentieth of vidprod's processor time.
const LOOK: Duration = Duration::from_millis(250);
/// Timeout of the requests at the beginning.
const ASK: Duration = Duration::from_secs(5);
/// Time between two attempts to read the topic back.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// Number of attempts to wait for a topic that is missing when its broker comes back: vidprod creates it again.
const TRIES_WITHOUT_TOPIC: u32 = 10;

/// The settings of a publisher.
#[derive(Clone, Debug)]
pub struct PublisherSettings {
    pub topic: String,
    /// `None` to choose the partition by the record's key.
    pub partition: Option<i32>,
    pub client_id: &'static str,
    pub message_bytes_max: usize,
    pub in_flight_bytes_max: usize,
    pub delivery_timeout: DeliveryTimeout,
    /// Headers that the user adds to each record.
    pub headers: Vec<(String, String)>,
}

/// A client that can be replaced.
pub(super) struct Renewable<T: Send + Sync + 'static> {
    connection: Connection,
    pub settings: PublisherSettings,
    /// The limit of the settings, until it is lowered.
    message_bytes_max: AtomicUsize,
    /// Held while a client is replaced.
    replacing: Mutex<()>,
    pub unsettled: Arc<Unsettled<T>>,
    /// `None` while a new client is made. Records sent meanwhile wait in flight.
    client: RwLock<Option<DeliveringProducer<T>>>,
    /// The context of the present client.
    context: RwLock<Context>,
    clock: Arc<dyn Clock>,
}

impl<T: Send + Sync + 'static> Renewable<T> {
    pub fn new(
        connection: Connection,
        settings: PublisherSettings,
        clock: Arc<dyn Clock>,
        delivered: impl Fn(T, Delivery) + Send + Sync + 'static,
    ) -> Renewable<T> {
        Renewable {
            connection,
            message_bytes_max: AtomicUsize::new(settings.message_bytes_max),
            replacing: Mutex::default(),
            settings,
            unsettled: Arc::new(Unsettled::new(delivered)),
            client: RwLock::default(),
            context: RwLock::default(),
            clock,
        }
    }

    /// Makes a client, which is not connected yet.
    pub fn make(&self, context: Context, generation: u64) -> Result<DeliveringProducer<T>, KafkaError> {
        let PublisherSettings { client_id, in_flight_bytes_max, delivery_timeout, .. } = &self.settings;
        let message_bytes_max = self.message_bytes_max.load(Ordering::Relaxed);
        let config =
            settings::producer(&self.connection, client_id, message_bytes_max, *in_flight_bytes_max, *delivery_timeout);
        let topic = self.settings.topic.clone();
        let context = Deliveries { context, topic, generation, unsettled: self.unsettled.clone() };
        config.create_with_context(context).map_err(setting)
    }

    /// Takes the first client.
    pub fn begin(&self, client: DeliveringProducer<T>) -> Result<(), KafkaError> {
        if self.keeps_records() {
            let fault = |cause| KafkaError::Client { doing: "asking how far the topic goes", cause };
            let topic = &self.settings.topic;
            let metadata = client.client().fetch_metadata(Some(topic), ASK).map_err(fault)?;
            for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
                // A partition without a leader will be read back from its beginning, if necessary.
                if let Ok((_, end)) = client.client().fetch_watermarks(topic, partition.id(), ASK) {
                    self.unsettled.begin_at(partition.id(), end);
                }
            }
        }
        self.put(client);
        Ok(())
    }

    pub fn context(&self) -> Context {
        self.context.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn is_to_embedded_broker(&self) -> bool {
        self.client().as_ref().is_some_and(|client| crate::reach::is_embedded(client.client()))
    }

    pub fn send(&self, record: &Record, ticket: T) -> Option<T> {
        let client = self.client();
        let Some(client) = &*client else {
            self.unsettled.push(Some(record.clone()), ticket);
            return None;
        };
        let number = self.unsettled.push(self.keeps_records().then(|| record.clone()), ticket);
        match self.produce(client, record, number) {
            Ok(()) => None,
            Err(RDKafkaErrorCode::QueueFull) => self.unsettled.take(number),
            Err(code) => {
                self.unsettled.settle(number, client.context().failed(code));
                None
            }
        }
    }

    pub fn give_up(&self) {
        match &*self.client() {
            Some(client) => client.purge(PurgeConfig::default().queue().inflight()),
            None => self.unsettled.settle_all(&Delivery::Late),
        }
    }

    /// Closes the client; records in flight are delivered as late.
    pub fn close(&self) {
        drop(self.client_mut().take());
        self.unsettled.settle_all(&Delivery::Late);
    }

    /// Makes a new client with another limit. No record may be in flight.
    pub fn limit_messages(&self, bytes_max: usize) -> Result<(), KafkaError> {
        let _replacing = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        self.message_bytes_max.store(bytes_max, Ordering::Relaxed);
        let client = self.make(self.context().restarted(), self.unsettled.next_generation())?;
        self.unsettled.retire();
        self.put(client);
        Ok(())
    }

    /// Serves deliveries, and renews the client if necessary, until `ending` is set.
    pub fn serve(&self, ending: &AtomicBool) {
        let mut watch = ClientWatch::new(&self.connection, self.clock.now());
        let mut warned = None;
        while !ending.load(Ordering::Relaxed) {
            let served = self.client().as_ref().map(|client| client.poll(LOOK)).is_some();
            if !served {
                self.clock.sleep_until(self.clock.now().plus(LOOK));
                self.make_again();
            }
            let (now, context) = (self.clock.now(), self.context());
            let denied = context.problem().filter(|problem| problem.denied);
            if denied.is_some() && denied != warned {
                tracing::warn!(
                    event = "trouble",
                    brokers = self.connection.brokers,
                    "{}; trying again",
                    denied.iter().map(|t| t.sentence(&self.connection.brokers)).collect::<String>()
                );
                warned = denied;
            }
            if self.unsettled.is_idle() || (self.unsettled.is_empty() && context.state().link.is_connected()) {
                watch.sign_of_life(now);
            }
            if watch.must_renew(now, &context, &self.connection, &self.settings.topic) {
                self.renew(context.successor(), ending);
            }
        }
    }

    /// Closes the client and makes a new one. If records may be lost, those in flight are delivered as late. Otherwise
    /// the topic is read back, and records missing from it are sent again.
    fn renew(&self, context: Context, ending: &AtomicBool) {
        let _replacing = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.client_mut().take();
        let generation = self.unsettled.retire();
        // After closing, nothing can be sent any more.
        drop(old);
        if self.keeps_records() {
            self.read_back(ending);
        } else {
            self.unsettled.settle_all(&Delivery::Late);
        }
        match self.make(context, generation) {
            Ok(client) => self.put(client),
            Err(error) => {
                tracing::warn!(event = "client_not_replaced", "cannot replace the client: {error}");
                self.unsettled.settle_all(&Delivery::Refused(error.to_string()));
            }
        }
    }

    /// Tries again to make a client after a failure.
    fn make_again(&self) {
        let _replacing = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = self.client().is_none();
        if missing && let Ok(client) = self.make(self.context().successor(), self.unsettled.retire()) {
            self.put(client);
        }
    }

    /// Settles the records that are in the topic although they were never acknowledged.
    fn read_back(&self, ending: &AtomicBool) {
        let mut missing = 0;
        while !self.unsettled.is_empty() && !ending.load(Ordering::Relaxed) {
            let (records, from) = (self.unsettled.records(), self.unsettled.unknown_from());
            match read_back::find(&self.connection, &self.settings.topic, &records, &from) {
                Ok(Some(found)) => {
                    tracing::debug!("{} of {} records in flight are in the topic already", found.len(), records.len());
                    found.into_iter().for_each(|number| self.unsettled.settle(number, Delivery::Acknowledged));
                    return;
                }
                Ok(None) => {
                    missing += 1;
                    if missing >= TRIES_WITHOUT_TOPIC {
                        return;
                    }
                }
                Err(error) => tracing::debug!("{error}; trying again"),
            }
            self.clock.sleep_until(self.clock.now().plus(TRY_AGAIN));
        }
    }

    /// Takes a new client, which first sends the records in flight again.
    fn put(&self, client: DeliveringProducer<T>) {
        let mut slot = self.client_mut();
        for (number, record) in self.unsettled.records() {
            let mut sent = self.produce(&client, &record, number);
            while sent == Err(RDKafkaErrorCode::QueueFull) {
                client.poll(LOOK);
                sent = self.produce(&client, &record, number);
            }
            if let Err(code) = sent {
                self.unsettled.settle(number, client.context().failed(code));
            }
        }
        *self.context.write().unwrap_or_else(PoisonError::into_inner) = client.context().context.clone();
        *slot = Some(client);
    }

    fn produce(&self, client: &DeliveringProducer<T>, record: &Record, number: usize) -> Result<(), RDKafkaErrorCode> {
        let PublisherSettings { topic, partition, headers, .. } = &self.settings;
        let mut base = BaseRecord::with_opaque_to(topic, number)
            .payload(record.value.as_ref())
            .headers(crate::convert::headers(record, headers));
        if let Some(key) = &record.key {
            base = base.key(key.as_ref());
        }
        if let Some(timestamp_ms) = record.timestamp_ms {
            base = base.timestamp(timestamp_ms);
        }
        if let Some(partition) = partition {
            base = base.partition(*partition);
        }
        let sent = client.send(base);
        sent.map_err(|(error, _)| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))
    }

    /// True if no record may be lost, so that each is kept until it is acknowledged.
    fn keeps_records(&self) -> bool {
        self.settings.delivery_timeout == DeliveryTimeout::Never
    }

    fn client(&self) -> RwLockReadGuard<'_, Option<DeliveringProducer<T>>> {
        self.client.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn client_mut(&self) -> RwLockWriteGuard<'_, Option<DeliveringProducer<T>>> {
        self.client.write().unwrap_or_else(PoisonError::into_inner)
    }
}
