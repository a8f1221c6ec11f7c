//! Looks up a topic and the leaders of its partitions.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};

use super::Tail;
use crate::causes::ConnectionProblem;
use crate::error::KafkaError;
use crate::rights::Right;

/// The state of a topic before it is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TopicState {
    Topic {
        partitions: Vec<i32>,
    },
    NoTopic,
    /// The topic exists, but at the moment its partitions have no leader.
    NoLeader,
    /// No broker answers, for this reason.
    NoBroker(ConnectionProblem),
}

impl Tail {
    /// Looks up the topic. Waits at most `timeout` for a broker.
    pub fn find(&self, timeout: Duration) -> Result<TopicState, KafkaError> {
        let metadata = self.consumer.fetch_metadata(Some(&self.topic), timeout);
        // librdkafka reports why it cannot connect only when it is polled.
        self.drain_events();
        let metadata = match metadata {
            Ok(metadata) => metadata,
            Err(error) => return self.no_broker(&error),
        };
        self.context.answered();
        let Some(topic) = metadata.topics().first() else { return Ok(TopicState::NoTopic) };
        match topic.error().map(RDKafkaErrorCode::from) {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition) => return Ok(TopicState::NoTopic),
            Some(RDKafkaErrorCode::LeaderNotAvailable) => return Ok(TopicState::NoLeader),
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                let problem = self.context.missing(Right::Read(&self.topic));
                return Err(KafkaError::Forbidden { cause: problem.sentence(&self.brokers) });
            }
            Some(code) => {
                let (topic, brokers) = (self.topic.clone(), self.brokers.clone());
                return Err(KafkaError::Topic { topic, brokers, cause: crate::error::name(code) });
            }
            None => {}
        }
        let led: Vec<i32> = topic.partitions().iter().filter(|p| p.leader() >= 0).map(|p| p.id()).collect();
        Ok(match topic.partitions().len() {
            0 => TopicState::NoTopic,
            all if all > led.len() => TopicState::NoLeader,
            all => {
                self.context.found(all);
                TopicState::Topic { partitions: led }
            }
        })
    }

    fn no_broker(&self, error: &ClientError) -> Result<TopicState, KafkaError> {
        match self.context.checked_problem(&self.connection) {
            Some(problem) if problem.denied => Err(KafkaError::Denied { cause: problem.sentence(&self.brokers) }),
            Some(problem) => Ok(TopicState::NoBroker(problem)),
            None => Ok(TopicState::NoBroker(ConnectionProblem {
                words: crate::error::plain(error),
                ..ConnectionProblem::default()
            })),
        }
    }

    /// Serves the client's log lines and errors. Does so only while nothing is assigned, so no record can be lost among
    /// them.
    pub(super) fn drain_events(&self) {
        if self.next.is_empty() && !self.subscribed {
            // With a timeout of zero, a poll would serve one log line and return.
            while self.consumer.poll(Duration::from_millis(1)).is_some() {}
        }
    }
}
