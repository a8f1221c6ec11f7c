//! What the client tells us by itself: log lines, why it cannot connect, and its figures.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};

use crate::causes::{self, Credentials, Failure, Trouble};
use crate::options::Connection;
use crate::statistics::Facts;

/// Timeout for the committed offsets, which are asked for only to be logged.
const COMMITTED: Duration = Duration::from_millis(500);

/// The last trouble of one client, and its log lines sent on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ears {
    trouble: Arc<Mutex<Option<Trouble>>>,
    pub facts: Facts,
    credentials: Credentials,
    group: Option<String>,
}

impl Ears {
    pub fn new(connection: &Connection) -> Ears {
        Ears { credentials: Credentials::of(connection), ..Ears::default() }
    }

    /// The context of a member of a group.
    pub fn in_group(self, group: Option<&str>) -> Ears {
        Ears { group: group.map(str::to_owned), ..self }
    }

    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().ok().and_then(|trouble| trouble.clone())
    }

    pub fn clear(&self) {
        if let Ok(mut trouble) = self.trouble.lock() {
            *trouble = None;
        }
    }

    fn hear(&self, heard: Trouble) {
        if let Ok(mut trouble) = self.trouble.lock()
            && !trouble.as_ref().is_some_and(|t| t.denied)
        {
            *trouble = Some(heard);
        }
    }

    fn trouble_of(&self, failure: &Failure<'_>) -> Trouble {
        causes::trouble(failure, &self.credentials, self.facts.ever_up(failure.broker))
    }

    /// Remembers why a connection broke, and logs it once.
    fn connection_failed(&self, message: &str) {
        let Some(failure) = Failure::parse(message) else { return };
        let trouble = self.trouble_of(&failure);
        if let Some(line) = self.facts.fail(failure.broker, failure.was_up(), &trouble.words) {
            tracing::debug!("{line}");
        }
        self.hear(trouble);
    }

    /// One line for each change of what this member of the group reads, and from where.
    fn log_rebalance(&self, consumer: &BaseConsumer<Ears>, rebalance: &Rebalance<'_>) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let group = self.group.as_deref().unwrap_or_default();
        match rebalance {
            Rebalance::Assign(list) if list.count() == 0 => {
                tracing::debug!("group {group}: no partition for this member")
            }
            Rebalance::Assign(list) => {
                // Only now does the client ask where to begin, and it does not say what the answer was.
                let committed = consumer.committed_offsets(TopicPartitionList::clone(list), COMMITTED).ok();
                let from = committed.as_ref().map_or_else(|| list.elements(), TopicPartitionList::elements);
                from.iter().for_each(|one| tracing::debug!("group {group}: assigned {}", place(one)));
            }
            Rebalance::Revoke(list) => {
                let all = list
                    .elements()
                    .iter()
                    .map(|one| format!("{} [{}]", one.topic(), one.partition()))
                    .collect::<Vec<_>>();
                tracing::debug!("group {group}: revoked {}", all.join(", "));
            }
            Rebalance::Error(error) => tracing::debug!("group {group}: {error}"),
        }
    }
}

/// `topic [partition] from offset n`
fn place(one: &TopicPartitionListElem<'_>) -> String {
    let from = match one.offset() {
        Offset::Offset(offset) => format!("from offset {offset}, which was committed"),
        _ => "from where auto.offset.reset says: nothing was committed".to_owned(),
    };
    format!("{} [{}] {from}", one.topic(), one.partition())
}

impl ClientContext for Ears {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Debug => tracing::trace!("librdkafka {facility}: {message}"),
            // A client that is not polled says only here why its connections break.
            _ if facility == "FAIL" => {
                tracing::trace!("librdkafka {facility}: {message}");
                self.connection_failed(message);
            }
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!("librdkafka {facility}: {message}");
            }
            // The client warns of much that it mends by itself a moment later; what matters reaches us as an error.
            _ => tracing::debug!("librdkafka {facility}: {message}"),
        }
    }

    fn stats_raw(&self, json: &[u8]) {
        let seen = self.facts.enter(json);
        seen.lines.iter().for_each(|line| tracing::debug!("{line}"));
        if seen.up {
            self.clear();
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode::{
            AllBrokersDown, Authentication, BrokerTransportFailure, PartitionEOF, Resolve, SSL,
            SaslAuthenticationFailed,
        };
        match error.rdkafka_error_code() {
            // It means that all has been read.
            Some(PartitionEOF) => {}
            // The failure of each connection was logged when it came.
            Some(AllBrokersDown) => tracing::trace!("librdkafka: {error}: {reason}"),
            Some(code @ (Authentication | SaslAuthenticationFailed | SSL | BrokerTransportFailure | Resolve)) => {
                tracing::trace!("librdkafka: {error}: {reason}");
                if let Some(failure) = Failure::parse(reason) {
                    let trouble = self.trouble_of(&failure);
                    // Text that is not known yet: the code says whether it may get better by itself.
                    let refused = trouble.sentence.is_none() && !matches!(code, BrokerTransportFailure | Resolve);
                    self.hear(Trouble { denied: trouble.denied || refused, ..trouble });
                }
            }
            _ => tracing::debug!("librdkafka: {error}: {reason}"),
        }
    }
}

impl ConsumerContext for Ears {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Ears>, rebalance: &Rebalance<'_>) {
        if !matches!(rebalance, Rebalance::Assign(_)) {
            self.log_rebalance(consumer, rebalance);
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Ears>, rebalance: &Rebalance<'_>) {
        if matches!(rebalance, Rebalance::Assign(_)) {
            self.log_rebalance(consumer, rebalance);
        }
    }
}

/// For a producer that only listens.
impl ProducerContext for Ears {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
