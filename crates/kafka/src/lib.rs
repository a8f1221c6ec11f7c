//! Connecting to Kafka: options, settings for live video, topics and their limit, a publisher and a tail.
//!
//! ```text
//! Record ─publish─▶ Publisher ═══▶ broker ═══▶ Tail ─next─▶ Received { record, partition, offset }
//! ```
//! This crate uses `common`'s [`Record`](common::wire::Record) and provides the client's figures as
//! [`ClientFacts`](common::report::ClientFacts). It knows nothing else of video.

mod admin;
mod causes;
mod connections;
mod context;
mod convert;
mod diagnosis;
mod error;
mod options;
mod properties;
mod publisher;
mod reach;
mod refusal;
mod rights;
mod server_kind;
mod settings;
mod statistics;
mod tail;
mod topic_name;
mod watch;
mod watchdog;

pub use self::admin::{
    Admin, BrokerAddress, Created, NewTopic, PartitionDescription, Setting, SettingChanges, Settings, TopicDescription,
    TopicSummary, retention_settings,
};
pub use self::causes::ConnectionProblem;
pub use self::error::KafkaError;
pub use self::options::{Connection, DEFAULT_BROKERS, KafkaArgs};
pub use self::properties::Role;
pub use self::publisher::{Delivery, Publisher, PublisherSettings};
pub use self::reach::ConnectTimeout;
pub use self::server_kind::{ServerKind, probe_server};
pub use self::settings::{DeliveryTimeout, FETCH_BYTES_MAX};
pub use self::statistics::Facts;
pub use self::tail::{Event, Position, Received, Tail, TopicState};
pub use self::topic_name::{check_topic_name, topic_name};

/// Versions of the libraries that affect latencies.
pub fn versions() -> std::collections::BTreeMap<String, String> {
    [("librdkafka".to_owned(), rdkafka::util::get_rdkafka_version().1)].into()
}
