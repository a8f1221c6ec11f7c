//! Reads the topic, and feeds its records to an engine.
//!
//! ```text
//! librdkafka ─record─▶ Tail ─▶ TopicReader ─TopicRecord─▶ Engine
//! ```
//! The reader notices when the topic disappears or is created again, and searches for it; no other part needs to know.

mod doubt;
mod error;
mod options;
mod search;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use common::time::{Clock, Micros};
use common::wire::Frame;
use common::wire::record::{self, Incoming};
use kafka::{Event, Facts, KafkaError, Position, Received, Tail, TopicState};

use self::doubt::Doubt;
pub use self::error::ReadError;
pub use self::options::ReaderOptions;
use self::search::{Awaited, REQUEST_TIMEOUT, Search};
use crate::engine::{Engine, Era, TopicRecord};

/// Time of silence after which the topic is checked.
const SILENCE: Duration = Duration::from_secs(1);
/// Number of checks in a row that must miss the topic, because a broker that has just started may not know all its
/// topics yet.
const MISSED_LOOKS: u32 = 2;
const ASK: Duration = Duration::from_secs(5);
/// Largest number of records in one turn, so that a flood of records does not keep frames from the screen.
const TURN_RECORDS_MAX: usize = 256;
/// Longest time for leaving a group.
const LEAVE: Duration = Duration::from_secs(2);

/// The result of a poll.
enum Polled {
    /// Nothing arrived within the timeout.
    Nothing,
    /// A record arrived that is not for the engine.
    Progress,
    Record(TopicRecord),
    /// All records that the topic held at our start have been read.
    End,
}

/// Reads a topic.
#[derive(Debug)]
pub struct TopicReader {
    tail: Tail,
    search: Search,
    reading: bool,
    /// True once all that was to be read has been read.
    at_end: bool,
    options: ReaderOptions,
    clock: Arc<dyn Clock>,
    /// Partitions whose first record may be in the middle of a frame, so that we have to go back to its beginning.
    joining: BTreeSet<i32>,
    /// End of each partition when we joined the live stream.
    live_from: BTreeMap<i32, i64>,
    /// Errors logged since the last record.
    logged_problems: BTreeSet<String>,
    /// Time of the last record, or of the last check of the topic.
    checked: Micros,
    missed_looks: u32,
    doubt: Doubt,
}

impl TopicReader {
    /// Makes a client, and connects in the background.
    pub fn new(options: ReaderOptions, clock: Arc<dyn Clock>) -> Result<TopicReader, ReadError> {
        let ReaderOptions { connection, topic, timeout, start, .. } = &options;
        Ok(TopicReader {
            tail: tail(&options, *start, &clock)?,
            search: Search::new(topic, connection, *timeout, *start, clock.clone()),
            reading: false,
            at_end: false,
            joining: BTreeSet::new(),
            live_from: BTreeMap::new(),
            logged_problems: BTreeSet::new(),
            checked: clock.now(),
            missed_looks: 0,
            doubt: Doubt::default(),
            options,
            clock,
        })
    }

    /// Reads what has arrived into an engine, as far as the engine wants it. Waits at most `wait`, and only for the
    /// first record.
    pub fn feed(&mut self, engine: &mut Engine, wait: Duration) -> Result<(), ReadError> {
        self.feed_each(engine, wait, |_, _| Ok(()))
    }

    /// The same; calls `on_frame` with each frame that arrives of a wanted source, and with the record that completed
    /// it.
    pub fn feed_each<E: From<ReadError>>(
        &mut self,
        engine: &mut Engine,
        wait: Duration,
        mut on_frame: impl FnMut(&TopicRecord, &Frame) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut wait = wait;
        for _ in 0..TURN_RECORDS_MAX {
            if self.at_end || !engine.wants_records() {
                break;
            }
            match self.poll(wait)? {
                Polled::Nothing => break,
                Polled::Progress => {}
                Polled::Record(record) => {
                    let clock = &*self.clock;
                    engine.push(&record, clock.now(), || clock.now(), |frame| on_frame(&record, frame)).transpose()?;
                }
                Polled::End => self.at_end = true,
            }
            wait = Duration::ZERO;
        }
        Ok(())
    }

