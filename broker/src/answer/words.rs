//! Helpers shared by several answers.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::StrBytes;

use crate::topics::NotMade;

/// The error code for success.
pub(crate) const OK: i16 = 0;

pub(crate) fn text(words: &str) -> StrBytes {
    StrBytes::from_string(words.to_owned())
}

pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// Kafka's error code, and a text.
pub(crate) fn not_made(why: &NotMade) -> (i16, String) {
    let code = match why {
        NotMade::Exists => ResponseError::TopicAlreadyExists,
        NotMade::Name => ResponseError::InvalidTopicException,
        NotMade::Partitions => ResponseError::InvalidPartitions,
        NotMade::TooManyTopics(_) | NotMade::TooManyPartitions(_) => ResponseError::PolicyViolation,
    };
    (code.code(), why.to_string())
}
