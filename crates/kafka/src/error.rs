//! Errors of a connection or a broker. Each message says what to do.

use common::words::count;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};

#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    #[error(
        "no Kafka answers at {brokers} within {seconds} s ({cause}): is it running there? -b HOST:PORT names another"
    )]
    Unreachable { brokers: String, seconds: u64, cause: String },
    #[error(
        "what listens at {brokers} is no Kafka (or speaks TLS: -X security.protocol=SSL): stop it, or name your Kafka \
         with -b HOST:PORT (vidbroker --listen 127.0.0.1:9192 starts one beside it)"
    )]
    NotKafka { brokers: String },
    /// The program was stopped while it waited.
    #[error("stopped while waiting for {brokers}")]
    Stopped { brokers: String },
    /// No broker could be used in time, and the cause is known.
    #[error("{cause} (gave up after {seconds} s; --timeout)")]
    NoAnswer { seconds: u64, cause: String },
    /// Trying again will not help.
    #[error("{cause}")]
    Denied { cause: String },
    /// There is a connection, but the operation is forbidden.
    #[error("{cause}")]
    Forbidden { cause: String },
    /// The client cannot connect now, and the cause is known.
    #[error("{cause}")]
    NotNow { cause: String },
    #[error("{property} (from -X, -F or our own settings) is not understood: {cause}")]
    Setting { property: String, cause: String },
    #[error("{property} (from {from}) cannot be used here: {why}")]
    Unsupported { property: &'static str, from: &'static str, why: String },
    #[error("topic {topic:?} is no Kafka topic name: use up to 249 letters, digits, '.', '_' and '-'")]
    TopicName { topic: String },
    #[error("topic {topic} does not exist at {brokers}: create it, or omit --no-create")]
    NoTopic { topic: String, brokers: String },
    #[error("topic {topic} at {brokers}: {cause}")]
    Topic { topic: String, brokers: String, cause: String },
    #[error("cannot create topic {topic}: {cause}")]
    Create { topic: String, cause: String },
    #[error("topic {topic} has {}, so there is no partition {partition}", count(*.partitions, "partition"))]
    NoPartition { topic: String, partition: i32, partitions: usize },
    #[error("{path}: {cause}")]
    File { path: String, cause: String },
    #[error("starting the thread that receives delivery reports: {0}")]
    Thread(std::io::Error),
    #[error("{doing}: {cause}")]
    Client { doing: &'static str, cause: ClientError },
}

/// Properties that librdkafka refuses for group.protocol=consumer (KIP-848), because the broker sets these times.
const SET_BY_BROKER: [&str; 2] = ["session.timeout.ms", "heartbeat.interval.ms"];

/// Turns an error of the client configuration into one that names the property.
pub(crate) fn setting(cause: ClientError) -> KafkaError {
    match cause {
        ClientError::ClientConfig(_, cause, property, _) if !property.is_empty() => {
            KafkaError::Setting { property, cause }
        }
        other => {
            let cause = plain(&other);
            let is_named = |property: &str| cause.contains(&format!("`{property}` is not supported"));
            match SET_BY_BROKER.into_iter().find(|property| is_named(property)) {
                Some(property) => KafkaError::Unsupported {
                    property,
                    from: "-X or -F",
                    why: format!("with group.protocol=consumer the broker's group.consumer.{property} counts; omit it"),
                },
                None => KafkaError::Setting { property: "a client property".to_owned(), cause },
            }
        }
    }
}

/// The client's error text without the name of its Rust type.
pub(crate) fn plain(error: &ClientError) -> String {
    match error {
        ClientError::ClientCreation(text) => text.clone(),
        other => match other.rdkafka_error_code() {
            Some(code) => name(code),
            None => other.to_string(),
        },
    }
}

pub(crate) fn name(code: RDKafkaErrorCode) -> String {
    code.to_string().trim_start_matches(|c: char| !c.is_whitespace()).trim_matches([' ', '(', ')']).to_owned()
}
