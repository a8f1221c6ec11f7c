//! The result of sending a record.

use rdkafka::error::RDKafkaErrorCode;

use crate::error::name;

/// The result of sending a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    Acknowledged,
    /// The client dropped it, because it waited too long or the program ended.
    Late,
    /// The topic does not exist.
    NoTopic,
    /// It exceeds the limit of the topic, the broker or the client.
    TooLarge,
    /// The broker or the client refused it, for this reason.
    Refused(String),
    /// We have no right to write to this topic. The text names the right, and the command that grants it.
    Forbidden(String),
}

impl From<RDKafkaErrorCode> for Delivery {
    fn from(code: RDKafkaErrorCode) -> Delivery {
        match code {
            RDKafkaErrorCode::MessageTimedOut | RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight => {
                Delivery::Late
            }
            RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition => Delivery::NoTopic,
            RDKafkaErrorCode::MessageSizeTooLarge => Delivery::TooLarge,
            code => Delivery::Refused(name(code)),
        }
    }
}