    fn poll(&mut self, timeout: Duration) -> Result<Polled, ReadError> {
        if !self.reading {
            self.tail.renew_if_stuck();
            if let Some(partitions) = self.search.look(&self.tail, timeout)? {
                self.begin(&partitions)?;
            }
            return Ok(Polled::Nothing);
        }
        if self.ends_with_history() && self.options.group.is_none() && self.tail.caught_up() {
            return Ok(Polled::End);
        }
        if self.options.partition.is_none() {
            self.tail.read_new_partitions();
        }
        match self.tail.next(timeout) {
            Event::Record(received) => {
                self.logged_problems.clear();
                self.doubt = Doubt::default();
                self.checked = self.clock.now();
                return self.take(received);
            }
            Event::Nothing => self.look_after_topic(),
            // After the last record there may be others that are not for readers.
            Event::End if self.ends_with_history() => return Ok(Polled::End),
            Event::End => {}
            Event::TopicRecreated => self.gone(),
            // This is a reason to check the topic, but no proof.
            Event::Missing if self.missed_looks == 0 => self.checked = Micros(0),
            Event::Missing => {}
            Event::Moved { partition } => {
                tracing::warn!(
                    event = "records_gone",
                    topic = self.options.topic,
                    partition,
                    "partition {partition}: the next records are no longer kept; continuing with the oldest ones that are"
                );
                if !self.options.every_frame {
                    self.joining.insert(partition);
                }
            }
            Event::Forbidden { problem, had: false } => {
                return Err(ReadError::Refused(problem.sentence(&self.options.connection.brokers)));
            }
            Event::Forbidden { problem, had: true } => {
                self.log_problem(problem.sentence(&self.options.connection.brokers));
                self.doubt.lost_right(problem.words);
            }
            Event::Refused(words) => return Err(ReadError::Refused(words)),
            Event::ConnectionProblem(words) => self.log_problem(words),
        }
        Ok(Polled::Nothing)
    }

    fn log_problem(&mut self, words: String) {
        if !self.logged_problems.contains(&words) {
            tracing::warn!(event = "trouble", topic = self.options.topic, "{words}; trying again");
            self.logged_problems.insert(words);
        }
    }

    /// True if the topic was found and is being read.
    pub fn is_reading(&self) -> bool {
        self.reading
    }

    /// True once all records that the topic held at our start have been read, and no others are wanted.
    pub fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// The reason why nothing can arrive now, if known.
    pub fn cause(&self) -> Option<String> {
        if !self.reading {
            return self.search.why().map(str::to_owned);
        }
        self.tail.cause().or_else(|| self.doubt.why().map(str::to_owned))
    }

    /// True if recorded frames are read. A topic that did not exist at our start has none.
    pub fn is_in_history(&self) -> bool {
        self.options.is_history() && !self.search.was_missing()
    }

    /// Figures of the client, which stay readable after the reader is closed.
    pub fn facts(&self) -> Facts {
        self.tail.facts()
    }

    /// Number of records that the topic holds and that were not read, as of the client's last statistics; `None` if
    /// unknown.
    pub fn lag(&self) -> Option<u64> {
        self.tail.facts().lag(&self.options.topic).filter(|_| self.reading)
    }

    /// True if the broker is `vidbroker`, or the one in vidprod.
    pub fn is_to_embedded_broker(&self) -> bool {
        self.tail.is_to_embedded_broker()
    }

    /// Leaves the group and closes the client. If its broker is gone, that would take long, so this waits at most 2 s.
    pub fn close(self) {
        self.tail.close(LEAVE);
    }

    fn ends_with_history(&self) -> bool {
        self.options.ends && self.is_in_history()
    }

