//! The delivery reports of a publisher's client.

use std::sync::Arc;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, ProducerContext};
use rdkafka::{ClientContext, Message};

use super::unsettled::{Delivery, Unsettled};
use crate::context::Context;
use crate::rights::Right;

pub(super) type DeliveringProducer<T> = BaseProducer<Deliveries<T>>;

/// Settles records by the client's delivery reports.
pub(super) struct Deliveries<T> {
    pub context: Context,
    pub topic: String,
    pub generation: u64,
    pub unsettled: Arc<Unsettled<T>>,
}

impl<T> Deliveries<T> {
    /// The delivery of a record that failed.
    pub fn failed(&self, code: RDKafkaErrorCode) -> Delivery {
        use RDKafkaErrorCode::{ClusterAuthorizationFailed, Fatal, TopicAuthorizationFailed};
        let forbidden = matches!(code, TopicAuthorizationFailed | ClusterAuthorizationFailed)
            || (code == Fatal && self.context.state().may_not_write);
        if !forbidden {
            return code.into();
        }
        let problem = self.context.missing(Right::Write(&self.topic));
        Delivery::Forbidden(problem.sentence.unwrap_or(problem.words))
    }
}

impl<T: Send + Sync + 'static> ClientContext for Deliveries<T> {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log(level, facility, message);
    }

    fn error(&self, error: ClientError, reason: &str) {
        self.context.error(error, reason);
    }

    fn stats_raw(&self, json: &[u8]) {
        self.context.stats_raw(json);
    }
}

impl<T: Send + Sync + 'static> ProducerContext for Deliveries<T> {
    /// Number of the record in [`Unsettled`].
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        match result {
            Ok(message) => self.unsettled.acknowledged(number, message.partition(), message.offset()),
            Err((error, _)) => {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                self.unsettled.failed(self.generation, number, self.failed(code));
            }
        }
    }
}
