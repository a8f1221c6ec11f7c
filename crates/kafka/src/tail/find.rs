//! Looks up a topic and the leaders of its partitions.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::Tail;
use crate::causes::Trouble;
use crate::error::KafkaFault;
use crate::rights::Right;

/// The state of a topic before it is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    Topic {
        partitions: Vec<i32>,
    },
    NoTopic,
    /// The topic exists, but at the moment its partitions have no leader.
    NoLeader,
    /// No broker answers, for this reason.
    NoBroker(Trouble),
}

impl Tail {
    /// Looks up the topic. Waits at most `timeout` for a broker.
    pub fn find(&self, timeout: Duration) -> Result<Found, KafkaFault> {
        let metadata = self.consumer.fetch_metadata(Some(&self.topic), timeout);
        // librdkafka reports why it cannot connect only when it is polled.
        self.hear_out();
        let metadata = match metadata {
            Ok(metadata) => metadata,
            Err(error) => return self.no_broker(&error),
        };
        self.ears.answered();
        let Some(topic) = metadata.topics().first() else { return Ok(Found::NoTopic) };
        match topic.error().map(RDKafkaErrorCode::from) {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition) => return Ok(Found::NoTopic),
            Some(RDKafkaErrorCode::LeaderNotAvailable) => return Ok(Found::NoLeader),
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                let trouble = self.ears.missing(Right::Read { topic: &self.topic });
                return Err(KafkaFault::Forbidden { cause: trouble.sentence(&self.brokers) });
            }
            Some(code) => {
                let (topic, brokers) = (self.topic.clone(), self.brokers.clone());
                return Err(KafkaFault::Topic { topic, brokers, cause: crate::error::name(code) });
            }
            None => {}
        }
        let led: Vec<i32> = topic.partitions().iter().filter(|p| p.leader() >= 0).map(|p| p.id()).collect();
        Ok(match topic.partitions().len() {
            0 => Found::NoTopic,
            all if all > led.len() => Found::NoLeader,
            all => {
                self.ears.found(all);
                Found::Topic { partitions: led }
            }
        })
    }

    fn no_broker(&self, error: &KafkaError) -> Result<Found, KafkaFault> {
        match self.ears.checked_trouble(&self.connection) {
            Some(trouble) if trouble.denied => Err(KafkaFault::Denied { cause: trouble.sentence(&self.brokers) }),
            Some(trouble) => Ok(Found::NoBroker(trouble)),
            None => Ok(Found::NoBroker(Trouble { words: crate::error::plain(error), ..Trouble::default() })),
        }
    }

    /// Serves the client's log lines and errors. Does so only while nothing is assigned, so no record can be lost among
    /// them.
    pub(super) fn hear_out(&self) {
        if self.next.is_empty() && !self.subscribed {
            // With a timeout of zero, a poll would serve one log line and return.
            while self.consumer.poll(Duration::from_millis(1)).is_some() {}
        }
    }
}
