//! Waits until a broker answers, and finds out why none does.

use std::time::Duration;

use common::time::Clock;
use rdkafka::ClientConfig;
use rdkafka::client::Client;
use rdkafka::producer::{BaseProducer, Producer};

use crate::causes::ConnectionProblem;
use crate::context::Context;
use crate::error::{KafkaError, plain};
use crate::options::Connection;

/// Time after which a metadata request without an answer is sent again.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// Time for the first client to connect before another one tries.
const FIRST_CLIENT: Duration = Duration::from_secs(4);
/// Timeout of the metadata request that makes a client connect, and so find out why it cannot.
const PROBE: Duration = Duration::from_millis(100);
/// Time spent on serving the client's log lines.
const LISTEN: Duration = Duration::from_millis(10);

/// Time to wait for a broker, and a function that returns false when the caller no longer wants the connection.
#[derive(Clone, Copy)]
pub struct ConnectTimeout<'a> {
    pub timeout: Duration,
    pub clock: &'a dyn Clock,
    pub wanted: &'a dyn Fn() -> bool,
}

impl std::fmt::Debug for ConnectTimeout<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectTimeout").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// A producer used to find out why no connection is made: an admin client does not report that, a producer that is
/// polled does.
#[derive(Default)]
pub(crate) struct ProblemListener(Option<BaseProducer<Context>>);

impl ProblemListener {
    pub fn problem(&mut self, config: &ClientConfig, connection: &Connection) -> Option<ConnectionProblem> {
        let client = match &mut self.0 {
            Some(client) => client,
            none => none.insert(config.create_with_context(Context::new(connection)).ok()?),
        };
        // librdkafka connects to the bootstrap brokers only when there is a request to send.
        let _ = client.client().fetch_metadata(None, PROBE);
        client.poll(LISTEN);
        client.context().checked_problem(connection)
    }
}

/// True if the cluster is `vidbroker` or the broker inside vidprod, which its cluster id shows. The id is the one that
/// the client got with its last answer; this sends no request.
pub(crate) fn is_embedded<C: rdkafka::ClientContext>(client: &Client<C>) -> bool {
    client.fetch_cluster_id(Duration::ZERO).is_some_and(|id| id.starts_with(common::EMBEDDED_CLUSTER))
}

/// Tries one client after another until the timeout of `wait`: a client that connects while its broker is starting
/// may never find it (librdkafka issue 5301). Each client gets twice as long as the one before, so that a slow link can
/// still succeed.
pub(crate) fn with_new_clients<C>(
    wait: &ConnectTimeout<'_>,
    mut connect: impl FnMut(&ConnectTimeout<'_>) -> Result<C, KafkaError>,
) -> Result<C, KafkaError> {
    let until = wait.clock.now().plus(wait.timeout);
    let mut timeout = FIRST_CLIENT;
    loop {
        let left = until.since(wait.clock.now());
        match connect(&ConnectTimeout { timeout: timeout.min(left), ..*wait }) {
            Err(KafkaError::Unreachable { brokers, cause, .. }) if timeout >= left => {
                return Err(KafkaError::Unreachable { brokers, cause, seconds: wait.timeout.as_secs() });
            }
            Err(KafkaError::NoAnswer { cause, .. }) if timeout >= left => {
                return Err(KafkaError::NoAnswer { cause, seconds: wait.timeout.as_secs() });
            }
            Err(KafkaError::Unreachable { .. } | KafkaError::NoAnswer { .. }) => timeout *= 2,
            other => return other,
        }
    }
}

/// Waits until a broker answers, at most `timeout`. `problem` returns the reason why none does.
pub(crate) fn reach<C: rdkafka::ClientContext>(
    client: &Client<C>,
    brokers: &str,
    wait: &ConnectTimeout<'_>,
    mut problem: impl FnMut() -> Option<ConnectionProblem>,
) -> Result<(), KafkaError> {
    let ConnectTimeout { timeout, clock, wanted } = wait;
    let until = clock.now().plus(*timeout);
    loop {
        let left = until.since(clock.now());
        let Err(error) = client.fetch_metadata(None, left.min(ASK_AGAIN).max(Duration::from_millis(1))) else {
            return Ok(());
        };
        let brokers = brokers.to_owned();
        if !wanted() {
            return Err(KafkaError::Stopped { brokers });
        }
        match problem() {
            Some(problem) if problem.denied => return Err(KafkaError::Denied { cause: problem.sentence(&brokers) }),
            problem if clock.now() >= until => {
                let seconds = timeout.as_secs();
                return Err(match problem {
                    Some(ConnectionProblem { sentence: Some(cause), .. }) => KafkaError::NoAnswer { seconds, cause },
                    Some(problem) => KafkaError::Unreachable { brokers, seconds, cause: problem.words },
                    None => KafkaError::Unreachable { brokers, seconds, cause: plain(&error) },
                });
            }
            _ => {}
        }
    }
}
