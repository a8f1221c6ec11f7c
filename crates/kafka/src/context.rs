//! The client's callbacks: log lines, connection errors, and statistics.

mod link;
mod rebalance;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

use self::link::Link;
use crate::causes::{self, ConnectionProblem, Credentials, Failure};
use crate::options::Connection;
use crate::refusal;
use crate::rights::{self, Right};
use crate::statistics::{Connected, Facts};

/// Receives a client's callbacks: keeps its last connection error, and passes its log lines on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    state: Arc<Mutex<ClientState>>,
    pub facts: Facts,
    credentials: Credentials,
    /// A problem, and the result of probing the broker for it.
    pub checked: Arc<Mutex<Option<(ConnectionProblem, ConnectionProblem)>>>,
    group: Option<String>,
    /// Number of partitions of the topic when this member of a group first found it.
    partitions_found: Arc<OnceLock<usize>>,
}

/// The state of one client, which a client that takes its place does not have.
#[derive(Debug, Default)]
pub(crate) struct ClientState {
    problem: Option<ConnectionProblem>,
    pub link: Link,
    /// True if the producer may write to no topic at all, which librdkafka reports as a fatal error of the client.
    pub may_not_write: bool,
    /// True if the broker denied the group to this member.
    pub may_not_join: bool,
    /// True if the broker does not support the group protocol that this member is set to use.
    pub lacks_group_protocol: bool,
}

impl Context {
    pub fn new(connection: &Connection) -> Context {
        Context { credentials: Credentials::of(connection), ..Context::default() }
    }

    /// Sets the group, for a member of one.
    pub fn in_group(self, group: Option<&str>) -> Context {
        Context { group: group.map(str::to_owned), ..self }
    }

    /// Enters the number of partitions of the topic; only the first call counts.
    pub fn found(&self, partitions: usize) {
        self.partitions_found.get_or_init(|| partitions);
    }

    /// Explains a right that the broker's access control denies to this client.
    pub fn missing(&self, right: Right<'_>) -> ConnectionProblem {
        rights::missing(right, &self.credentials)
    }

    pub fn problem(&self) -> Option<ConnectionProblem> {
        self.state().problem.clone()
    }

    pub fn state(&self) -> MutexGuard<'_, ClientState> {
        // No code that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The context of a client that replaces this one: it has no problem yet, and its figures are added to the present
    /// ones.
    pub fn successor(&self) -> Context {
        self.facts.renewed();
        Context { state: Arc::default(), ..self.clone() }
    }

    /// The context of a client that replaces this one because of other settings.
    pub fn restarted(&self) -> Context {
        self.facts.restarted();
        Context { state: Arc::default(), ..self.clone() }
    }

    /// The reason why there is no connection now; `None` while there is one.
    pub fn cause(&self) -> Option<String> {
        let connected = self.state().link.connected;
        if connected == Some(true) {
            return None;
        }
        let without_words = || connected.map(|_| "no broker is connected".to_owned());
        self.problem().map(|problem| problem.words).or_else(without_words)
    }

    /// Records that a broker has answered a request.
    pub fn answered(&self) {
        self.state().link.signs_of_life += 1;
        self.clear();
    }

    /// Clears the problem, because there is a connection. An advertised address that was never reached stays reported.
    fn clear(&self) {
        let unreached = |t: &ConnectionProblem| t.advertised.as_ref().is_some_and(|broker| !self.facts.ever_up(broker));
        let mut state = self.state();
        state.problem = state.problem.take().filter(unreached);
    }

    fn note_problem(&self, heard: ConnectionProblem) {
        let mut state = self.state();
        state.link.times_unreachable += u64::from(heard.advertised.is_some());
        if !state.problem.as_ref().is_some_and(|t| t.denied) {
            state.problem = Some(heard);
        }
    }

    fn problem_of(&self, failure: &Failure<'_>) -> ConnectionProblem {
        causes::problem(failure, &self.credentials, self.facts.ever_up(failure.broker))
    }

    /// Stores the reason why a connection broke, and logs it once.
    fn connection_failed(&self, message: &str) {
        let Some(failure) = Failure::parse(message) else { return };
        let problem = self.problem_of(&failure);
        if let Some(line) = self.facts.fail(failure.broker, failure.was_up(), &problem.words) {
            tracing::debug!("{line}");
        }
        self.note_problem(problem);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Debug => {
                tracing::trace!(event = "librdkafka", "librdkafka {facility}: {message}");
                if refusal::is_not_served(message) {
                    self.state().lacks_group_protocol = true;
                }
            }
            // For a client that is not polled, this is the only place where the cause of a broken connection is
            // reported.
            _ if facility == "FAIL" => {
                tracing::trace!(event = "librdkafka", "librdkafka {facility}: {message}");
                self.connection_failed(message);
            }
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical
                if !is_reported_later(facility, message) =>
            {
                tracing::error!(event = "librdkafka", "librdkafka {facility}: {message}");
            }
            // The client warns of many things that it repairs by itself a moment later; important ones are also
            // reported as errors.
            _ => tracing::debug!(event = "librdkafka", "librdkafka {facility}: {message}"),
        }
    }

    fn stats_raw(&self, json: &[u8]) {
        let seen = self.facts.enter(json);
        seen.lines.iter().for_each(|line| tracing::debug!("{line}"));
        let Some(connected) = seen.connected else { return };
        self.state().link.enter(connected, seen.received_us);
        if connected != Connected::No {
            self.clear();
        }
    }

    fn error(&self, error: ClientError, reason: &str) {
        use RDKafkaErrorCode::{
            AllBrokersDown, Authentication, BrokerTransportFailure, ClusterAuthorizationFailed,
            GroupAuthorizationFailed, PartitionEOF, Resolve, SSL, SaslAuthenticationFailed,
        };
        match error.rdkafka_error_code() {
            // All records have been read.
            Some(PartitionEOF) => {}
            // The failure of each connection was logged when it happened.
            Some(AllBrokersDown) => tracing::trace!(event = "librdkafka", "librdkafka: {error}: {reason}"),
            Some(code @ (Authentication | SaslAuthenticationFailed | SSL | BrokerTransportFailure | Resolve)) => {
                tracing::trace!(event = "librdkafka", "librdkafka: {error}: {reason}");
                if let Some(failure) = Failure::parse(reason) {
                    let problem = self.problem_of(&failure);
                    // The text is unknown, so the error code decides whether trying again may help.
                    let refused = problem.sentence.is_none() && !matches!(code, BrokerTransportFailure | Resolve);
                    self.note_problem(ConnectionProblem { denied: problem.denied || refused, ..problem });
                }
            }
            // This error comes once, possibly before the group is joined.
            Some(GroupAuthorizationFailed) => {
                tracing::trace!(event = "librdkafka", "librdkafka: {error}: {reason}");
                self.state().may_not_join = true;
            }
            Some(ClusterAuthorizationFailed) if reason.contains("idempotence PID") => {
                tracing::trace!(event = "librdkafka", "librdkafka: {error}: {reason}");
                self.state().may_not_write = true;
            }
            _ => tracing::debug!(event = "librdkafka", "librdkafka: {error}: {reason}"),
        }
    }
}

/// True for a fatal error that the group's next event reports, or the next record that fails.
fn is_reported_later(facility: &str, message: &str) -> bool {
    facility == "FATAL"
        && ["ConsumerGroupHeartbeat", "Cluster authorization failed"].iter().any(|s| message.contains(s))
}

/// For a producer that is only used to receive connection errors.
impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
