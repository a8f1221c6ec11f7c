//! Waits for the topic to be there, and says so once.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use common::clock::{Clock, Micros};
use kafka::{Connection, Found, KafkaFault, Position, Presence, Tail};

/// How long a look for the topic may hold up everything else.
pub const LOOK: Duration = Duration::from_millis(100);
/// Where no broker answers in that time, the next look waits twice as long, up to this: the broker may be far away.
const LOOK_MAX: Duration = Duration::from_millis(800);
/// Between two questions who is there.
const ASK_WHO_EVERY: Duration = Duration::from_secs(1);
/// A wait for a broker that is no longer than that is not logged.
const UNREMARKABLE: Duration = Duration::from_secs(1);
/// Between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Awaited {
    Broker,
    Leader,
    Topic,
    /// The broker is there, and why we cannot use it is known.
    Access,
}

impl Awaited {
    /// A line for the log: `why` it is not there, and what happens now.
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
    /// Nobody named them: who is there may be anybody.
    usual: bool,
    /// Who is there, as far as that was asked, and when it is asked next.
    who: Option<Presence>,
    ask_who_at: Micros,
    /// Give up after that long.
    timeout: Option<Duration>,
    since: Micros,
    next_look: Micros,
    /// How long the next look waits for an answer.
    patience: Duration,
    said: Option<Awaited>,
    /// The topic was read before it went away.
    had_been_there: bool,
    /// Why the topic is not being read.
    why: Option<String>,
    /// Where to begin once it is there.
    from: Position,
    /// It was looked for and not there: what comes, comes while we wait for it.
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
            usual: connection.is_usual(),
            who: None,
            ask_who_at: now,
            timeout,
            since: now,
            next_look: now,
            patience: LOOK,
            said: None,
            had_been_there: false,
            why: None,
            from,
            was_missing: false,
            clock,
        }
    }

    /// Looks for a topic that went away under us; that it did was said already.
    pub fn again(&mut self) {
        let now = self.clock.now();
        (self.since, self.next_look, self.said) = (now, now.plus(BETWEEN_LOOKS), Some(Awaited::Topic));
        self.had_been_there = true;
        (self.from, self.was_missing) = (Position::Beginning, true);
        self.why = Some(format!("topic {} is gone", self.topic));
    }

    /// Why the topic is not being read, as far as that is known.
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// The partitions, if the topic is there. Takes no longer than `at_most`, or than one look.
    pub fn look(&mut self, tail: &Tail, at_most: Duration) -> anyhow::Result<Option<Vec<i32>>> {
        let now = self.clock.now();
        if now < self.next_look {
            self.clock.sleep_until(self.next_look.min(now.plus(at_most)));
            return Ok(None);
        }
        let found = match tail.find(self.patience) {
            Ok(found) => found,
            Err(fault) => {
                self.refused(fault)?;
                return Ok(None);
            }
        };
        let silent = matches!(found, Found::NoBroker(_));
        self.patience = if silent { (2 * self.patience).min(LOOK_MAX) } else { LOOK };
        let (missing, what) = match found {
            Found::Topic { partitions } => return Ok(Some(partitions)),
            Found::NoTopic => {
                // None of what comes now is to be missed.
                (self.from, self.was_missing) = (Position::Beginning, true);
                (format!("no topic {} at {} yet", self.topic, self.brokers), Awaited::Topic)
            }
            Found::NoLeader => (format!("topic {} at {} has no leader now", self.topic, self.brokers), Awaited::Leader),
            Found::NoBroker(mut trouble) => {
                let hint = match self.ask_who_is_there()? {
                    Some(Presence::Nobody) => "; vidprod brings one with it",
                    Some(Presence::Silent) => "; something listens there and does not answer",
                    _ => "",
                };
                trouble.words.push_str(hint);
                let what = if trouble.sentence.is_some() { Awaited::Access } else { Awaited::Broker };
                (trouble.sentence(&self.brokers), what)
            }
        };
        self.not_yet(&missing, what)?;
        Ok(None)
    }

    /// A broker that refuses us does so again, which ends the program, unless it had let us read.
    pub fn refused(&mut self, fault: KafkaFault) -> anyhow::Result<()> {
        if self.had_been_there { self.not_yet(&fault.to_string(), Awaited::Access) } else { Err(fault.into()) }
    }

    /// A web server at Kafka's usual place looks to the client like a broker that will come: it is asked, now and then.
    fn ask_who_is_there(&mut self) -> anyhow::Result<Option<Presence>> {
        let now = self.clock.now();
        if self.usual && now >= self.ask_who_at {
            self.ask_who_at = now.plus(ASK_WHO_EVERY);
            self.who = Some(kafka::presence(&self.brokers, LOOK));
        }
        match self.who {
            Some(Presence::Stranger) => Err(KafkaFault::Stranger { brokers: self.brokers.clone() }.into()),
            who => Ok(who),
        }
    }

    /// Says once of each thing that is missing that it is waited for; fails when it has waited long enough.
    pub fn not_yet(&mut self, why: &str, what: Awaited) -> anyhow::Result<()> {
        let now = self.clock.now();
        self.next_look = now.plus(BETWEEN_LOOKS);
        self.why = Some(why.to_owned());
        if let Some(timeout) = self.timeout.filter(|t| now.since(self.since) >= *t) {
            bail!("{why} (gave up after {} s; --timeout)", timeout.as_secs_f64());
        }
        // A broker answers, and a leader is there, a moment after we come: that is nothing to speak of.
        let patience = if what == Awaited::Topic { LOOK } else { UNREMARKABLE };
        if self.said != Some(what) && now.since(self.since) > patience {
            self.said = Some(what);
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
    use common::clock::ManualClock;

    use super::*;

    #[test]
    fn a_broker_that_answers_within_a_second_is_not_spoken_of() {
        let check = |what, waited_ms: u64, said| {
            let clock = Arc::new(ManualClock::default());
            let connection = Connection { brokers: "h:1".to_owned(), named: true, properties: Default::default() };
            let mut search = Search::new("video", &connection, None, Position::Newest, clock.clone());
            clock.advance(Duration::from_millis(waited_ms));
            search.not_yet("why", what).expect("there is no --timeout");
            assert_eq!(search.said.is_some(), said, "{what:?} {waited_ms}");
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
