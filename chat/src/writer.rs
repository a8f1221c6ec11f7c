//! Writes lines to the topic: in order, acknowledged by all replicas, and again after the broker was away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::time::{Clock, Micros};
use kafka::{Admin, ConnectTimeout, Created, Delivery, DeliveryTimeout, KafkaError, Publisher, PublisherSettings};
use uuid::Uuid;

use crate::line::ChatLine;
use crate::options::ChatOptions;

/// Largest request. It is much larger than a message, and smaller than any topic's limit is likely to be.
const REQUEST_BYTES_MAX: usize = 64 << 10;
const IN_FLIGHT_BYTES_MAX: usize = 4 << 20;
/// Timeout of one attempt to connect.
const ATTEMPT: Duration = Duration::from_secs(5);
/// A shorter wait for a broker is not logged.
const QUIET_WAIT: Duration = Duration::from_secs(1);

/// Writes lines. `T` is the caller's ticket, which comes back with each line's delivery.
#[derive(Debug)]
pub struct ChatWriter<T: Send + Sync + 'static> {
    publisher: Publisher<T>,
    options: ChatOptions,
    /// Distinguishes the ids of this writer's lines from those of others.
    session: String,
    next: AtomicU64,
    clock: Arc<dyn Clock>,
}

impl<T: Send + Sync + 'static> ChatWriter<T> {
    /// Connects, and makes the topic if it is missing. Waits for a broker: for ever, or at most `timeout`, or until `wanted`
    /// returns false. `delivered` is called once for each line, on another thread.
    pub fn connect(
        options: &ChatOptions,
        timeout: Option<Duration>,
        clock: Arc<dyn Clock>,
        wanted: &dyn Fn() -> bool,
        mut waiting: impl FnMut(&str),
        delivered: impl Fn(T, Delivery) + Send + Sync + 'static,
    ) -> Result<ChatWriter<T>, KafkaError> {
        let (began, delivered) = (clock.now(), Arc::new(delivered));
        let left = |now: Micros| timeout.map(|timeout| timeout.saturating_sub(now.since(began)));
        loop {
            let attempt = left(clock.now()).map_or(ATTEMPT, |left| left.min(ATTEMPT));
            let wait = ConnectTimeout { timeout: attempt, clock: &*clock, wanted };
            let delivered = delivered.clone();
            let tried = ChatWriter::try_connect(options, &wait, clock.clone(), move |ticket, d| delivered(ticket, d));
            let error = match tried {
                // Only these may be different at the next attempt.
                Err(
                    error @ (KafkaError::Unreachable { .. }
                    | KafkaError::NoAnswer { .. }
                    | KafkaError::NotNow { .. }
                    | KafkaError::Client { .. }),
                ) => error,
                other => return other,
            };
            let now = clock.now();
            if left(now).is_some_and(|left| left.is_zero()) || !wanted() {
                return Err(error);
            }
            if now.since(began) > QUIET_WAIT {
                waiting(&error.to_string());
            }
            clock.sleep_until(now.plus(Duration::from_millis(100)));
        }
    }

    fn try_connect(
        options: &ChatOptions,
        wait: &ConnectTimeout<'_>,
        clock: Arc<dyn Clock>,
        delivered: impl Fn(T, Delivery) + Send + Sync + 'static,
    ) -> Result<ChatWriter<T>, KafkaError> {
        let admin = Admin::connect(&options.writing, options.client_id, wait)?;
        make_topic(&admin, options, wait.timeout)?;
        // A broker compares all messages of a request together with the topic's limit.
        let of_topic = admin.message_bytes_max(&options.topic, wait.timeout).unwrap_or_else(|error| {
            tracing::debug!("{error}");
            None
        });
        let settings = PublisherSettings {
            topic: options.topic.clone(),
            partition: None,
            client_id: options.client_id,
            message_bytes_max: of_topic.map_or(REQUEST_BYTES_MAX, |bytes| bytes.min(REQUEST_BYTES_MAX)),
            in_flight_bytes_max: IN_FLIGHT_BYTES_MAX,
            delivery_timeout: DeliveryTimeout::Never,
            headers: Vec::new(),
        };
        let publisher = Publisher::connect(&options.writing, settings, wait, clock.clone(), delivered)?;
        let session = Uuid::new_v4().simple().to_string()[..12].to_owned();
        Ok(ChatWriter { publisher, options: options.clone(), session, next: AtomicU64::new(0), clock })
    }

    /// Writes a line without waiting. If too many lines are in flight, the line is not written and the ticket comes back.
    pub fn write(&self, line: &ChatLine, ticket: T) -> Option<T> {
        let id = || format!("{}-{}", self.session, self.next.fetch_add(1, Ordering::Relaxed));
        let at_ms = (self.clock.wall_us() / 1000) as i64;
        self.publisher.send(&line.record(id, at_ms), ticket)
    }

    /// Makes the topic again after it was deleted. A broker that does not answer now is no error.
    pub fn make_topic_again(&self) {
        let wait = ConnectTimeout { timeout: ATTEMPT, clock: &*self.clock, wanted: &|| true };
        let admin = Admin::connect(&self.options.writing, self.options.client_id, &wait);
        if let Err(error) = admin.and_then(|admin| make_topic(&admin, &self.options, ATTEMPT)) {
            tracing::debug!("making topic {} again: {error}", self.options.topic);
        }
    }

    /// The reason why there is no connection to a broker now; `None` while there is one.
    pub fn cause(&self) -> Option<String> {
        self.publisher.cause()
    }

    /// Drops the lines that are in flight; each is delivered as late.
    pub fn give_up(&self) {
        self.publisher.give_up();
    }
}

fn make_topic(admin: &Admin, options: &ChatOptions, timeout: Duration) -> Result<(), KafkaError> {
    let topic = options.new_topic();
    if admin.ensure(&topic, options.create, timeout)? == Created::Now {
        tracing::info!(
            event = "topic_created",
            topic = topic.name,
            partitions = topic.partitions,
            retention_seconds = topic.retention.map(|time| time.as_secs()),
            "created topic {}, which keeps messages for 7 days",
            topic.name
        );
    }
    Ok(())
}

/// The reason why a line was not written; `None` if it was.
pub fn refusal(delivery: &Delivery) -> Option<String> {
    match delivery {
        Delivery::Acknowledged => None,
        Delivery::Late => Some("the broker did not acknowledge it".to_owned()),
        Delivery::NoTopic => Some("the topic does not exist any more".to_owned()),
        Delivery::TooLarge => Some("it is larger than the topic's max.message.bytes".to_owned()),
        Delivery::Refused(why) | Delivery::Forbidden(why) => Some(why.clone()),
    }
}
