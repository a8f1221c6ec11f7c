//! The reasons why reading ends.

use std::time::Duration;

use kafka::KafkaError;

/// The reason why reading cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The client or the broker refuses.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// We have no right to read, or the group does not accept this member.
    #[error("{0}")]
    Refused(String),
    /// There is no such partition.
    #[error("topic {topic} has no partition {partition} (it has {partitions})")]
    NoPartition {
        /// Name of the topic.
        topic: String,
        /// The requested partition.
        partition: i32,
        /// Number of its partitions.
        partitions: usize,
    },
    /// Broker or topic were not there in time.
    #[error("{why} (gave up after {} s; --timeout)", timeout.as_secs_f64())]
    GaveUp {
        /// The thing that is missing, in words, as in `no broker at localhost:9092`.
        why: String,
        /// The requested timeout.
        timeout: Duration,
    },
}
