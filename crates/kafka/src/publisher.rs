//! Sends records to Kafka without waiting, and reports the delivery of each.
//!
//! ```text
//! Record ─send─▶ Unsettled ─▶ Client (librdkafka) ═══▶ broker
//!                   ▲ settled once │ deliveries, on a thread of their own
//!                   └──────────────┘ which also renews a client that has lost all its brokers
//! ```

mod client;
mod deliveries;
mod read_back;
mod unsettled;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use common::time::Clock;
use common::wire::Record;
use rdkafka::producer::Producer;

pub use self::client::PublisherSettings;
use self::client::Renewable;
use self::deliveries::DeliveringProducer;
pub use self::unsettled::Delivery;
use crate::context::Context;
use crate::error::KafkaError;
use crate::options::Connection;
use crate::reach::{ConnectTimeout, reach, with_new_clients};
use crate::statistics::Facts;

const ASK_LEADER: Duration = Duration::from_secs(5);
/// Time for which a client's log lines are served while it connects.
const LISTEN: Duration = Duration::from_millis(10);

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
        wait: &ConnectTimeout<'_>,
        clock: Arc<dyn Clock>,
        delivered: impl Fn(T, Delivery) + Send + Sync + 'static,
    ) -> Result<Publisher<T>, KafkaError> {
        let renewable = Renewable::new(connection.clone(), settings, clock, delivered);
        let client = with_new_clients(wait, |wait| {
            let client = renewable.make(Context::new(connection), 0)?;
            reach(client.client(), &connection.brokers, wait, || {
                // librdkafka reports why it cannot connect only when it is polled.
                client.poll(LISTEN);
                client.context().context.checked_problem(connection)
            })?;
            Ok(client)
        })?;
        find_topic(&client, &renewable.settings, wait)?;
        reach_leader(&client, connection, &renewable.settings, wait)?;
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
    wait: &ConnectTimeout<'_>,
) -> Result<(), KafkaError> {
    let timeout = wait.timeout.min(ASK_LEADER);
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
    wait: &ConnectTimeout<'_>,
) -> Result<(), KafkaError> {
    let ConnectTimeout { timeout, clock, wanted } = *wait;
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
