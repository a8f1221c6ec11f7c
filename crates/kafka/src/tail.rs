//! Reads a topic from a given position, and reports when the topic ends, disappears or is created again.

mod event;
mod failure;
mod find;
mod grow;
mod place;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use common::time::Clock;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as ClientError;

use crate::context::Context;
use crate::error::{KafkaError, setting};
use crate::options::Connection;
use crate::refusal;
use crate::rights::Right;
use crate::settings;
use crate::statistics::Facts;
use crate::watch::ClientWatch;
pub use event::{Event, Received};
pub use find::TopicState;

/// The position at which reading begins in each partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Position {
    Beginning,
    /// After the last record.
    End,
    /// At the last record.
    Newest,
    At(i64),
    /// This many records before the end.
    Last(i64),
    /// The first record with this timestamp or a later one, in ms since 1970.
    Time(i64),
    /// At whichever of both is earlier: this many records before the end, or the first record with this timestamp.
    LastOrTime {
        records: i64,
        ms: i64,
    },
}

pub struct Tail {
    consumer: BaseConsumer<Context>,
    context: Context,
    connection: Connection,
    client_id: String,
    topic: String,
    group: Option<String>,
    /// True once the group was joined.
    subscribed: bool,
    brokers: String,
    /// The next offset of each partition that we read.
    next: BTreeMap<i32, i64>,
    /// For a member of a group whose client was renewed: records before these offsets were read by the previous client.
    read_before: BTreeMap<i32, i64>,
    /// The first and next offset of each partition when reading began.
    bounds: BTreeMap<i32, (i64, i64)>,
    /// True if a partition's offset was out of range, and the new position is not known yet.
    out_of_range: bool,
    at_end: BTreeSet<i32>,
    /// True once the broker has allowed us to read.
    allowed: bool,
    /// The position at which reading continues when our own is gone.
    fallback: Position,
    watch: ClientWatch,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail").field("topic", &self.topic).field("next", &self.next).finish_non_exhaustive()
    }
}

impl Tail {
    /// Makes the client without connecting.
    pub fn new(
        connection: &Connection,
        client_id: &str,
        topic: &str,
        group: Option<&str>,
        fallback: Position,
        clock: Arc<dyn Clock>,
    ) -> Result<Tail, KafkaError> {
        let context = Context::new(connection).in_group(group);
        Ok(Tail {
            consumer: consumer(connection, client_id, group, fallback, &context)?,
            context,
            connection: connection.clone(),
            client_id: client_id.to_owned(),
            topic: topic.to_owned(),
            group: group.map(str::to_owned),
            subscribed: false,
            brokers: connection.brokers.clone(),
            next: BTreeMap::new(),
            read_before: BTreeMap::new(),
            bounds: BTreeMap::new(),
            out_of_range: false,
            at_end: BTreeSet::new(),
            allowed: false,
            fallback,
            watch: ClientWatch::new(connection, clock.now()),
            clock,
        })
    }

    /// True if the broker is `vidbroker`, or the one in vidprod.
    pub fn is_to_embedded_broker(&self) -> bool {
        crate::reach::is_embedded(self.consumer.client())
    }

    /// The reason why no broker answers now; `None` while one does.
    pub fn cause(&self) -> Option<String> {
        let silent = || self.context.state().link.silent.then(|| "the broker does not answer".to_owned());
        self.context.cause().or_else(silent)
    }

    /// The client's own figures.
    pub fn facts(&self) -> Facts {
        self.context.facts.clone()
    }

    /// Switches to another topic, and keeps the connections.
    pub fn turn_to(&mut self, topic: &str) {
        self.stop();
        self.bounds.clear();
        topic.clone_into(&mut self.topic);
    }

    /// First and next offset of a partition when reading began.
    pub fn began_between(&self, partition: i32) -> Option<(i64, i64)> {
        self.bounds.get(&partition).copied()
    }

    /// True once all records that existed when reading began have been read.
    pub fn caught_up(&self) -> bool {
        !self.next.is_empty()
            && self.next.iter().all(|(p, next)| self.bounds.get(p).is_none_or(|(_, high)| next >= high))
    }

    /// Shares the topic with the other members of the group.
    pub fn subscribe(&mut self) -> Result<(), KafkaError> {
        if let Some(group) = self.group.as_ref().filter(|_| self.context.state().may_not_join) {
            let cause = self.context.missing(Right::Join(group)).sentence(&self.brokers);
            return Err(KafkaError::Forbidden { cause });
        }
        self.subscribed = true;
        let doing = "joining the group";
        self.consumer.subscribe(&[&self.topic]).map_err(|cause| KafkaError::Client { doing, cause })
    }

