//! What the topic brings: waits for it to be there, reads it, and puts frames together again.
//!
//! ```text
//! librdkafka ─record─▶ Tail ─read─▶ Incoming ─Reassembler─▶ Arrival::Frame
//! ```
//! It notices when the topic goes away or is made anew, and looks for it again; nothing else needs to know.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use common::clock::{Clock, Micros};
use common::frame::{Frame, Meta, Origin, Session};
use common::latency::TimeBase;
use common::reassemble::{Ended, Limits, Pushed, Reassembler};
use common::record::{self, Incoming, Rejected};
use common::stamps::Stamps;
use kafka::{Event, Found, Position, Received, Tail};

use crate::options::Options;

/// How long a look for the topic may hold up everything else.
const LOOK: Duration = Duration::from_millis(100);
/// Between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// A topic of which nothing was heard for that long is looked after.
const SILENCE: Duration = Duration::from_secs(1);
const ASK: Duration = Duration::from_secs(5);
/// Bad records are told one by one up to here, then counted in silence.
const REJECTIONS_TOLD: u64 = 5;

/// What a look at the topic brought.
#[derive(Debug)]
pub enum Arrival {
    /// Nothing within the time.
    Nothing,
    /// Something came, and no whole frame yet.
    Progress,
    /// A whole frame, with the record that completed it.
    Frame(Box<(Frame, TimeBase, Received)>),
    /// A session ended. `before_us`: it had ended before we looked.
    Ended { ended: Box<Ended>, before_us: bool },
    /// Everything that the topic held when we began has been read.
    EndOfTopic,
}

#[derive(Debug)]
enum State {
    /// Looking for the topic since then.
    Looking {
        since: Micros,
        next_look: Micros,
        said: bool,
        from: Position,
    },
    Reading,
}

#[derive(Debug)]
pub struct Receiver {
    tail: Tail,
    pub reassembler: Reassembler,
    pub rejected: u64,
    state: State,
    topic: String,
    brokers: String,
    partition: Option<i32>,
    group: Option<String>,
    timeout: Option<Duration>,
    origin: Origin,
    began: Micros,
    clock: Arc<dyn Clock>,
    /// Partitions whose first record may be in the middle of a frame: we go back to its beginning.
    joining: BTreeSet<i32>,
    /// Where each partition ended when we began, where that ends the run.
    history_ends: Option<Vec<(i32, i64)>>,
    trouble_said: bool,
    /// When a record came last, or the topic was last found to be there.
    heard: Micros,
}

impl Receiver {
    pub fn new(options: &Options, clock: Arc<dyn Clock>) -> anyhow::Result<Receiver> {
        let fallback = if options.every_frame || options.history() { Position::Beginning } else { Position::Newest };
        let Options { connection, topic, group, .. } = options;
        // A group begins where its members left off, and else where all begin: at the end, unless told.
        let group_fallback = if options.start == Position::Beginning { Position::Beginning } else { Position::Newest };
        let tail = Tail::new(
            connection,
            "vidcons",
            topic,
            group.as_deref(),
            if group.is_some() { group_fallback } else { fallback },
        )?;
        let began = clock.now();
        Ok(Receiver {
            tail,
            reassembler: Reassembler::new(Limits::default()),
            rejected: 0,
            state: State::Looking { since: began, next_look: began, said: false, from: options.start },
            topic: topic.clone(),
            brokers: connection.brokers.clone(),
            partition: options.partition,
            group: group.clone(),
            timeout: options.timeout,
            origin: Origin { boot: shell::machine::boot_id().into(), wall_offset_us: clock.wall_offset_us() },
            began,
            clock,
            joining: BTreeSet::new(),
            history_ends: (options.until.end && options.history()).then(Vec::new),
            trouble_said: false,
            heard: began,
        })
    }

