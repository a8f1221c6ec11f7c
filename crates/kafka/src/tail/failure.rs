//! Handles the errors of a tail's client.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};

use super::event::Event;
use super::{Position, Tail};
use crate::refusal;
use crate::rights::Right;

impl Tail {
    pub(super) fn problem(&mut self, error: &ClientError, timeout: Duration) -> Event {
        // A fatal error has a code that only means "fatal"; the client has the reason.
        let fatal = self.consumer.client().fatal_error();
        let code = fatal.as_ref().map(|(code, _)| *code).or_else(|| error.rdkafka_error_code());
        match code {
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition,
            ) => Event::Missing,
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => self.reset(timeout),
            // Brokers are unreachable or refuse us; the client tries again.
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::SSL
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::SaslAuthenticationFailed,
            ) => Event::ConnectionProblem(
                self.context.problem().map_or_else(|| crate::error::plain(error), |t| t.sentence(&self.brokers)),
            ),
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => self.forbidden(Right::Read(&self.topic)),
            Some(RDKafkaErrorCode::GroupAuthorizationFailed) => match &self.group {
                Some(group) => self.forbidden(Right::Join(group)),
                // librdkafka looks for a group's coordinator even without a group.
                None => Event::Nothing,
            },
            Some(RDKafkaErrorCode::InconsistentGroupProtocol) => {
                let group = self.group.as_deref().unwrap_or_default();
                Event::ConnectionProblem(refusal::other_protocol(group, &self.brokers))
            }
            _ => match fatal {
                Some((code, said)) => {
                    let group = self.group.as_deref().unwrap_or_default();
                    Event::Refused(refusal::words(code, &said, group, &self.brokers))
                }
                None => Event::ConnectionProblem(format!("{}: {}", self.brokers, crate::error::plain(error))),
            },
        }
    }

    fn forbidden(&self, right: Right<'_>) -> Event {
        Event::Forbidden { problem: self.context.missing(right), had: self.allowed }
    }

    /// Handles an offset that is out of range: retention has removed it, or the topic was created again.
    pub(super) fn reset(&mut self, timeout: Duration) -> Event {
        let wait = timeout.max(Duration::from_millis(200));
        self.out_of_range = true;
        self.read_before.clear();
        for (partition, next) in self.next.clone() {
            let (low, high) = match self.ask_bounds(partition, wait) {
                Ok(bounds) => bounds,
                Err(error) => return Event::ConnectionProblem(error.to_string()),
            };
            if next > high {
                return Event::TopicRecreated;
            }
            if next < low {
                let offset = if self.fallback == Position::Newest { (high - 1).max(low) } else { low };
                self.bounds.insert(partition, (low, high));
                return match self.seek(partition, offset) {
                    Ok(()) => Event::Moved { partition },
                    Err(error) => Event::ConnectionProblem(error.to_string()),
                };
            }
        }
        match self.assign() {
            Ok(()) => Event::Nothing,
            Err(error) => Event::ConnectionProblem(error.to_string()),
        }
    }
}
