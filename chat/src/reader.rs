//! Reads the chat: what the topic holds already, then what is written.
//!
//! ```text
//! looking for the topic ─found─▶ history (held in a Backlog unless it can be passed on at once) ─▶ live
//!          ▲                                                                                        │
//!          └────────────────────────────────── the topic is gone ◀──────────────────────────────────┘
//! ```

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use common::time::{Clock, Micros};
use kafka::{Event, KafkaError, Position, Tail, TopicState};

use crate::backlog::Backlog;
use crate::here::{HERE_FOR, HereList};
use crate::message::ChatMessage;
use crate::options::ChatOptions;

/// Timeout of a request for the topic.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(500);
/// Timeout of the requests for where to begin.
const START_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between two requests for a topic that is missing.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Time of silence after which the topic is checked. There is no event when a topic is deleted.
const CHECK_EVERY: Duration = Duration::from_secs(2);
/// Number of checks in a row that must miss the topic, because a broker that has just started may not know all its topics.
const MISSED_MAX: u32 = 2;
/// Largest history of several partitions, which must be held as a whole to be put in order.
const HISTORY_MAX: usize = 100_000;
/// Number of ids that are kept to recognise messages that were written twice. After an outage, what many writers had waiting
/// may lie between the two.
const IDS_MAX: usize = 32_768;

/// Where reading begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChatStart {
    Beginning,
    /// At the last messages.
    Last(usize),
}

/// The result of a call of [`ChatReader::next`].
#[derive(Clone, PartialEq, Debug)]
pub enum ChatEvent {
    Message(ChatMessage),
    /// All that the topic held when reading began has been passed on; what follows is new.
    CaughtUp,
    /// The topic does not exist, or no broker answers, for this reason.
    Waiting(String),
    /// The topic was deleted.
    Gone,
    Nothing,
}

/// The reason why the chat cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    #[error("{0}")]
    Refused(String),
}

/// How far reading has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    History,
    /// All that the topic held has been read; some of it may have to be passed on yet.
    HistoryRead,
    Live,
}

/// Reads the messages of all partitions.
#[derive(Debug)]
pub struct ChatReader {
    tail: Tail,
    options: ChatOptions,
    start: ChatStart,
    reading: bool,
    /// Number of answers in a row that there is no such topic.
    missed: u32,
    phase: Phase,
    /// Holds the history, unless it is passed on at once.
    backlog: Option<Backlog>,
    /// Messages to pass on, in order.
    ready: VecDeque<ChatMessage>,
    here: HereList,
    ids: RecentIds,
    next_look: Micros,
    /// Problems logged since the last message.
    logged: BTreeSet<String>,
    clock: Arc<dyn Clock>,
}

impl ChatReader {
    /// Makes a reader, which connects in the background.
    pub fn new(options: &ChatOptions, start: ChatStart, clock: Arc<dyn Clock>) -> Result<ChatReader, KafkaError> {
        let ChatOptions { reading, client_id, topic, .. } = options;
        Ok(ChatReader {
            tail: Tail::new(reading, client_id, topic, None, Position::Beginning, clock.clone())?,
            options: options.clone(),
            start,
            reading: false,
            missed: 0,
            phase: Phase::History,
            backlog: None,
            ready: VecDeque::new(),
            here: HereList::default(),
            ids: RecentIds::default(),
            next_look: clock.now(),
            logged: BTreeSet::new(),
            clock,
        })
    }

    /// The next event. Waits for it, for about `wait` at most.
    pub fn next(&mut self, wait: Duration) -> Result<ChatEvent, ChatError> {
        if let Some(message) = self.ready.pop_front() {
            return Ok(ChatEvent::Message(message));
        }
        if self.phase == Phase::HistoryRead {
            self.phase = Phase::Live;
            return Ok(ChatEvent::CaughtUp);
        }
        if !self.reading {
            self.tail.renew_if_stuck();
            return self.look(wait);
        }
        if self.phase == Phase::History && self.tail.caught_up() {
            self.end_history();
            return Ok(ChatEvent::Nothing);
        }
        self.tail.read_new_partitions();
        match self.tail.next(wait) {
            Event::Record(received) => {
                self.logged.clear();
                self.missed = 0;
                self.next_look = self.clock.now().plus(CHECK_EVERY);
                return Ok(self.take(ChatMessage::read(&received)));
            }
            Event::Nothing => return self.check_topic(),
            // After the last message there may be records that are not for readers, such as those of transactions.
            Event::End if self.phase == Phase::History => self.end_history(),
            Event::End => {}
            Event::TopicRecreated => return Ok(self.gone()),
            // This is a reason to check the topic, but no proof.
            Event::Missing => {
                let soon = self.clock.now().plus(LOOK_EVERY);
                self.next_look = self.next_look.min(soon);
            }
            Event::Moved { partition } => tracing::warn!(
                event = "records_gone",
                topic = self.options.topic,
                partition,
                "partition {partition}: the next messages are no longer kept; continuing with the oldest ones that are"
            ),
            Event::Forbidden { problem, had: false } => {
                return Err(ChatError::Refused(problem.sentence(&self.options.reading.brokers)));
            }
            Event::Forbidden { problem, had: true } => self.log(problem.sentence(&self.options.reading.brokers)),
            Event::Refused(words) => return Err(ChatError::Refused(words)),
            Event::ConnectionProblem(words) => self.log(words),
        }
        Ok(ChatEvent::Nothing)
    }

