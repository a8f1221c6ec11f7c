//! Sends records to Kafka without waiting, and reports the delivery of each.
//!
//! ```text
//! Record ─send─▶ Unsettled ─▶ Client (librdkafka) ═══▶ broker
//!                   ▲ settled once │ deliveries, on a thread of their own
//!                   └──────────────┘ which also renews a client that has lost all its brokers
//! ```

mod client;
mod read_back;
mod unsettled;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use common::time::Clock;
use common::wire::Record;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::Producer;

use self::client::{Client, Renewable};
use crate::admin::{ConnectTimeout, reach, with_new_clients};
use crate::context::Context;
use crate::error::{KafkaError, name};
use crate::options::Connection;
use crate::settings::Waiting;
use crate::statistics::Facts;

const ASK_LEADER: Duration = Duration::from_secs(5);
/// Time for which a client's log lines are served while it connects.
const LISTEN: Duration = Duration::from_millis(10);

/// The result of sending a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    Acknowledged,
    /// The client dropped it, because it waited too long or the program ended.
    Late,
    /// The topic does not exist.
    NoTopic,
    /// It exceeds the limit of the topic, the broker or the client.
    TooLarge,
    /// The broker or the client refused it, for this reason.
    Refused(String),
    /// We have no right to write to this topic. The text names the right, and the command that grants it.
    Forbidden(String),
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
            RDKafkaErrorCode::MessageSizeTooLarge => Delivery::TooLarge,
            code => Delivery::Refused(name(code)),
        }
    }
}

/// The settings of a publisher.
#[derive(Clone, Debug)]
pub struct PublisherSettings {
    pub topic: String,
    /// `None` to choose the partition by the record's key.
    pub partition: Option<i32>,
    pub client_id: &'static str,
    pub message_bytes_max: usize,
    pub in_flight_bytes_max: usize,
    pub waiting: Waiting,
    /// Headers that the user adds to each record.
    pub headers: Vec<(String, String)>,
}

/// A producer for one topic. `T` is the caller's ticket, which is returned with each record's delivery.
pub struct Publisher<T: Send + Sync + 'static> {
    renewable: Arc<Renewable<T>>,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + Sync + 'static> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("settings", &self.renewable.settings).finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> Publisher<T> {
    /// Connects and finds the topic's leader, so that the first record does not wait for that. `delivered` is called
    /// once for each record, with its ticket, on a thread of the publisher or on the one that drops the publisher.
    pub fn connect(
        connection: &Connection,
        settings: PublisherSettings,
        patience: &ConnectTimeout<'_>,
        clock: Arc<dyn Clock>,
        delivered: impl Fn(T, Delivery) + Send + Sync + 'static,
    ) -> Result<Publisher<T>, KafkaError> {
        let renewable = Renewable::new(connection.clone(), settings, clock, delivered);
        let client = with_new_clients(patience, |patience| {
            let client = renewable.make(Context::new(connection), 0)?;
            reach(client.client(), &connection.brokers, patience, || {
                // librdkafka reports why it cannot connect only when it is polled.
                client.poll(LISTEN);
                client.context().context.checked_problem(connection)
            })?;
            Ok(client)
        })?;
        find_topic(&client, &renewable.settings, patience)?;
        reach_leader(&client, connection, &renewable.settings, patience)?;
        renewable.begin(client)?;
        let renewable = Arc::new(renewable);
        let ending = Arc::<AtomicBool>::default();
        let serve = {
            let (renewable, ending) = (renewable.clone(), ending.clone());
            move || renewable.serve(&ending)
        };
        let thread = Builder::new().name("deliveries".to_owned()).spawn(serve).map_err(KafkaError::Thread)?;
        Ok(Publisher { renewable, ending, thread: Some(thread) })
    }

    /// Sends a record without waiting; its ticket comes back with its delivery, even if sending fails at once. If the
    /// client's own queue is full, nothing is sent and the ticket is returned.
    pub fn send(&self, record: &Record, ticket: T) -> Option<T> {
        self.renewable.send(record, ticket)
    }

    /// Reports a record as refused that was not sent.
    pub fn refuse(&self, ticket: T, why: &str) {
        self.renewable.unsettled.refuse(ticket, Delivery::Refused(why.to_owned()));
    }

    /// True if the broker is `vidbroker`, or the one in vidprod.
    pub fn is_to_embedded_broker(&self) -> bool {
        self.renewable.is_to_embedded_broker()
    }

    /// The client's own figures.
    pub fn facts(&self) -> Facts {
        self.renewable.context().facts
    }

    /// The reason why there is no connection to a broker now; `None` while there is one.
    pub fn cause(&self) -> Option<String> {
        self.renewable.context().cause()
    }

    /// A function that returns the same on another thread; also `None` once the publisher is gone.
    pub fn causes(&self) -> impl Fn() -> Option<String> + Send + use<T> {
        let renewable = Arc::downgrade(&self.renewable);
        move || renewable.upgrade()?.context().cause()
    }

    /// Limits the size of requests from now on: a broker compares a request's records together with the topic's limit.
    /// This makes a new client, so no record may be in flight.
    pub fn limit_messages(&self, bytes_max: usize) -> Result<(), KafkaError> {
        self.renewable.limit_messages(bytes_max)
    }

    /// Drops the records that are queued or in flight; each is delivered as late.
    pub fn give_up(&self) {
        self.renewable.give_up();
    }
}

