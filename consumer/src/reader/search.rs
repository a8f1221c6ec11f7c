//! Waits until the topic exists, and logs that once.

use std::sync::Arc;
use std::time::Duration;

use common::time::{Clock, Micros};
use kafka::{Connection, KafkaError, Position, ServerKind, Tail, TopicState};

use super::error::ReadError;

/// Timeout of a request for the topic. Meanwhile nothing else is done.
pub const REQUEST_TIMEOUT: Duration = Duration::from_millis(100);
/// Longest timeout of such a request. The timeout is doubled up to this after each request without an answer, because
/// the broker may be far away.
const REQUEST_TIMEOUT_MAX: Duration = Duration::from_millis(800);
/// Interval at which the server at Kafka's usual address is probed.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// A shorter wait for a broker is not logged.
const QUIET_WAIT: Duration = Duration::from_secs(1);
/// Time between two requests for the topic.
const REQUEST_EVERY: Duration = Duration::from_millis(50);

/// The missing thing that the search waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Awaited {
    Broker,
    Leader,
    Topic,
    /// The broker answers, but we cannot use it for a known reason.
    Access,
}

impl Awaited {
    /// A log line: `why` it is missing, and what happens now.
    fn line(self, why: &str) -> String {
        match self {
            Awaited::Access => format!("{why}; trying again"),
            Awaited::Broker | Awaited::Leader | Awaited::Topic => format!("{why}: waiting for it"),
        }
    }
}

#[derive(Debug)]
pub struct Search {
    topic: String,
    brokers: String,
    /// True if the user named no brokers, so that any server may be there.
    is_default_broker: bool,
    /// The kind of server at the address, if it was probed, and the time of the next probe.
    server: Option<ServerKind>,
    next_probe: Micros,
    /// Time after which the search fails.
    timeout: Option<Duration>,
    since: Micros,
    next_request: Micros,
    /// Timeout of the next request.
    request_timeout: Duration,
    logged: Option<Awaited>,
    /// True if the topic was read before it disappeared.
    was_read: bool,
    /// The reason why the topic is not being read.
    why: Option<String>,
    /// The position at which to begin once the topic exists.
    from: Position,
    /// True if the topic was missing at first, so all its records are newer than our start.
    was_missing: bool,
    clock: Arc<dyn Clock>,
}

impl Search {
    pub fn new(
        topic: &str,
        connection: &Connection,
        timeout: Option<Duration>,
        from: Position,
        clock: Arc<dyn Clock>,
    ) -> Search {
        let now = clock.now();
        Search {
            topic: topic.to_owned(),
            brokers: connection.brokers.clone(),
            is_default_broker: connection.uses_default_broker(),
            server: None,
            next_probe: now,
            timeout,
            since: now,
            next_request: now,
            request_timeout: REQUEST_TIMEOUT,
            logged: None,
            was_read: false,
            why: None,
            from,
            was_missing: false,
            clock,
        }
    }

    /// Searches for a topic that disappeared while it was read, which was logged already.
    pub fn again(&mut self) {
        let now = self.clock.now();
        (self.since, self.next_request, self.logged) = (now, now.plus(REQUEST_EVERY), Some(Awaited::Topic));
        self.was_read = true;
        (self.from, self.was_missing) = (Position::Beginning, true);
        self.why = Some(format!("topic {} is gone", self.topic));
    }

