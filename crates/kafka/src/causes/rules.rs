//! The table of causes: librdkafka's texts, a short cause and a sentence with the cure.

use super::failure::Failure;
use super::problem::{Credentials, Question};

/// Condition under which a rule applies to a failure.
#[derive(Clone, Copy)]
enum When {
    Always,
    /// In this state of the connection.
    In(&'static str),
    /// In this state, if the client does not use TLS.
    PlainIn(&'static str),
    /// Just after the connection was established, if the client does not log in.
    AnonymousJustUp,
}

pub(super) struct Rule {
    /// The rule applies only if librdkafka's text contains all of these.
    texts: &'static [&'static str],
    when: When,
    pub denied: bool,
    pub words: &'static str,
    /// `None` if [`ConnectionProblem::sentence`](crate::ConnectionProblem::sentence) is to make one.
    pub sentence: Option<&'static str>,
    pub question: Option<Question>,
}

/// The rules in order; the first that fits is used. `{broker}`, `{host}`, `{who}`, `{mechanism}` and `{detail}` (the
/// text after librdkafka's last colon) are replaced.
pub(super) const RULES: &[Rule] = &[
    denied(
        &["SASL", "Unsupported SASL mechanism"],
        "SASL mechanism {mechanism} not offered",
        "the broker at {broker} does not offer the SASL mechanism {mechanism}, only {detail}: choose one with \
         -X sasl.mechanism=NAME",
    ),
    denied(
        &["SASL", "not valid in current SASL state"],
        "broker takes no login",
        "the broker at {broker} takes no login at this port: omit SASL_ in security.protocol, or name its SASL port with -b",
    ),
    denied(
        &["SASL", "uthentication"],
        "login of {who} refused",
        "the broker at {broker} refuses the login of {who} ({detail}): check sasl.username, sasl.password and sasl.mechanism",
    ),
    denied(
        &["certificate verify failed"],
        "broker's certificate not trusted",
        "the certificate of the broker at {broker} is not trusted: name the CA that signed it with \
         -X ssl.ca.location=FILE.pem, and the broker with -b as its certificate does",
    )
    .asking(Question::Certificate),
    denied(&["alert bad certificate"], "client certificate required", CLIENT_CERTIFICATE),
    denied(&["alert certificate required"], "client certificate required", CLIENT_CERTIFICATE),
    denied(
        &["alert", "unknown ca"],
        "client certificate not trusted",
        "the broker at {broker} does not trust our certificate: take one of a CA that it knows (ssl.certificate.location, \
         ssl.key.location)",
    ),
    denied(
        &["alert", "certificate"],
        "client certificate not accepted",
        "the broker at {broker} does not accept our certificate ({detail}): check ssl.certificate.location",
    ),
    denied(
        &["wrong version number"],
        "broker speaks no TLS",
        "the broker at {broker} does not speak TLS at this port: omit SSL in security.protocol, or name its TLS port with -b",
    ),
    broken(&["Disconnected"], When::In("SSL_HANDSHAKE"), "connection closed during the TLS handshake")
        .saying(
            "the broker at {broker} closed the connection during the TLS handshake: does it expect plaintext? Omit SSL in \
             security.protocol, or name its TLS port with -b",
        )
        .asking(Question::Plaintext),
    broken(&["Disconnected"], When::PlainIn("APIVERSION_QUERY"), "connection closed at once")
        .saying(
            "the broker at {broker} closed the connection at once: it may expect TLS (-X security.protocol=SSL), or have as \
             many clients as it takes",
        )
        .asking(Question::Tls),
    broken(&["Disconnected"], When::AnonymousJustUp, "connection closed at the first request")
        .saying(
            "the broker at {broker} closed the connection at the first request: does it expect a login? \
             -X security.protocol=SASL_PLAINTEXT (or SASL_SSL), sasl.mechanism, sasl.username, sasl.password",
        )
        .asking(Question::Login),
    broken(&["Disconnected"], When::Always, "connection closed"),
    broken(&["Failed to resolve"], When::Always, "host name {host} not found"),
    broken(&["Connection refused"], When::Always, "connection refused"),
    broken(&["timed out"], When::In("CONNECT"), "no answer from {host}"),
    broken(&["request(s) timed out"], When::Always, "requests timed out"),
];

const CLIENT_CERTIFICATE: &str = "the broker at {broker} wants a certificate of this client: \
    -X ssl.certificate.location=FILE.pem -X ssl.key.location=FILE.pem";

/// A rule for a broker that refuses this client, so that trying again will not help.
const fn denied(texts: &'static [&'static str], words: &'static str, sentence: &'static str) -> Rule {
    Rule { texts, when: When::Always, denied: true, words, sentence: Some(sentence), question: None }
}

/// A rule for a connection that may succeed later.
const fn broken(texts: &'static [&'static str], when: When, words: &'static str) -> Rule {
    Rule { texts, when, denied: false, words, sentence: None, question: None }
}

impl Rule {
    const fn saying(self, sentence: &'static str) -> Rule {
        Rule { sentence: Some(sentence), ..self }
    }

    const fn asking(self, question: Question) -> Rule {
        Rule { question: Some(question), ..self }
    }

    pub fn fits(&self, failure: &Failure<'_>, credentials: &Credentials) -> bool {
        let when = match self.when {
            When::Always => true,
            When::In(state) => failure.state == state,
            When::PlainIn(state) => failure.state == state && !credentials.tls,
            When::AnonymousJustUp => failure.was_up() && failure.state_age_ms < 1000 && !credentials.sasl,
        };
        when && self.texts.iter().all(|text| failure.text.contains(text))
    }
}
