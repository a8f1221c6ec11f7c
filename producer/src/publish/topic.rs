//! The topic: makes it, reads its message limit, and watches both while frames are published.

use std::time::Duration;

use common::time::Micros;
use common::words::count;
use kafka::{Admin, Connection, Created, KafkaError, NewTopic};

use super::limit::{LimitTooSmall, MessageLimit};
use super::publisher::FramePublisher;
use crate::encode::Fit;

/// Shortest time between two checks of a topic that seems to be gone.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// Number of unanswered requests for the topic's limit after which frames refused as too large are dropped.
const LIMIT_REQUESTS_MAX: u32 = 10;

/// The topic that is published to.
#[derive(Clone, Debug)]
pub struct TopicOptions {
    /// Its name, and its settings if it is made.
    pub topic: NewTopic,
    /// True if a missing topic is made.
    pub create: bool,
    /// The message limit, if the user gave one; else it is the topic's.
    pub message_bytes_max: Option<usize>,
    /// Headers that are added to each record.
    pub headers: Vec<(String, String)>,
    /// What is done with a frame over the limit.
    pub fit: Fit,
}

/// Why a topic cannot be published to.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// The broker did not answer, or refused.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// Its messages are too small.
    #[error("topic {topic}")]
    Limit {
        /// The topic's name.
        topic: String,
        /// How large they must be.
        source: LimitTooSmall,
    },
}

/// Makes a topic, and watches it while frames are published: a topic that is deleted is made again, and a message
/// limit that is lowered is adopted.
#[derive(Debug)]
pub struct TopicKeeper {
    admin: Admin,
    options: TopicOptions,
    /// The client's own limit, if the user has set one.
    client_bytes_max: Option<usize>,
    checked: Micros,
    limit_requested: Micros,
    /// Number of requests for the limit in a row that had no answer.
    unanswered: u32,
    gone: bool,
    acknowledged: u64,
}

impl TopicKeeper {
    /// Watches the topic with this client of the same cluster.
    pub fn new(admin: Admin, options: TopicOptions, connection: &Connection) -> TopicKeeper {
        TopicKeeper {
            admin,
            options,
            client_bytes_max: connection.properties.get("message.max.bytes").and_then(|bytes| bytes.parse().ok()),
            checked: Micros(0),
            limit_requested: Micros(0),
            unanswered: 0,
            gone: false,
            acknowledged: 0,
        }
    }

    /// Creates the topic if necessary, and reads its limit.
    pub fn prepare(&self, timeout: Duration) -> Result<MessageLimit, TopicError> {
        let topic = &self.options.topic;
        if self.admin.ensure(topic, self.options.create, timeout)? == Created::Now {
            let kept = topic.retention.map_or("for ever".to_owned(), |r| humantime::format_duration(r).to_string());
            tracing::info!(
                event = "topic_created",
                topic = topic.name,
                partitions = topic.partitions,
                retention_seconds = topic.retention.map(|time| time.as_secs()),
                "created topic {}: {}, keeps frames {kept} (--partitions, --retention; 720p30 is 10-15 GB an hour)",
                topic.name,
                count(topic.partitions, "partition")
            );
        }
        let of_topic = match self.options.message_bytes_max {
            Some(given) => Some(given),
            None => self.admin.message_bytes_max(&topic.name, timeout).unwrap_or_else(|error| {
                tracing::debug!("{error}");
                None
            }),
        };
        self.limit(of_topic).map_err(|source| TopicError::Limit { topic: topic.name.clone(), source })
    }

    /// The limit of a topic with this one, which the user's own may lower.
    fn limit(&self, of_topic: Option<usize>) -> Result<MessageLimit, LimitTooSmall> {
        let smallest = [of_topic, self.client_bytes_max].into_iter().flatten().min();
        MessageLimit::new(smallest, &self.options.headers)
    }

    /// True if the topic was deleted and must not be made again.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// Checks the topic, or its limit, again if an answer of the broker has put it in doubt. To be called several times a second. Returns the reason why
    /// we may not write to the topic, once that is known.
    pub fn look_after(&mut self, publisher: &FramePublisher, now: Micros) -> Option<String> {
        let (forbidden, may_be_gone, limit_doubted) = {
            let mut state = publisher.state.lock();
            let acknowledged = state.ledger.acknowledged();
            self.gone &= acknowledged == self.acknowledged;
            self.acknowledged = acknowledged;
            let may_be_gone = std::mem::take(&mut state.topic_gone) || state.silence(now).is_some();
            (state.forbidden.take(), may_be_gone, state.limit_doubted)
        };
        if limit_doubted && now.since(self.limit_requested) > CHECK_EVERY {
            self.limit_requested = now;
            let answered = self.read_limit_again(publisher);
            // An unreachable broker is waited for. One that is connected and does not answer this request is given a
            // limited number of attempts.
            let is_connected = || publisher.cause().is_none() && !self.gone;
            self.unanswered = if answered { 0 } else { self.unanswered + u32::from(is_connected()) };
            if self.unanswered >= LIMIT_REQUESTS_MAX {
                publisher.state.keep_limit();
            }
        }
        if may_be_gone && now.since(self.checked) > CHECK_EVERY {
            self.checked = now;
            self.gone = self.check_topic();
        }
        forbidden
    }

    /// Creates the topic again if it was deleted, unless that is forbidden, which is logged once. A broker that is down
    /// does not answer, and is waited for. Returns true if the topic is gone.
    fn check_topic(&self) -> bool {
        let topic = &self.options.topic.name;
        let Err(error) = self.prepare(CHECK_EVERY) else { return false };
        tracing::debug!("looking after topic {topic}: {error}");
        let gone = matches!(error, TopicError::Kafka(KafkaError::NoTopic { .. }));
        if gone && !self.gone {
            tracing::warn!(
                event = "topic_gone",
                topic,
                "topic {topic} is gone, and --no-create forbids creating it again: waiting for it"
            );
        }
        gone
    }

    /// Reads the topic's limit again, after a message was refused as too large. Returns true if the broker answered;
    /// refused frames wait until then. If the broker does not report the limit, the known one is kept.
    fn read_limit_again(&self, publisher: &FramePublisher) -> bool {
        let (topic, state) = (&self.options.topic.name, &publisher.state);
        let of_topic = match self.admin.message_bytes_max(topic, CHECK_EVERY) {
            Ok(Some(of_topic)) => of_topic,
            Ok(None) => {
                state.keep_limit();
                return true;
            }
            Err(error) => {
                tracing::debug!("{error}");
                return false;
            }
        };
        let of_topic = self.options.message_bytes_max.map_or(of_topic, |given| given.min(of_topic));
        let limit = self.limit(Some(of_topic)).unwrap_or_else(|too_small| {
            tracing::debug!("topic {topic}: {too_small}");
            state.lock().topic_limit
        });
        if state.learn_limit(limit) {
            let bytes = limit.message_bytes_max;
            let how = if self.options.fit == Fit::Shrink { "shrunk" } else { "split" };
            tracing::warn!(
                event = "limit_lowered",
                topic,
                message_bytes_max = bytes,
                "topic {topic} takes messages of at most {bytes} bytes now: larger frames are {how} from here on"
            );
        }
        true
    }
}
