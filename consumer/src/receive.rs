//! Reads the topic, and assembles frames.
//!
//! ```text
//! librdkafka ─record─▶ Tail ─read─▶ Incoming ─Reassembler─▶ Arrival::Frame
//! ```
//! The receiver notices when the topic disappears or is created again, and searches for it; no other part needs to
//! know.

mod clocks;
mod doubt;
mod stretches;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use common::time::{Clock, Micros, TimeBase};
use common::wire::record::{self, Incoming, Rejected};
use common::wire::{Ended, Frame, Limits, Pushed, Reassembler};
use kafka::{Event, KafkaError, Position, Received, Tail, TopicState};

use crate::find::{Awaited, LOOK, Search};
use crate::options::Options;
use clocks::Clocks;
use doubt::Doubt;
use stretches::Stretches;

/// Time of silence after which the topic is checked.
const SILENCE: Duration = Duration::from_secs(1);
/// Number of checks in a row that must miss the topic, because a broker that has just started may not know all its
/// topics yet.
const MISSED_LOOKS: u32 = 2;
const ASK: Duration = Duration::from_secs(5);
/// Number of rejected records that are logged; later ones are only counted.
const REJECTIONS_TOLD: u64 = 5;

/// The result of a poll.
#[derive(Debug)]
pub enum Arrival {
    /// Nothing arrived within the timeout.
    Nothing,
    /// A record arrived, but no whole frame yet.
    Progress,
    Frame(Box<Arrived>),
    /// A session ended. `before_us` is true if it had ended before we started.
    Ended {
        ended: Box<Ended>,
        before_us: bool,
    },
    /// All records that the topic held at our start have been read.
    EndOfTopic,
}

/// A whole frame.
#[derive(Debug)]
pub struct Arrived {
    pub frame: Frame,
    pub base: TimeBase,
    /// True if it existed before we started, so that its age is no latency.
    pub before_us: bool,
    /// The record that completed it.
    pub received: Received,
}

#[derive(Debug)]
pub struct Receiver {
    tail: Tail,
    pub reassembler: Reassembler,
    pub rejected: u64,
    search: Search,
    reading: bool,
    options: Options,
    pub clocks: Clocks,
    clock: Arc<dyn Clock>,
    /// Partitions whose first record may be in the middle of a frame, so that we have to go back to its beginning.
    joining: BTreeSet<i32>,
    /// End of each partition when we joined the live stream.
    live_from: BTreeMap<i32, i64>,
    stretches: Stretches,
    /// Errors logged since the last record.
    troubles_said: BTreeSet<String>,
    /// Time of the last record, or of the last check of the topic.
    heard: Micros,
    missed_looks: u32,
    doubt: Doubt,
}

impl Receiver {
    pub fn new(options: &Options, clock: Arc<dyn Clock>) -> anyhow::Result<Receiver> {
        let Options { connection, topic, timeout, start, .. } = options;
        Ok(Receiver {
            tail: tail(options, *start, &clock)?,
            reassembler: Reassembler::new(Limits::default()),
            rejected: 0,
            search: Search::new(topic, connection, *timeout, *start, clock.clone()),
            reading: false,
            options: options.clone(),
            clocks: Clocks::new(&*clock),
            joining: BTreeSet::new(),
            live_from: BTreeMap::new(),
            stretches: Stretches::default(),
            troubles_said: BTreeSet::new(),
            heard: clock.now(),
            missed_looks: 0,
            doubt: Doubt::default(),
            clock,
        })
    }

    /// The next arrival; waits at most `timeout`.
    pub fn next(&mut self, timeout: Duration) -> anyhow::Result<Arrival> {
        if !self.reading {
            self.tail.renew_if_dark();
            if let Some(partitions) = self.search.look(&self.tail, timeout)? {
                self.begin(&partitions)?;
            }
            return Ok(Arrival::Nothing);
        }
        if self.ends_with_history() && self.options.group.is_none() && self.tail.caught_up() {
            return Ok(Arrival::EndOfTopic);
        }
        if self.options.partition.is_none() {
            self.tail.read_new_partitions();
        }
        match self.tail.next(timeout) {
            Event::Record(received) => {
                self.troubles_said.clear();
                self.doubt = Doubt::default();
                self.heard = self.clock.now();
                return self.take(received);
            }
            Event::Nothing => self.look_after_topic(),
            // After the last record there may be others that are not for readers.
            Event::End if self.ends_with_history() => return Ok(Arrival::EndOfTopic),
            Event::End => {}
            Event::Anew => self.gone(),
            // This is a reason to check the topic, but no proof.
            Event::Missing if self.missed_looks == 0 => self.heard = Micros(0),
            Event::Missing => {}
            Event::Moved { partition } => {
                tracing::warn!(
                    event = "records_gone",
                    topic = self.options.topic,
                    partition,
                    "partition {partition}: what was to be read is no longer kept; went on at what is"
                );
                if !self.options.every_frame {
                    self.joining.insert(partition);
                }
            }
            Event::Forbidden { problem, had: false } => bail!(problem.sentence(&self.options.connection.brokers)),
            Event::Forbidden { problem, had: true } => {
                self.say_trouble(problem.sentence(&self.options.connection.brokers));
                self.doubt.lost_right(problem.words);
            }
            Event::Refused(words) => bail!(words),
            Event::ConnectionProblem(words) => self.say_trouble(words),
        }
        Ok(Arrival::Nothing)
    }

    fn say_trouble(&mut self, words: String) {
        if !self.troubles_said.contains(&words) {
            tracing::warn!(event = "trouble", topic = self.options.topic, "{words}; trying on");
            self.troubles_said.insert(words);
        }
    }

    /// Drops frames that have waited too long for their parts.
    pub fn expire(&mut self) {
        self.reassembler.expire(self.clock.now());
    }

