//! The settings of a chat: its topic, and how to connect.

use std::time::Duration;

use kafka::{Connection, KafkaArgs, KafkaError, NewTopic, Role};

/// Time for which messages are kept, if the topic is made here.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// The settings of a chat.
#[derive(Clone, Debug)]
pub struct ChatOptions {
    /// The chat's own topic, as in `video.chat`.
    pub topic: String,
    /// True if a missing topic is made.
    pub create: bool,
    /// How to connect for reading. It differs from writing, because a user's file may have properties for only one of them.
    pub reading: Connection,
    pub writing: Connection,
    pub client_id: &'static str,
}

impl ChatOptions {
    /// The chat beside the topic of a video, with a user's settings.
    pub fn new(beside: &str, kafka: &KafkaArgs, client_id: &'static str) -> Result<ChatOptions, KafkaError> {
        Ok(ChatOptions {
            topic: chat_topic(beside)?,
            create: true,
            reading: kafka.connection_again(Role::Consumer)?,
            writing: kafka.connection_again(Role::Producer)?,
            client_id,
        })
    }

    /// The topic to make: one partition, so that everybody reads the messages in one order.
    pub(crate) fn new_topic(&self) -> NewTopic {
        NewTopic { retention: Some(RETENTION), ..NewTopic::named(&self.topic) }
    }
}

/// The topic of the chat beside a video.
pub fn chat_topic(beside: &str) -> Result<String, KafkaError> {
    let topic = format!("{beside}.chat");
    kafka::check_topic_name(&topic).map(|()| topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topic_is_named_after_the_videos() {
        assert_eq!(chat_topic("video").unwrap(), "video.chat");
        assert!(chat_topic(&"x".repeat(245)).is_err(), "a name has 249 characters at most");
    }
}
