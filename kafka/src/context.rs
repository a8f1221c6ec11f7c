//! What the client tells us by itself: log lines, why it cannot connect, and its figures.

use std::sync::{Arc, Mutex};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

use crate::statistics::Facts;

/// The last trouble of one client, and its log lines sent on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ears {
    trouble: Arc<Mutex<Option<Trouble>>>,
    pub facts: Facts,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Trouble {
    /// Trying again will not help.
    pub denied: bool,
    pub words: String,
}

impl Ears {
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().ok().and_then(|trouble| trouble.clone())
    }

    pub fn clear(&self) {
        if let Ok(mut trouble) = self.trouble.lock() {
            *trouble = None;
        }
    }

    fn hear(&self, denied: bool, words: &str) {
        if let Ok(mut trouble) = self.trouble.lock()
            && !trouble.as_ref().is_some_and(|t| t.denied)
        {
            *trouble = Some(Trouble { denied, words: words.to_owned() });
        }
    }
}

impl ClientContext for Ears {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // A client that is not polled tells of its broken connections only here.
        if facility == "FAIL" {
            self.hear(is_denial(message), &brief(message));
        }
        // The client warns of much that it mends by itself a moment later; what matters reaches us as an error.
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!("librdkafka {facility}: {message}");
            }
            RDKafkaLogLevel::Debug => tracing::trace!("librdkafka {facility}: {message}"),
            _ => tracing::debug!("librdkafka {facility}: {message}"),
        }
    }

    fn stats_raw(&self, json: &[u8]) {
        self.facts.enter(json);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("librdkafka: {error}: {reason}");
        let code = error.rdkafka_error_code();
        let denied = matches!(
            code,
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed | RDKafkaErrorCode::SSL)
        );
        if denied || code == Some(RDKafkaErrorCode::BrokerTransportFailure) || code == Some(RDKafkaErrorCode::Resolve) {
            self.hear(denied, &brief(reason));
        }
    }
}

impl ConsumerContext for Ears {}

/// For a producer that only listens.
impl ProducerContext for Ears {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// A connection that failed because of who we are, or how we say it.
fn is_denial(message: &str) -> bool {
    // A connection that breaks in the middle of a handshake may be any trouble of the network.
    !message.contains("Disconnected")
        && ["SASL authentication", "SSL handshake failed"].iter().any(|w| message.contains(w))
}

/// `host:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)` → the cause.
fn brief(reason: &str) -> String {
    let cause = reason.split_once(" (after").map_or(reason, |(cause, _)| cause);
    if let Some((before, why)) = cause.split_once(" failed: ")
        && before.contains("Connect to ")
    {
        return why.trim().to_owned();
    }
    let named = |part: &&str| !part.starts_with("[thrd:") && !part.contains("/bootstrap") && !is_broker(part);
    cause.split(": ").filter(named).collect::<Vec<_>>().join(": ").trim().to_owned()
}

/// `host:9092/1`, as librdkafka names a broker in its messages.
fn is_broker(part: &str) -> bool {
    part.rsplit_once('/').is_some_and(|(host, id)| host.contains(':') && id.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::brief;

    #[test]
    fn a_cause_is_told_in_brief() {
        let check = |reason, cause| assert_eq!(brief(reason), cause);
        check(
            "localhost:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
            "Connection refused",
        );
        check(
            "x:1/bootstrap: Failed to resolve 'x:1': Name or service not known (after 3ms in state CONNECT)",
            "Failed to resolve 'x:1': Name or service not known",
        );
    }
}
