//! Explains why a connection fails: maps librdkafka's text to a short cause and a sentence with the cure.
//!
//! librdkafka gives a reason only as a line of text, so the texts of its version in Cargo.lock are the keys of the table in
//! `causes/rules.rs`.

mod failure;
mod rules;

pub(crate) use self::failure::Failure;
use self::rules::RULES;
use crate::options::Connection;

/// The reason why a client has no connection.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ConnectionProblem {
    /// True if trying again will not help.
    pub denied: bool,
    /// A short noun phrase, for a status line.
    pub words: String,
    /// The same as a sentence that names the broker and, if there is one, the cure.
    pub sentence: Option<String>,
    /// A question that makes the cause certain, and the address of the broker to ask.
    pub(crate) question: Option<(Question, String)>,
    /// An advertised address that cannot be reached, although the broker that advertises it answers.
    pub(crate) advertised: Option<String>,
}

/// A guess at the reason why a broker breaks connections, to be checked by asking it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Question {
    Tls,
    Plaintext,
    Login,
    /// Its certificate may be for another host name, or not trusted at all.
    Certificate,
}

impl ConnectionProblem {
    /// A sentence for the log or an error of a client whose bootstrap brokers are `brokers`.
    pub fn sentence(&self, brokers: &str) -> String {
        self.sentence.clone().unwrap_or_else(|| format!("no Kafka answers at {brokers} ({})", self.words))
    }
}

/// The security settings of a client and its bootstrap brokers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Credentials {
    tls: bool,
    sasl: bool,
    user: Option<String>,
    mechanism: String,
    /// The bootstrap brokers.
    bootstrap: Vec<String>,
}

impl Credentials {
    pub fn of(connection: &Connection) -> Credentials {
        let property = |name: &str| connection.properties.get(name).cloned();
        let protocol = property("security.protocol").unwrap_or_default().to_ascii_uppercase();
        Credentials {
            tls: protocol.ends_with("SSL"),
            sasl: protocol.starts_with("SASL_"),
            user: property("sasl.username"),
            mechanism: property("sasl.mechanism").unwrap_or_else(|| "GSSAPI".to_owned()),
            bootstrap: connection.brokers.split(',').map(str::to_owned).collect(),
        }
    }

    /// The Kafka principal, written as for kafka-acls.
    pub fn principal(&self) -> String {
        match &self.user {
            Some(user) if self.sasl => format!("User:{user}"),
            _ if self.sasl || self.tls => "User:NAME (the name in its certificate or ticket)".to_owned(),
            _ => "User:ANONYMOUS".to_owned(),
        }
    }

    pub fn who(&self) -> String {
        self.user.as_ref().map_or_else(|| "this client".to_owned(), |user| format!("user {user}"))
    }
}

/// Explains why the connection failed, and what helps. `ever_up` is true if this broker was connected before.
pub(crate) fn problem(failure: &Failure<'_>, credentials: &Credentials, ever_up: bool) -> ConnectionProblem {
    let Some(rule) = RULES.iter().find(|rule| rule.fits(failure, credentials)) else {
        return moved(
            ConnectionProblem { words: brief(failure.text), ..ConnectionProblem::default() },
            failure,
            credentials,
            ever_up,
        );
    };
    let detail = failure.text.rsplit_once(": ").map_or(failure.text, |(_, detail)| detail).trim();
    let fill = |template: &str| {
        template
            .replace("{broker}", failure.broker)
            .replace("{host}", failure.host())
            .replace("{who}", &credentials.who())
            .replace("{mechanism}", &credentials.mechanism)
            .replace("{detail}", detail)
    };
    let sentence = (!rule.sentence.is_empty()).then(|| fill(rule.sentence));
    let question = rule.question.map(|question| (question, failure.broker.to_owned()));
    let problem =
        ConnectionProblem { denied: rule.denied, words: fill(rule.words), sentence, question, advertised: None };
    moved(problem, failure, credentials, ever_up)
}

/// Adds a sentence if the broker was never reached at the address that a bootstrap broker advertised for it.
fn moved(
    problem: ConnectionProblem,
    failure: &Failure<'_>,
    credentials: &Credentials,
    ever_up: bool,
) -> ConnectionProblem {
    let named = credentials.bootstrap.iter().any(|broker| broker == failure.broker);
    if problem.sentence.is_some() || !failure.learned || named || ever_up {
        return problem;
    }
    let sentence = format!(
        "the broker at {} answers, and says to come to {} (its advertised.listeners), which cannot be reached: {}",
        credentials.bootstrap.join(","),
        failure.broker,
        problem.words
    );
    let words = format!("advertised {} unreachable", failure.broker);
    ConnectionProblem {
        words,
        sentence: Some(sentence),
        advertised: Some(failure.broker.to_owned()),
        ..ConnectionProblem::default()
    }
}

/// Shortens an error text: `Connect to ipv4#127.0.0.1:1 failed: No route to host` → `no route to host`.
fn brief(text: &str) -> String {
    let cause = match text.split_once(" failed: ") {
        Some((before, why)) if before.starts_with("Connect to ") => why,
        _ => text,
    };
    let mut letters = cause.trim().chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    // An abbreviation keeps its capitals.
    if letters.clone().next().is_some_and(char::is_uppercase) {
        cause.trim().to_owned()
    } else {
        first + letters.as_str()
    }
}

#[cfg(test)]
mod tests;