    /// Continues at another offset of a partition.
    pub fn seek(&mut self, partition: i32, offset: i64) -> Result<(), KafkaError> {
        self.next.insert(partition, offset.max(0));
        self.assign()
    }

    /// Stops reading.
    pub fn stop(&mut self) {
        self.next.clear();
        self.read_before.clear();
        self.subscribed = false;
        self.at_end.clear();
        self.out_of_range = false;
        // Fails only for a client that is closed already.
        let _ = self.consumer.unassign();
    }

    /// The next offset of a partition that is being read.
    pub fn position(&self, partition: i32) -> Option<i64> {
        self.next.get(&partition).copied()
    }

    /// The next event; waits at most `timeout`.
    pub fn next(&mut self, timeout: Duration) -> Event {
        self.renew_if_stuck();
        if self.out_of_range {
            return self.reset(timeout);
        }
        match self.consumer.poll(timeout) {
            None if self.context.state().lacks_group_protocol => Event::Refused(refusal::not_served(&self.brokers)),
            None => Event::Nothing,
            Some(Ok(message)) => {
                let (partition, offset) = (message.partition(), message.offset());
                if was_read_before(&mut self.read_before, partition, offset) {
                    return Event::Nothing;
                }
                let record = crate::convert::record(&message);
                drop(message);
                self.next.insert(partition, offset + 1);
                self.allowed = true;
                // Records that were fetched long ago are read without any contact with the broker.
                self.watch.sign_of_life(self.clock.now());
                self.at_end.remove(&partition);
                Event::Record(Received { record, partition, offset })
            }
            Some(Err(ClientError::PartitionEOF(partition))) => {
                self.at_end.insert(partition);
                self.allowed = true;
                if self.is_at_end() { Event::End } else { Event::Nothing }
            }
            Some(Err(error)) => self.problem(&error, timeout),
        }
    }

    /// Replaces the client if it has lost all its brokers although they answer other clients. Every partition continues
    /// at its position.
    pub fn renew_if_stuck(&mut self) {
        let now = self.clock.now();
        if !self.watch.must_renew(now, &self.context, &self.connection, &self.topic) {
            return;
        }
        let context = self.context.successor();
        let group = self.group.as_deref();
        let renewed = consumer(&self.connection, &self.client_id, group, self.fallback, &context).map(|consumer| {
            self.context = context;
            let old = std::mem::replace(&mut self.consumer, consumer);
            in_background(move || drop(old));
        });
        let reading = renewed.and_then(|()| {
            if self.subscribed {
                self.read_before.clone_from(&self.next);
                self.subscribe()
            } else if self.next.is_empty() {
                Ok(())
            } else {
                self.assign()
            }
        });
        if let Err(error) = reading {
            tracing::warn!(event = "client_not_replaced", "cannot replace the client: {error}");
        }
    }

    fn is_at_end(&self) -> bool {
        if self.group.is_none() {
            return self.next.keys().all(|p| self.at_end.contains(p));
        }
        // The assignment may have changed since.
        let ours = self.consumer.assignment();
        ours.is_ok_and(|list| list.elements().iter().all(|e| self.at_end.contains(&e.partition())))
    }

    /// Closes the client. Leaving a group whose broker is gone would take very long, so this waits at most `timeout`.
    pub fn close(self, timeout: Duration) {
        let (closed, waits) = std::sync::mpsc::channel();
        in_background(move || {
            drop(self);
            // Nobody waits any more after the timeout.
            let _ = closed.send(());
        });
        let _ = waits.recv_timeout(timeout);
    }
}

/// True for records that were read before. A member of a group continues at the last committed offset, which may be
/// before its position.
fn was_read_before(read_before: &mut BTreeMap<i32, i64>, partition: i32, offset: i64) -> bool {
    let Some(next) = read_before.get(&partition) else { return false };
    let before = offset < *next;
    if !before {
        read_before.remove(&partition);
    }
    before
}

/// Makes a client that reads nothing yet.
fn consumer(
    connection: &Connection,
    client_id: &str,
    group: Option<&str>,
    fallback: Position,
    context: &Context,
) -> Result<BaseConsumer<Context>, KafkaError> {
    let mut config = settings::consumer(connection, client_id, group);
    if group.is_some() && !connection.properties.contains_key("auto.offset.reset") {
        config.set("auto.offset.reset", if fallback == Position::Beginning { "earliest" } else { "latest" });
    }
    config.create_with_context(context.clone()).map_err(setting)
}

/// Closes a client in the background, because that takes long if its brokers are gone. If no thread can be started, it
/// is closed here.
fn in_background(close: impl FnOnce() + Send + 'static) {
    drop(std::thread::Builder::new().name("leave".to_owned()).spawn(close));
}
