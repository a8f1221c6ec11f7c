//! What the client tells us by itself: log lines, why it cannot connect, and its figures.

mod link;
mod rebalance;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

use self::link::Link;
use crate::causes::{self, Credentials, Failure, Trouble};
use crate::diagnosis;
use crate::options::Connection;
use crate::rights::{self, Right};
use crate::statistics::{Connected, Facts};
use crate::tail::refusal;

/// The last trouble of one client, and its log lines sent on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ears {
    trouble: Arc<Mutex<Option<Trouble>>>,
    pub link: Arc<Link>,
    pub facts: Facts,
    credentials: Credentials,
    /// A trouble that the broker was asked about, and what came of it.
    checked: Arc<Mutex<Option<(Trouble, Trouble)>>>,
    may_not_write: Arc<AtomicBool>,
    may_not_join: Arc<AtomicBool>,
    lacks_group_protocol: Arc<AtomicBool>,
    group: Option<String>,
    /// How many partitions the topic had when this member of a group first found it.
    partitions_found: Arc<OnceLock<usize>>,
}

impl Ears {
    pub fn new(connection: &Connection) -> Ears {
        Ears { credentials: Credentials::of(connection), ..Ears::default() }
    }

    /// The context of a member of a group.
    pub fn in_group(self, group: Option<&str>) -> Ears {
        Ears { group: group.map(str::to_owned), ..self }
    }

    /// Enters how many partitions the topic has; the first count is kept.
    pub fn found(&self, partitions: usize) {
        self.partitions_found.get_or_init(|| partitions);
    }

    /// A right that the broker's access control denies to this client.
    pub fn missing(&self, right: Right<'_>) -> Trouble {
        rights::missing(right, &self.credentials)
    }

    /// The producer may write to no topic at all: librdkafka calls that a fatal error of the client.
    pub fn may_not_write(&self) -> bool {
        self.may_not_write.load(Ordering::Relaxed)
    }

    /// The broker denied the group to this member.
    pub fn may_not_join(&self) -> bool {
        self.may_not_join.load(Ordering::Relaxed)
    }

    /// The broker does not serve the protocol that this member of a group was told to use.
    pub fn lacks_group_protocol(&self) -> bool {
        self.lacks_group_protocol.load(Ordering::Relaxed)
    }

    /// The group has let this member in, whatever it said before.
    fn joined(&self) {
        self.may_not_join.store(false, Ordering::Relaxed);
    }

    /// The trouble, made certain by asking the broker itself where that is possible: it takes up to some seconds, once.
    pub fn checked_trouble(&self, connection: &Connection) -> Option<Trouble> {
        let trouble = self.trouble()?;
        let Ok(mut checked) = self.checked.lock() else { return Some(trouble) };
        match &*checked {
            Some((asked, answer)) if *asked == trouble => Some(answer.clone()),
            _ => {
                let answer = diagnosis::checked(trouble.clone(), connection);
                *checked = Some((trouble, answer.clone()));
                Some(answer)
            }
        }
    }

    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().ok().and_then(|trouble| trouble.clone())
    }

    /// For a new client that takes the place of this one: nothing is wrong yet, and its figures are added to these.
    pub fn successor(&self) -> Ears {
        self.facts.renewed();
        Ears { trouble: Arc::default(), link: Arc::default(), may_not_join: Arc::default(), ..self.clone() }
    }

    /// For a new client of ours that is made for other settings.
    pub fn restarted(&self) -> Ears {
        self.facts.restarted();
        Ears { trouble: Arc::default(), link: Arc::default(), ..self.clone() }
    }

    /// Why there is no connection now; `None` while there is one.
    pub fn cause(&self) -> Option<String> {
        if self.link.is_connected() {
            return None;
        }
        let without_words = || self.link.is_down().then(|| "no broker is connected".to_owned());
        self.trouble().map(|trouble| trouble.words).or_else(without_words)
    }

    /// A broker has answered a question.
    pub fn answered(&self) {
        self.link.answered();
        self.clear();
    }

    /// There is a connection again. An advertised address that was never reached is not disproved by that.
    fn clear(&self) {
        if let Ok(mut trouble) = self.trouble.lock() {
            let unreached = |t: &Trouble| t.advertised.as_ref().is_some_and(|broker| !self.facts.ever_up(broker));
            if !trouble.as_ref().is_some_and(unreached) {
                *trouble = None;
            }
        }
    }

    fn hear(&self, heard: Trouble) {
        if heard.advertised.is_some() {
            self.link.misled();
        }
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
}

