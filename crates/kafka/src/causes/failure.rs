//! Parses a line in which librdkafka reports a broken connection.

/// The parts of a line in which librdkafka reports a broken connection: `[thrd:T]: ssl://host:9092/1: Text (after 3ms
/// in state CONNECT, 1 identical error(s) suppressed)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Failure<'a> {
    /// `host:9092`
    pub broker: &'a str,
    /// True if the broker's address comes from the metadata, false if from the user.
    pub learned: bool,
    pub text: &'a str,
    pub state: &'a str,
    pub state_age_ms: u64,
}

impl<'a> Failure<'a> {
    /// Parses a line; `None` if it names no broker.
    pub fn parse(line: &'a str) -> Option<Failure<'a>> {
        let line = line.strip_prefix("[thrd:").and_then(|l| l.split_once("]: ")).map_or(line, |(_, rest)| rest);
        let (name, text) = line.split_once(": ")?;
        let (broker, learned, text) = match name.rsplit_once('/') {
            Some((address, id)) => (address.rsplit("//").next()?, id != "bootstrap", text),
            // `GroupCoordinator: host:9092: Text`
            None => text
                .split_once(": ")
                .map(|(address, text)| (address.rsplit("//").next(), text))
                .and_then(|(address, text)| address.filter(|a| a.contains(':')).map(|a| (a, true, text)))?,
        };
        let (text, after) = text.rsplit_once(" (after ").unwrap_or((text, ""));
        let (age, state) = after.split_once("ms in state ").unwrap_or(("", ""));
        let state = state.split([',', ')']).next().unwrap_or("");
        Some(Failure { broker, learned, text, state, state_age_ms: age.parse().unwrap_or(u64::MAX) })
    }

    /// True if the connection was established before it broke.
    pub fn was_up(&self) -> bool {
        self.state == "UP"
    }

    pub fn host(&self) -> &'a str {
        self.broker.rsplit_once(':').map_or(self.broker, |(host, _)| host)
    }
}
