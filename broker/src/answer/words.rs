//! Texts, errors and refusals that several answers share.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::TopicName;
use kafka_protocol::messages::produce_response::BatchIndexAndErrorMessage;
use kafka_protocol::protocol::StrBytes;

use crate::topics::NotMade;

/// The error code for success.
pub(crate) const OK: i16 = 0;
pub const NO_TRANSACTIONS: &str = "this broker has no transactions: that needs Apache Kafka";

/// The reason why a request, or a part of it, is refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub error: ResponseError,
    pub words: String,
    /// The records to blame, if they are known.
    pub records: Vec<BatchIndexAndErrorMessage>,
}

impl Refusal {
    pub fn new(error: ResponseError, words: impl Into<String>) -> Refusal {
        Refusal { error, words: words.into(), records: Vec::new() }
    }
}

/// The error code and the message of an answer.
pub fn code_and_message(outcome: Result<(), Refusal>) -> (i16, Option<StrBytes>) {
    match outcome {
        Ok(()) => (OK, None),
        Err(refusal) => (refusal.error.code(), Some(text(&refusal.words))),
    }
}

pub(crate) fn text(words: &str) -> StrBytes {
    StrBytes::from_string(words.to_owned())
}

pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

pub fn not_made(why: &NotMade) -> Refusal {
    let error = match why {
        NotMade::Exists => ResponseError::TopicAlreadyExists,
        NotMade::Name => ResponseError::InvalidTopicException,
        NotMade::Partitions => ResponseError::InvalidPartitions,
        NotMade::TooManyTopics(_) | NotMade::TooManyPartitions(_) => ResponseError::PolicyViolation,
    };
    Refusal::new(error, why.to_string())
}
