//! Texts, errors and refusals that several answers share.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::TopicName;
use kafka_protocol::messages::produce_response::BatchIndexAndErrorMessage;
use kafka_protocol::protocol::StrBytes;

use crate::topics::NotMade;

/// The error code for success.
pub(crate) const OK: i16 = 0;

/// The reason why a partition's part of a request is refused.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub code: ResponseError,
    pub words: String,
    /// The records to blame, if they are known.
    pub records: Vec<BatchIndexAndErrorMessage>,
}

impl From<(ResponseError, String)> for Refusal {
    fn from((code, words): (ResponseError, String)) -> Refusal {
        Refusal { code, words, records: Vec::new() }
    }
}

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