    /// The names of those who are here, by the messages read so far.
    pub fn here(&self) -> Vec<&str> {
        self.here.names(self.now_ms())
    }

    /// The reason why no broker answers now; `None` while one does.
    pub fn cause(&self) -> Option<String> {
        self.tail.cause()
    }

    /// True if a broker has answered that there is no such topic, and meant it.
    pub fn is_missing(&self) -> bool {
        self.missed >= MISSED_MAX
    }

    fn take(&mut self, message: ChatMessage) -> ChatEvent {
        self.here.observe(&message, self.now_ms());
        if !self.ids.is_new(message.id.as_deref()) {
            tracing::debug!("{} [{}] {} was written before", self.options.topic, message.partition, message.offset);
            return ChatEvent::Nothing;
        }
        match &mut self.backlog {
            Some(backlog) => {
                backlog.push(message);
                ChatEvent::Nothing
            }
            None => ChatEvent::Message(message),
        }
    }

    fn look(&mut self, wait: Duration) -> Result<ChatEvent, ChatError> {
        let now = self.clock.now();
        if now < self.next_look {
            self.clock.sleep_until(self.next_look.min(now.plus(wait)));
            return Ok(ChatEvent::Nothing);
        }
        self.next_look = now.plus(LOOK_EVERY);
        let why = match self.tail.find(REQUEST_TIMEOUT)? {
            TopicState::Topic { partitions } => match self.begin(&partitions) {
                Ok(()) => return Ok(ChatEvent::Nothing),
                Err(error @ (KafkaError::Denied { .. } | KafkaError::Forbidden { .. })) => return Err(error.into()),
                Err(error) => error.to_string(),
            },
            TopicState::NoTopic => {
                self.missed += 1;
                // Whatever the topic will hold is newer than our start.
                self.start = ChatStart::Beginning;
                format!("no topic {} at {} yet", self.options.topic, self.options.reading.brokers)
            }
            TopicState::NoLeader => {
                format!("topic {} at {} has no leader now", self.options.topic, self.options.reading.brokers)
            }
            TopicState::NoBroker(problem) => problem.sentence(&self.options.reading.brokers),
        };
        Ok(ChatEvent::Waiting(why))
    }

    fn begin(&mut self, partitions: &[i32]) -> Result<(), KafkaError> {
        let since_ms = self.now_ms() - HERE_FOR.as_millis() as i64;
        let (position, keep) = match self.start {
            ChatStart::Beginning => (Position::Beginning, (partitions.len() > 1).then_some(HISTORY_MAX)),
            // The list of those who are here needs the last ten minutes, even if fewer messages are wanted.
            ChatStart::Last(n) => (Position::LastOrTime { records: n as i64, ms: since_ms }, Some(n)),
        };
        self.tail.start(partitions, position, START_TIMEOUT)?;
        self.backlog = keep.filter(|_| self.phase == Phase::History).map(Backlog::new);
        self.next_look = self.clock.now().plus(CHECK_EVERY);
        (self.reading, self.missed) = (true, 0);
        Ok(())
    }

    fn end_history(&mut self) {
        self.release_backlog();
        self.phase = Phase::HistoryRead;
    }

    fn release_backlog(&mut self) {
        self.ready.extend(self.backlog.take().into_iter().flat_map(Backlog::in_order));
    }

    fn check_topic(&mut self) -> Result<ChatEvent, ChatError> {
        let now = self.clock.now();
        if now < self.next_look {
            return Ok(ChatEvent::Nothing);
        }
        self.next_look = now.plus(CHECK_EVERY);
        // Without an answer nothing is known.
        let is_missing = matches!(self.tail.find(REQUEST_TIMEOUT), Ok(TopicState::NoTopic));
        self.missed = if is_missing { self.missed + 1 } else { 0 };
        Ok(if self.is_missing() { self.gone() } else { ChatEvent::Nothing })
    }

    fn gone(&mut self) -> ChatEvent {
        tracing::warn!(
            event = "topic_gone",
            topic = self.options.topic,
            "topic {} is gone: waiting for it",
            self.options.topic
        );
        self.tail.stop();
        self.release_backlog();
        (self.reading, self.start) = (false, ChatStart::Beginning);
        self.next_look = self.clock.now().plus(LOOK_EVERY);
        ChatEvent::Gone
    }

    fn log(&mut self, words: String) {
        if !self.logged.contains(&words) {
            tracing::warn!(event = "trouble", topic = self.options.topic, "{words}; trying again");
            self.logged.insert(words);
        }
    }

    fn now_ms(&self) -> i64 {
        (self.clock.wall_us() / 1000) as i64
    }
}

/// The ids of the last messages. A client that lost its broker may write a message twice.
#[derive(Debug, Default)]
struct RecentIds {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl RecentIds {
    fn is_new(&mut self, id: Option<&str>) -> bool {
        // Messages of other clients have no id.
        let Some(id) = id else { return true };
        if !self.known.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > IDS_MAX {
            self.order.pop_front().map(|oldest| self.known.remove(&oldest));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_was_written_twice_is_read_once() {
        let mut ids = RecentIds::default();
        assert!(ids.is_new(Some("a-1")) && ids.is_new(None) && ids.is_new(Some("a-2")) && ids.is_new(None));
        assert!(!ids.is_new(Some("a-1")));
        for n in 0..IDS_MAX {
            assert!(ids.is_new(Some(&format!("b-{n}"))));
        }
        assert_eq!((ids.known.len(), ids.order.len()), (IDS_MAX, IDS_MAX));
    }
}