    /// Checks now and then that the topic still exists if no records come: there is no event when a topic is deleted.
    fn look_after_topic(&mut self) {
        let now = self.clock.now();
        if now.since(self.checked) < SILENCE || self.options.group.is_some() {
            return;
        }
        self.checked = now;
        let found = self.tail.find(REQUEST_TIMEOUT);
        // Without an answer nothing is known.
        self.missed_looks = if matches!(found, Ok(TopicState::NoTopic)) { self.missed_looks + 1 } else { 0 };
        self.doubt.looked(&self.options.topic, &found);
        if self.missed_looks >= MISSED_LOOKS {
            self.gone();
        }
    }

    fn gone(&mut self) {
        tracing::warn!(
            event = "topic_gone",
            topic = self.options.topic,
            "topic {} is gone: waiting for it",
            self.options.topic
        );
        self.tail.stop();
        self.joining.clear();
        self.live_from.clear();
        self.missed_looks = 0;
        self.doubt = Doubt::default();
        self.reading = false;
        self.search.again();
    }

    fn begin(&mut self, partitions: &[i32]) -> Result<(), ReadError> {
        let from = self.search.from();
        if self.options.group.is_some() {
            if self.search.was_missing() {
                self.tail = tail(&self.options, Position::Beginning, &self.clock)?;
            }
            self.tail.subscribe()?;
            self.reading = true;
            return Ok(());
        }
        let partitions: Vec<i32> = match self.options.partition {
            Some(one) if !partitions.contains(&one) => {
                let (topic, partitions) = (self.options.topic.clone(), partitions.len());
                return Err(ReadError::NoPartition { topic, partition: one, partitions });
            }
            Some(one) => vec![one],
            None => partitions.to_vec(),
        };
        let timeout = self.options.timeout.map_or(ASK, |timeout| timeout.min(ASK));
        match self.tail.start(&partitions, from, timeout) {
            Ok(()) => {}
            Err(error @ KafkaError::Denied { .. }) => return self.search.refused(error),
            Err(error) => return self.search.keep_waiting(&error.to_string(), Awaited::Broker),
        }
        if from == Position::Newest {
            self.joining = partitions.iter().copied().collect();
            let end = |p: &i32| self.tail.began_between(*p).map(|(_, high)| (*p, high));
            self.live_from = partitions.iter().filter_map(end).collect();
        }
        self.checked = self.clock.now();
        self.reading = true;
        Ok(())
    }

    fn take(&mut self, received: Received) -> Result<Polled, ReadError> {
        let Received { record, partition, offset } = received;
        if self.joining.remove(&partition)
            && let Ok(incoming) = record::read(&record)
            && self.go_back((partition, offset), &incoming)?
        {
            return Ok(Polled::Progress);
        }
        let era = match self.live_from.get(&partition) {
            Some(end) if offset < *end => Era::BeforeUs,
            _ if self.is_in_history() => Era::History,
            _ => Era::Live,
        };
        Ok(Polled::Record(TopicRecord { record, partition, offset, era }))
    }

    /// Goes back to the beginning of a frame: the newest record may be in the middle of one, or an end without its
    /// picture.
    fn go_back(&mut self, (partition, offset): (i32, i64), incoming: &Incoming) -> Result<bool, ReadError> {
        let back = match incoming {
            Incoming::Part(part) => i64::from(part.index),
            Incoming::End(_, _, None) => 1,
            _ => 0,
        };
        let low = self.tail.began_between(partition).map_or(0, |(low, _)| low);
        if back == 0 || offset - back < low {
            return Ok(false);
        }
        if matches!(incoming, Incoming::End(..)) {
            self.joining.insert(partition);
        }
        self.tail.seek(partition, offset - back)?;
        Ok(true)
    }
}

/// A client for these options. It starts at `from`, unless a group has its own position.
fn tail(options: &ReaderOptions, from: Position, clock: &Arc<dyn Clock>) -> Result<Tail, KafkaError> {
    let ReaderOptions { connection, topic, group, .. } = options;
    // If the records at our position are gone, reading every frame continues at the oldest one.
    let every = options.every_frame && group.is_none();
    let fallback = if every || from == Position::Beginning { Position::Beginning } else { Position::Newest };
    Tail::new(connection, "vidcons", topic, group.as_deref(), fallback, clock.clone())
}