    /// The reason why the topic is not being read, if known.
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// The partitions, if the topic exists. Takes at most `at_most`, or the time of one request.
    pub fn look(&mut self, tail: &Tail, at_most: Duration) -> Result<Option<Vec<i32>>, ReadError> {
        let now = self.clock.now();
        if now < self.next_request {
            self.clock.sleep_until(self.next_request.min(now.plus(at_most)));
            return Ok(None);
        }
        let found = match tail.find(self.request_timeout) {
            Ok(found) => found,
            Err(fault) => {
                self.refused(fault)?;
                return Ok(None);
            }
        };
        let silent = matches!(found, TopicState::NoBroker(_));
        self.request_timeout =
            if silent { (2 * self.request_timeout).min(REQUEST_TIMEOUT_MAX) } else { REQUEST_TIMEOUT };
        let (missing, what) = match found {
            TopicState::Topic { partitions } => return Ok(Some(partitions)),
            TopicState::NoTopic => {
                // All records that are published from now on must be read.
                (self.from, self.was_missing) = (Position::Beginning, true);
                (format!("no topic {} at {} yet", self.topic, self.brokers), Awaited::Topic)
            }
            TopicState::NoLeader => {
                (format!("topic {} at {} has no leader now", self.topic, self.brokers), Awaited::Leader)
            }
            TopicState::NoBroker(mut problem) => {
                let hint = match self.probe()? {
                    Some(ServerKind::Nobody) => "; vidprod brings one with it",
                    Some(ServerKind::Silent) => "; something listens there and does not answer",
                    _ => "",
                };
                problem.words.push_str(hint);
                let what = if problem.sentence.is_some() { Awaited::Access } else { Awaited::Broker };
                (problem.sentence(&self.brokers), what)
            }
        };
        self.keep_waiting(&missing, what)?;
        Ok(None)
    }

    /// Fails if a broker refuses us, because it would do so again. If it had let us read before, this waits instead.
    pub fn refused(&mut self, fault: KafkaError) -> Result<(), ReadError> {
        if self.was_read { self.keep_waiting(&fault.to_string(), Awaited::Access) } else { Err(fault.into()) }
    }

    /// Probes Kafka's usual address once a second. To the client, a web server there looks like a broker that is
    /// starting.
    fn probe(&mut self) -> Result<Option<ServerKind>, ReadError> {
        let now = self.clock.now();
        if self.is_default_broker && now >= self.next_probe {
            self.next_probe = now.plus(PROBE_EVERY);
            self.server = Some(kafka::probe_server(&self.brokers, REQUEST_TIMEOUT));
        }
        match self.server {
            Some(ServerKind::Other) => Err(KafkaError::NotKafka { brokers: self.brokers.clone() }.into()),
            server => Ok(server),
        }
    }

    /// Logs once for each kind of missing thing that vidcons waits for it. Fails when the timeout is over.
    pub fn keep_waiting(&mut self, why: &str, what: Awaited) -> Result<(), ReadError> {
        let now = self.clock.now();
        self.next_request = now.plus(REQUEST_EVERY);
        self.why = Some(why.to_owned());
        if let Some(timeout) = self.timeout.filter(|t| now.since(self.since) >= *t) {
            return Err(ReadError::GaveUp { why: why.to_owned(), timeout });
        }
        // Normally a broker answers, and a leader exists, after a moment. Such a wait is not logged.
        let patience = if what == Awaited::Topic { REQUEST_TIMEOUT } else { QUIET_WAIT };
        if self.logged != Some(what) && now.since(self.since) > patience {
            self.logged = Some(what);
            tracing::info!(event = "waiting", topic = self.topic, brokers = self.brokers, "{}", what.line(why));
        }
        Ok(())
    }

    pub fn from(&self) -> Position {
        self.from
    }

    pub fn was_missing(&self) -> bool {
        self.was_missing
    }
}

#[cfg(test)]
mod tests {
    use common::time::ManualClock;

    use super::*;

    #[test]
    fn a_wait_of_less_than_a_second_for_a_broker_is_not_logged() {
        let check = |what, waited_ms: u64, logged| {
            let clock = Arc::new(ManualClock::default());
            let connection = Connection { brokers: "h:1".to_owned(), named: true, properties: Default::default() };
            let mut search = Search::new("video", &connection, None, Position::Newest, clock.clone());
            clock.advance(Duration::from_millis(waited_ms));
            search.keep_waiting("why", what).expect("there is no --timeout");
            assert_eq!(search.logged.is_some(), logged, "{what:?} {waited_ms}");
        };
        check(Awaited::Broker, 900, false);
        check(Awaited::Broker, 1100, true);
        check(Awaited::Leader, 900, false);
        check(Awaited::Topic, 900, true);
    }

    #[test]
    fn a_right_is_tried_again_and_a_topic_is_waited_for() {
        let check = |what: Awaited, expected| assert_eq!(what.line("why"), expected);
        check(Awaited::Topic, "why: waiting for it");
        check(Awaited::Broker, "why: waiting for it");
        check(Awaited::Access, "why; trying again");
    }
}
