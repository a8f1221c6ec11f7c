//! How we connect to Kafka: options, settings for live video, topics and their limit, a publisher and a tail.
//!
//! ```text
//! Record ─publish─▶ Publisher ═══▶ broker ═══▶ Tail ─next─▶ Received { record, partition, offset }
//! ```
//! This room knows `common`'s [`Record`](common::record::Record), hands it the client's own figures as
//! [`ClientFacts`](common::explain::ClientFacts), and knows nothing else of video.

mod admin;
mod causes;
mod connections;
mod context;
mod convert;
mod diagnosis;
mod error;
mod options;
mod presence;
mod properties;
mod publisher;
mod rights;
mod settings;
mod statistics;
mod tail;
mod watch;
mod watchdog;

pub use self::admin::{Admin, Created, NewTopic, Patience, TopicSummary, check_topic_name};
pub use self::causes::Trouble;
pub use self::error::KafkaFault;
pub use self::options::{Connection, DEFAULT_BROKERS, KafkaArgs, topic_name};
pub use self::presence::{Presence, presence};
pub use self::publisher::{Delivery, Publisher, PublisherSettings};
pub use self::settings::Waiting;
pub use self::statistics::Facts;
pub use self::tail::{Event, Found, Position, Received, Tail};

/// Whose figures a latency also is.
pub fn versions() -> std::collections::BTreeMap<String, String> {
    [("librdkafka".to_owned(), rdkafka::util::get_rdkafka_version().1)].into()
}
