//! What several answers say alike.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::StrBytes;

use crate::topics::NotMade;

/// No error, on the wire.
pub(crate) const OK: i16 = 0;

pub(crate) fn text(words: &str) -> StrBytes {
    StrBytes::from_string(words.to_owned())
}

pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// Kafka's code for it, and words for who reads them.
pub(crate) fn not_made(why: &NotMade) -> (i16, &'static str) {
    match why {
        NotMade::Exists => (ResponseError::TopicAlreadyExists.code(), "a topic of that name exists"),
        NotMade::Name => (
            ResponseError::InvalidTopicException.code(),
            "a topic's name has 1 to 249 letters, digits, '.', '_' or '-', and is not '.' or '..'",
        ),
        NotMade::Partitions => {
            (ResponseError::InvalidPartitions.code(), "that is no number of partitions it could have")
        }
        NotMade::TooMany => (
            ResponseError::PolicyViolation.code(),
            "this broker takes no more topics or partitions: delete some, or use Apache Kafka",
        ),
    }
}