    /// True if the topic was found and is being read.
    pub fn reading(&self) -> bool {
        self.reading
    }

    /// The reason why nothing can arrive now, if known.
    pub fn cause(&self) -> Option<String> {
        if !self.reading {
            return self.search.why().map(str::to_owned);
        }
        self.tail.cause().or_else(|| self.doubt.why().map(str::to_owned))
    }

    /// True if recorded frames are read. A topic that did not exist at our start has none.
    pub fn in_history(&self) -> bool {
        self.options.history() && !self.search.was_missing()
    }

    /// Returns the parts that are needed for the final counts.
    pub fn close(self) -> (Reassembler, Tail) {
        (self.reassembler, self.tail)
    }

    fn ends_with_history(&self) -> bool {
        self.options.until.end && self.in_history()
    }

    /// Checks now and then that the topic still exists if no records come: there is no event when a topic is deleted.
    fn look_after_topic(&mut self) {
        let now = self.clock.now();
        if now.since(self.heard) < SILENCE || self.options.group.is_some() {
            return;
        }
        self.heard = now;
        let found = self.tail.find(LOOK);
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

    fn begin(&mut self, partitions: &[i32]) -> anyhow::Result<()> {
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
                bail!("topic {} has no partition {one} (it has {})", self.options.topic, partitions.len())
            }
            Some(one) => vec![one],
            None => partitions.to_vec(),
        };
        let timeout = self.options.timeout.map_or(ASK, |timeout| timeout.min(ASK));
        match self.tail.start(&partitions, from, timeout) {
            Ok(()) => {}
            Err(error @ KafkaError::Denied { .. }) => return self.search.refused(error),
            Err(error) => return self.search.not_yet(&error.to_string(), Awaited::Broker),
        }
        if from == Position::Newest {
            self.joining = partitions.iter().copied().collect();
            let end = |p: &i32| self.tail.began_between(*p).map(|(_, high)| (*p, high));
            self.live_from = partitions.iter().filter_map(end).collect();
        }
        self.heard = self.clock.now();
        self.reading = true;
        Ok(())
    }

    fn take(&mut self, received: Received) -> anyhow::Result<Arrival> {
        let now = self.clock.now();
        let stretch = self.options.group.is_some().then(|| self.stretches.note(received.partition, received.offset));
        let incoming = match record::read(&received.record) {
            Ok(incoming) => incoming,
            Err(why) => {
                self.joining.remove(&received.partition);
                return Ok(self.reject(&received, &why));
            }
        };
        if self.joining.remove(&received.partition) && self.go_back(&received, &incoming)? {
            return Ok(Arrival::Progress);
        }
        let before_us = self.live_from.get(&received.partition).is_some_and(|end| received.offset < *end);
        let (incoming, base) = self.clocks.onto_ours(incoming, now);
        if let (Some(stretch), Some(meta)) = (stretch, incoming.meta()) {
            self.reassembler.resume(&meta.source, meta.session, stretch, now);
        }
        let result = match incoming {
            Incoming::Foreign(codec, payload) => {
                let meta = self.clocks.foreign_meta(codec, &received, now);
                self.reassembler.push_foreign(meta, payload, self.clock.now()).map(Pushed::Frame)
            }
            own => self.reassembler.push(own, self.clock.now()),
        };
        Ok(match result {
            Ok(Pushed::Nothing) => Arrival::Progress,
            Ok(Pushed::Frame(frame)) => Arrival::Frame(Box::new(Arrived { frame, base, before_us, received })),
            Ok(Pushed::End(ended)) => Arrival::Ended { ended, before_us },
            Err(why) => self.reject(&received, &why),
        })
    }

    /// Goes back to the beginning of a frame: the newest record may be in the middle of one, or an end without its
    /// picture.
    fn go_back(&mut self, received: &Received, incoming: &Incoming) -> anyhow::Result<bool> {
        let back = match incoming {
            Incoming::Part(part) => i64::from(part.index),
            Incoming::End(_, _, None) => 1,
            _ => 0,
        };
        let low = self.tail.began_between(received.partition).map_or(0, |(low, _)| low);
        if back == 0 || received.offset - back < low {
            return Ok(false);
        }
        if matches!(incoming, Incoming::End(..)) {
            self.joining.insert(received.partition);
        }
        self.tail.seek(received.partition, received.offset - back)?;
        Ok(true)
    }

    fn reject(&mut self, received: &Received, why: &Rejected) -> Arrival {
        self.rejected += 1;
        if self.rejected <= REJECTIONS_TOLD {
            let Received { record, partition, offset } = received;
            let frame = record.header("frame").map(|f| f[..f.len().min(20)].escape_ascii().to_string());
            let frame = frame.map_or(String::new(), |f| format!(" (frame {f})"));
            let last = if self.rejected == REJECTIONS_TOLD { "; further ones are only counted" } else { "" };
            let topic = &self.options.topic;
            tracing::warn!(
                event = "record_rejected",
                topic,
                partition,
                offset,
                "{topic} partition {partition} offset {offset}{frame}: rejected: {why}{last}"
            );
        }
        Arrival::Progress
    }
}

/// A client for these options. It starts at `from`, unless a group has its own position.
fn tail(options: &Options, from: Position, clock: &Arc<dyn Clock>) -> anyhow::Result<Tail> {
    let Options { connection, topic, group, .. } = options;
    // If the records at our position are gone, reading every frame continues at the oldest one.
    let every = options.every_frame && group.is_none();
    let fallback = if every || from == Position::Beginning { Position::Beginning } else { Position::Newest };
    Ok(Tail::new(connection, "vidcons", topic, group.as_deref(), fallback, clock.clone())?)
}
