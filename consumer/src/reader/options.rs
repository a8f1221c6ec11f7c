//! The settings of a reader: the topic, the broker, and where to begin.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka::{Connection, Position};

/// The settings of a reader.
#[derive(Clone, Debug)]
pub struct ReaderOptions {
    /// The brokers, and the user's settings for the client.
    pub connection: Connection,
    /// Name of the topic. It need not exist yet.
    pub topic: String,
    /// The only partition to read; `None` for all.
    pub partition: Option<i32>,
    /// Name of the group to share the topic with.
    pub group: Option<String>,
    /// Time after which a search for broker and topic fails; `None` to search for ever.
    pub timeout: Option<Duration>,
    /// Position to start at.
    pub start: Position,
    /// True if no record may be skipped.
    pub every_frame: bool,
    /// True to end, when reading recorded frames, after the last record that the topic held at the start.
    pub ends: bool,
}

impl ReaderOptions {
    /// Reads the live stream of a topic, at brokers such as `localhost:9092`.
    pub fn live(brokers: &str, topic: &str) -> ReaderOptions {
        ReaderOptions {
            connection: Connection { brokers: brokers.to_owned(), named: true, properties: BTreeMap::new() },
            topic: topic.to_owned(),
            partition: None,
            group: None,
            timeout: None,
            start: Position::Newest,
            every_frame: false,
            ends: false,
        }
    }

    /// True if the topic's recorded content is read, rather than the live stream.
    pub fn is_history(&self) -> bool {
        !matches!(self.start, Position::Newest | Position::End)
    }
}
