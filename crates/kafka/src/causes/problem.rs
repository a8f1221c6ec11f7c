//! The reason why a client has no connection, and the settings that the reasons depend on.

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
    /// A probe that can confirm the cause, and the address of the broker to probe.
    pub(crate) question: Option<(Question, String)>,
    /// An advertised address that cannot be reached, although the broker that advertises it answers.
    pub(crate) advertised: Option<String>,
}

/// A guess at the reason why a broker breaks connections, to be confirmed by a probe.
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
    pub(super) tls: bool,
    pub(super) sasl: bool,
    user: Option<String>,
    pub(super) mechanism: String,
    /// The bootstrap brokers.
    pub(super) bootstrap: Vec<String>,
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