    /// What comes next; waits at most `timeout`.
    pub fn next(&mut self, timeout: Duration) -> anyhow::Result<Arrival> {
        if let State::Looking { .. } = self.state {
            self.look(timeout)?;
            return Ok(Arrival::Nothing);
        }
        if self.history_is_read() {
            return Ok(Arrival::EndOfTopic);
        }
        match self.tail.next(timeout) {
            Event::Record(received) => {
                self.trouble_said = false;
                self.heard = self.clock.now();
                self.take(received)
            }
            Event::Nothing => self.check_topic(),
            // Behind the last record there may be others that are not for readers.
            Event::End => Ok(if self.history_ends.is_some() { Arrival::EndOfTopic } else { Arrival::Nothing }),
            Event::Gone => {
                tracing::warn!("topic {} is gone: waiting for it", self.topic);
                self.look_again(Position::Beginning);
                Ok(Arrival::Nothing)
            }
            Event::Moved { partition } => {
                tracing::warn!("partition {partition}: what was to be read is no longer kept; went on at what is");
                self.joining.insert(partition);
                Ok(Arrival::Nothing)
            }
            Event::Trouble(words) => {
                if !std::mem::replace(&mut self.trouble_said, true) {
                    tracing::warn!("{}: {words}; trying on", self.brokers);
                }
                Ok(Arrival::Nothing)
            }
        }
    }

    /// A topic that was deleted says nothing: where nothing comes, whether it is still there is asked now and then.
    fn check_topic(&mut self) -> anyhow::Result<Arrival> {
        let now = self.clock.now();
        if now.since(self.heard) >= SILENCE && self.group.is_none() {
            self.heard = now;
            if self.tail.is_gone(LOOK)? {
                tracing::warn!("topic {} is gone: waiting for it", self.topic);
                self.look_again(Position::Beginning);
            }
        }
        Ok(Arrival::Nothing)
    }

    /// Gives up on frames that have waited too long for their parts.
    pub fn expire(&mut self) {
        self.reassembler.expire(self.clock.now());
    }

    /// Whether the topic was found and is being read.
    pub fn reading(&self) -> bool {
        matches!(self.state, State::Reading)
    }

    fn look_again(&mut self, from: Position) {
        self.tail.stop();
        self.joining.clear();
        let now = self.clock.now();
        self.state = State::Looking { since: now, next_look: now.plus(BETWEEN_LOOKS), said: true, from };
    }

    fn look(&mut self, at_most: Duration) -> anyhow::Result<()> {
        let State::Looking { since, next_look, said, from } = &mut self.state else { return Ok(()) };
        let now = self.clock.now();
        if now < *next_look {
            self.clock.sleep_until((*next_look).min(now.plus(at_most)));
            return Ok(());
        }
        let missing = match self.tail.find(LOOK)? {
            Found::Topic { partitions } => {
                let from = *from;
                return self.begin(&partitions, from);
            }
            Found::NoTopic => {
                // What comes now comes while we wait for it: none of it is to be missed.
                *from = Position::Beginning;
                format!("no topic {} at {} yet: waiting for it", self.topic, self.brokers)
            }
            Found::NoBroker(why) => format!("no Kafka answers at {} ({why}): waiting for it", self.brokers),
        };
        let now = self.clock.now();
        *next_look = now.plus(BETWEEN_LOOKS);
        if let Some(timeout) = self.timeout.filter(|t| now.since(*since) >= *t) {
            bail!(
                "{} (gave up after {} s; --timeout)",
                missing.trim_end_matches(": waiting for it"),
                timeout.as_secs_f64()
            );
        }
        if !*said && now.since(*since) > LOOK {
            *said = true;
            tracing::info!("{missing}");
        }
        Ok(())
    }

    fn begin(&mut self, partitions: &[i32], from: Position) -> anyhow::Result<()> {
        if self.group.is_some() {
            self.tail.subscribe()?;
            self.state = State::Reading;
            return Ok(());
        }
        let partitions: Vec<i32> = match self.partition {
            Some(one) if !partitions.contains(&one) => {
                bail!("topic {} has no partition {one} (it has {})", self.topic, partitions.len())
            }
            Some(one) => vec![one],
            None => partitions.to_vec(),
        };
        if let Err(error) = self.tail.start(&partitions, from, ASK) {
            // The broker went away between two questions: look again.
            tracing::debug!("{error}");
            return Ok(());
        }
        if from == Position::Newest {
            self.joining = partitions.iter().copied().collect();
        }
        if let Some(ends) = &mut self.history_ends {
            for &partition in &partitions {
                ends.push((partition, self.tail.bounds(partition, ASK)?.1));
            }
        }
        self.state = State::Reading;
        Ok(())
    }

    fn history_is_read(&self) -> bool {
        self.group.is_none()
            && self.history_ends.as_ref().is_some_and(|ends| {
                ends.iter().all(|(partition, end)| self.tail.position(*partition).is_none_or(|next| next >= *end))
            })
    }