impl<T: Send + Sync + 'static> Drop for Publisher<T> {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened, and the client is closed in any case.
            let _ = thread.join();
        }
        self.renewable.close();
    }
}

/// Connects to the leader of the topic's first partition, or of ours, so that the first record does not wait for that.
/// Fails only if the leader's advertised address cannot be reached; other errors may be temporary.
fn reach_leader<T: Send + Sync + 'static>(
    client: &DeliveringProducer<T>,
    connection: &Connection,
    settings: &PublisherSettings,
    patience: &ConnectTimeout<'_>,
) -> Result<(), KafkaError> {
    let timeout = patience.timeout.min(ASK_LEADER);
    let partition = settings.partition.unwrap_or(0);
    // While a leader is being elected, the first request fails.
    let reached = || client.client().fetch_watermarks(&settings.topic, partition, timeout).is_ok();
    if reached() || reached() {
        return Ok(());
    }
    client.poll(LISTEN);
    let problem = client.context().context.problem().filter(|problem| problem.advertised.is_some());
    problem.map_or(Ok(()), |problem| {
        let cause = problem.sentence(&connection.brokers);
        Err(KafkaError::NoAnswer { seconds: timeout.as_secs(), cause })
    })
}

/// Waits until a new topic has leaders, and checks the partition.
fn find_topic<T: Send + Sync + 'static>(
    client: &DeliveringProducer<T>,
    settings: &PublisherSettings,
    patience: &ConnectTimeout<'_>,
) -> Result<(), KafkaError> {
    let ConnectTimeout { timeout, clock, wanted } = *patience;
    let PublisherSettings { topic, partition, .. } = settings;
    let until = clock.now().plus(timeout);
    loop {
        let metadata = client
            .client()
            .fetch_metadata(Some(topic), timeout)
            .map_err(|cause| KafkaError::Client { doing: "asking where the topic is", cause })?;
        let found = metadata.topics().first().filter(|t| t.error().is_none() && !t.partitions().is_empty());
        let partitions = found.map_or(0, |t| t.partitions().len());
        let led = found.is_some_and(|t| t.partitions().iter().all(|p| p.leader() >= 0));
        if let Some(partition) = partition.filter(|p| partitions > 0 && (*p < 0 || *p as usize >= partitions)) {
            return Err(KafkaError::NoPartition { topic: topic.clone(), partition, partitions });
        }
        if led || clock.now() >= until || !wanted() {
            return Ok(());
        }
        clock.sleep_until(clock.now().plus(Duration::from_millis(20)));
    }
}