impl ClientContext for Ears {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Debug => {
                tracing::trace!(event = "librdkafka", "librdkafka {facility}: {message}");
                if refusal::is_not_served(message) {
                    self.lacks_group_protocol.store(true, Ordering::Relaxed);
                }
            }
            // A client that is not polled says only here why its connections break.
            _ if facility == "FAIL" => {
                tracing::trace!(event = "librdkafka", "librdkafka {facility}: {message}");
                self.connection_failed(message);
            }
            // The group's next event reports it.
            _ if facility == "FATAL" && message.contains("ConsumerGroupHeartbeat") => {
                tracing::debug!(event = "librdkafka", "librdkafka {facility}: {message}");
            }
            // What it means is said when a record fails.
            _ if facility == "FATAL" && message.contains("Cluster authorization failed") => {
                tracing::debug!(event = "librdkafka", "librdkafka {facility}: {message}");
            }
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(event = "librdkafka", "librdkafka {facility}: {message}");
            }
            // The client warns of much that it mends by itself a moment later; what matters reaches us as an error.
            _ => tracing::debug!(event = "librdkafka", "librdkafka {facility}: {message}"),
        }
    }

    fn stats_raw(&self, json: &[u8]) {
        let seen = self.facts.enter(json);
        seen.lines.iter().for_each(|line| tracing::debug!("{line}"));
        let Some(connected) = seen.connected else { return };
        self.link.enter(connected, seen.received_us);
        if connected != Connected::No {
            self.clear();
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode::{
            AllBrokersDown, Authentication, BrokerTransportFailure, ClusterAuthorizationFailed,
            GroupAuthorizationFailed, PartitionEOF, Resolve, SSL, SaslAuthenticationFailed,
        };
        match error.rdkafka_error_code() {
            // It means that all has been read.
            Some(PartitionEOF) => {}
            // The failure of each connection was logged when it came.
            Some(AllBrokersDown) => tracing::trace!(event = "librdkafka", "librdkafka: {error}: {reason}"),
            Some(code @ (Authentication | SaslAuthenticationFailed | SSL | BrokerTransportFailure | Resolve)) => {
                tracing::trace!(event = "librdkafka", "librdkafka: {error}: {reason}");
                if let Some(failure) = Failure::parse(reason) {
                    let trouble = self.trouble_of(&failure);
                    // Text that is not known yet: the code says whether it may get better by itself.
                    let refused = trouble.sentence.is_none() && !matches!(code, BrokerTransportFailure | Resolve);
                    self.hear(Trouble { denied: trouble.denied || refused, ..trouble });
                }
            }
            // It comes once, maybe before the group is joined.
            Some(GroupAuthorizationFailed) => {
                tracing::trace!(event = "librdkafka", "librdkafka: {error}: {reason}");
                self.may_not_join.store(true, Ordering::Relaxed);
            }
            Some(ClusterAuthorizationFailed) if reason.contains("idempotence PID") => {
                tracing::trace!(event = "librdkafka", "librdkafka: {error}: {reason}");
                self.may_not_write.store(true, Ordering::Relaxed);
            }
            _ => tracing::debug!(event = "librdkafka", "librdkafka: {error}: {reason}"),
        }
    }
}

/// For a producer that only listens.
impl ProducerContext for Ears {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