    fn take(&mut self, received: Received) -> anyhow::Result<Arrival> {
        let now = self.clock.now();
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
        let (incoming, base) = self.on_our_clock(incoming, now);
        let result = match incoming {
            Incoming::Foreign(jpeg) => {
                let meta = self.foreign_meta(&received, now);
                self.reassembler.push_foreign(meta, jpeg, self.clock.now()).map(Pushed::Frame)
            }
            own => self.reassembler.push(own, self.clock.now()),
        };
        Ok(match result {
            Ok(Pushed::Nothing) => Arrival::Progress,
            Ok(Pushed::Frame(frame)) => Arrival::Frame(Box::new((frame, base, received))),
            Ok(Pushed::End(ended)) => {
                let Meta { source, session, stamps, .. } = &ended.meta;
                let unseen = self.reassembler.session(source, *session).is_none_or(|s| s.newest_whole().is_none());
                Arrival::Ended { before_us: unseen && stamps.published < self.began, ended }
            }
            Err(why) => self.reject(&received, &why),
        })
    }

    /// The newest record may be in the middle of a frame, or an end without its picture: the frame begins before it.
    fn go_back(&mut self, received: &Received, incoming: &Incoming) -> anyhow::Result<bool> {
        let back = match incoming {
            Incoming::Part(part) => i64::from(part.index),
            Incoming::End(_, _, None) => 1,
            _ => 0,
        };
        if back == 0 || received.offset < back {
            return Ok(false);
        }
        if matches!(incoming, Incoming::End(..)) {
            self.joining.insert(received.partition);
        }
        self.tail.seek(received.partition, received.offset - back)?;
        Ok(true)
    }

    /// Brings the producer's stamps onto this host's clock.
    fn on_our_clock(&self, incoming: Incoming, now: Micros) -> (Incoming, TimeBase) {
        let shift = |mut meta: Meta| {
            let same = meta.origin.boot == self.origin.boot;
            if !same {
                meta.stamps =
                    meta.stamps.shifted(meta.origin.wall_offset_us.saturating_sub(self.origin.wall_offset_us));
            }
            meta.stamps.received = now;
            (meta, if same { TimeBase::SameHost } else { TimeBase::WallClocks })
        };
        match incoming {
            Incoming::Part(mut part) => {
                let base;
                (part.meta, base) = shift(part.meta);
                (Incoming::Part(part), base)
            }
            Incoming::End(meta, end, picture) => {
                let (meta, base) = shift(meta);
                (Incoming::End(meta, end, picture), base)
            }
            foreign @ Incoming::Foreign(_) => (foreign, TimeBase::RecordTimestamps),
        }
    }

    /// All that can be said of a JPEG that came without our headers.
    fn foreign_meta(&self, received: &Received, now: Micros) -> Meta {
        let key = received.record.key.as_deref().filter(|k| !k.is_empty() && k.len() <= record::SOURCE_BYTES_MAX);
        let source = key
            .and_then(|k| std::str::from_utf8(k).ok())
            .filter(|k| !k.contains(char::is_control))
            .map_or_else(|| format!("partition {}", received.partition), str::to_owned);
        let wall_us = received.record.timestamp_ms.unwrap_or(0).saturating_mul(1000);
        let sent = Micros(wall_us.saturating_sub(self.origin.wall_offset_us).max(0) as u64).min(now);
        Meta {
            source: source.into(),
            session: Session { began_ms: 0, salt: 0 },
            frame: 0,
            number: None,
            pts: Duration::ZERO,
            stamps: Stamps {
                due: sent,
                captured: sent,
                encoded: sent,
                published: sent,
                received: now,
                ..Stamps::default()
            },
            origin: self.origin.clone(),
            width: 0,
            height: 0,
            dropped: 0,
        }
    }

    fn reject(&mut self, received: &Received, why: &Rejected) -> Arrival {
        self.rejected += 1;
        if self.rejected <= REJECTIONS_TOLD {
            let Received { record, partition, offset } = received;
            let frame = record.header("frame").map(|f| String::from_utf8_lossy(&f[..f.len().min(20)]).into_owned());
            let frame = frame.map_or(String::new(), |f| format!(" (frame {f})"));
            let last = if self.rejected == REJECTIONS_TOLD { "; further ones are only counted" } else { "" };
            tracing::warn!("{} partition {partition} offset {offset}{frame}: rejected: {why}{last}", self.topic);
        }
        Arrival::Progress
    }
}
