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
    /// Empty if [`ConnectionProblem::sentence`](crate::ConnectionProblem::sentence) is to make one.
    pub sentence: &'static str,
    pub question: Option<Question>,
}

/// The rules in order; the first that fits is used. `{broker}`, `{host}`, `{who}`, `{mechanism}` and `{detail}` (the
/// text after librdkafka's last colon) are replaced.
pub(super) const RULES: &[Rule] = &[
    Rule {
        texts: &["SASL", "Unsupported SASL mechanism"],
        when: When::Always,
        denied: true,
        words: "SASL mechanism {mechanism} not offered",
        sentence: "the broker at {broker} does not offer the SASL mechanism {mechanism}, only {detail}: \
                   choose one with -X sasl.mechanism=NAME",
        question: None,
    },
    Rule {
        texts: &["SASL", "not valid in current SASL state"],
        when: When::Always,
        denied: true,
        words: "broker takes no login",
        sentence: "the broker at {broker} takes no login at this port: omit SASL_ in security.protocol, or name its \
                   SASL port with -b",
        question: None,
    },
    Rule {
        texts: &["SASL", "uthentication"],
        when: When::Always,
        denied: true,
        words: "login of {who} refused",
        sentence: "the broker at {broker} refuses the login of {who} ({detail}): check sasl.username, sasl.password and \
                   sasl.mechanism",
        question: None,
    },
    Rule {
        texts: &["certificate verify failed"],
        when: When::Always,
        denied: true,
        words: "broker's certificate not trusted",
        sentence: "the certificate of the broker at {broker} is not trusted: name the CA that signed it with \
                   -X ssl.ca.location=FILE.pem, and the broker with -b as its certificate does",
        question: Some(Question::Certificate),
    },
    Rule {
        texts: &["alert bad certificate"],
        when: When::Always,
        denied: true,
        words: "client certificate required",
        sentence: CLIENT_CERTIFICATE,
        question: None,
    },
    Rule {
        texts: &["alert certificate required"],
        when: When::Always,
        denied: true,
        words: "client certificate required",
        sentence: CLIENT_CERTIFICATE,
        question: None,
    },
    Rule {
        texts: &["alert", "unknown ca"],
        when: When::Always,
        denied: true,
        words: "client certificate not trusted",
        sentence: "the broker at {broker} does not trust our certificate: take one of a CA that it knows \
                   (ssl.certificate.location, ssl.key.location)",
        question: None,
    },
    Rule {
        texts: &["alert", "certificate"],
        when: When::Always,
        denied: true,
        words: "client certificate not accepted",
        sentence: "the broker at {broker} does not accept our certificate ({detail}): check ssl.certificate.location",
        question: None,
    },
    Rule {
        texts: &["wrong version number"],
        when: When::Always,
        denied: true,
        words: "broker speaks no TLS",
        sentence: NO_TLS,
        question: None,
    },
    Rule {
        texts: &["Disconnected"],
        when: When::In("SSL_HANDSHAKE"),
        denied: false,
        words: "connection closed during the TLS handshake",
        sentence: "the broker at {broker} closed the connection during the TLS handshake: does it expect plaintext? \
                   Omit SSL in security.protocol, or name its TLS port with -b",
        question: Some(Question::Plaintext),
    },
    Rule {
        texts: &["Disconnected"],
        when: When::PlainIn("APIVERSION_QUERY"),
        denied: false,
        words: "connection closed at once",
        sentence: "the broker at {broker} closed the connection at once: it may expect TLS (-X security.protocol=SSL), or \
                   have as many clients as it takes",
        question: Some(Question::Tls),
    },
    Rule {
        texts: &["Disconnected"],
        when: When::AnonymousJustUp,
        denied: false,
        words: "connection closed at the first request",
        sentence: "the broker at {broker} closed the connection at the first request: does it expect a login? \
                   -X security.protocol=SASL_PLAINTEXT (or SASL_SSL), sasl.mechanism, sasl.username, sasl.password",
        question: Some(Question::Login),
    },
    Rule {
        texts: &["Disconnected"],
        when: When::Always,
        denied: false,
        words: "connection closed",
        sentence: "",
        question: None,
    },
    Rule {
        texts: &["Failed to resolve"],
        when: When::Always,
        denied: false,
        words: "host name {host} not found",
        sentence: "",
        question: None,
    },
    Rule {
        texts: &["Connection refused"],
        when: When::Always,
        denied: false,
        words: "connection refused",
        sentence: "",
        question: None,
    },
    Rule {
        texts: &["timed out"],
        when: When::In("CONNECT"),
        denied: false,
        words: "no answer from {host}",
        sentence: "",
        question: None,
    },
    Rule {
        texts: &["request(s) timed out"],
        when: When::Always,
        denied: false,
        words: "requests timed out",
        sentence: "",
        question: None,
    },
];

const CLIENT_CERTIFICATE: &str = "the broker at {broker} wants a certificate of this client: \
    -X ssl.certificate.location=FILE.pem -X ssl.key.location=FILE.pem";
const NO_TLS: &str = "the broker at {broker} does not speak TLS at this port: omit SSL in security.protocol, \
    or name its TLS port with -b";

impl Rule {
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
