//! The broker in our own process, started if the user named none and none is running. Then a viewer needs nothing but
//! vidprod.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use anyhow::Context;
use broker::{Broker, BrokerSnapshot, ClientSnapshot, files};
use cli::shutdown::Shutdown;
use cli::values::DurationArg;
use common::time::Clock;
use kafka::{Admin, ConnectTimeout, DEFAULT_BROKERS, KafkaError, ServerKind};

use producer::CLIENT_ID;
use producer::source::{Loops, SourceTiming};

use crate::options::Options;

/// Kafka's own port, at which a viewer looks by default.
const PORT: u16 = 9092;
/// Default time that a file waits for a viewer.
const WAIT_VIEWER: Duration = Duration::from_secs(30);
/// Timeout for probing localhost:9092.
const ANSWER: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(10);
/// Time after which waiting is logged; a shorter wait is not worth a line.
const LOG_AFTER: Duration = Duration::from_millis(500);
/// Ctrl-C in a terminal also ends other producers there. This is their time to close their sessions with our broker.
const OTHERS_END: Duration = Duration::from_secs(1);
/// Time for which a newly connected client counts as a newcomer: if it has not sent or read anything by then, the
/// broker does not stay for it. It is ample for a program that starts on a busy machine. The broker does not wait this
/// long for clients that read or produce already.
const NEWCOMER: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Embedded {
    broker: Broker,
}

/// Connects to the broker, which is our own if the user named none and none is running.
///
/// A broker that answered the probe may be gone before we connect, for example if it was another vidprod's that has
/// just ended. Then we probe again, and serve in its place.
pub fn reach_broker(options: &Options, patience: &ConnectTimeout<'_>) -> anyhow::Result<(Option<Embedded>, Admin)> {
    loop {
        let embedded = Embedded::start_if_needed(options)?;
        let may_serve = embedded.is_none() && !options.cli.no_embedded && options.connection.uses_default_broker();
        let is_gone = || may_serve && kafka::probe_server(DEFAULT_BROKERS, ANSWER) == ServerKind::Nobody;
        let wanted = || (patience.wanted)() && !is_gone();
        match Admin::connect(&options.connection, CLIENT_ID, &ConnectTimeout { wanted: &wanted, ..*patience }) {
            Err(KafkaError::Stopped { .. }) if (patience.wanted)() => {}
            admin => return Ok((embedded, admin?)),
        }
    }
}

impl Embedded {
    /// Starts the broker, if the user named none and none is running.
    fn start_if_needed(options: &Options) -> anyhow::Result<Option<Embedded>> {
        if !options.connection.uses_default_broker() {
            return Ok(None);
        }
        match kafka::probe_server(DEFAULT_BROKERS, ANSWER) {
            ServerKind::Kafka => return Ok(None),
            ServerKind::Silent => {
                tracing::warn!(
                    event = "waiting",
                    brokers = DEFAULT_BROKERS,
                    "something listens at {DEFAULT_BROKERS} but does not answer as Kafka does: waiting for an answer"
                );
                return Ok(None);
            }
            ServerKind::Other => return Err(KafkaError::NotKafka { brokers: DEFAULT_BROKERS.to_owned() }.into()),
            ServerKind::Nobody if options.cli.no_embedded => return Ok(None),
            ServerKind::Nobody => {}
        }
        // If another program has taken the port since the probe, its broker is used.
        let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)) else { return Ok(None) };
        let mut settings = broker::Options::default();
        settings.limits.more_connections = "a vidbroker that is started before vidprod takes more: --max-connections";
        files::fit(&mut settings.limits).context("starting the embedded broker")?;
        let memory_bound_bytes = settings.memory_bytes;
        let megabytes = memory_bound_bytes / 1_000_000;
        let broker = Broker::start(settings, listener).context("starting the embedded broker")?;
        tracing::info!(
            event = "serving",
            brokers = DEFAULT_BROKERS,
            memory_bound_bytes,
            "no Kafka at {DEFAULT_BROKERS}: vidprod serves as the broker there, with at most {megabytes} MB of memory (-b HOST:PORT uses another)"
        );
        Ok(Some(Embedded { broker }))
    }

    /// Makes an input that has an end wait for a viewer before its first frame, so that the viewer misses nothing.
    pub fn wait_for_viewer(&self, options: &Options, clock: &dyn Clock, shutdown: &Shutdown) {
        let source = &options.source;
        let has_an_end = source.input.timing() != SourceTiming::Live && source.loops != Loops::Forever;
        let topic = &options.topic.topic.name;
        let wait = options.cli.wait_viewer.map_or(WAIT_VIEWER, DurationArg::duration);
        if !has_an_end || wait.is_zero() || self.is_read(topic) {
            return;
        }
        let seconds = wait.as_secs_f64();
        let began = clock.now();
        let mut logged = false;
        while !shutdown.requested() && clock.now().since(began) < wait {
            if self.is_read(topic) {
                return;
            }
            // A viewer that was started before us needs a moment to notice.
            if !logged && clock.now().since(began) > LOG_AFTER {
                logged = true;
                tracing::info!(
                    event = "waiting",
                    topic,
                    seconds,
                    "waiting at most {seconds} s for a viewer (--wait-viewer); in another terminal:  vidcons --topic {topic}"
                );
            }
            clock.sleep_until(clock.now().plus(LOOK));
        }
        if !shutdown.requested() {
            tracing::info!(event = "no_viewer", topic, "no viewer came: starting without one");
        }
    }

    fn is_read(&self, topic: &str) -> bool {
        self.broker.snapshot().is_some_and(|snapshot| snapshot.is_read(topic))
    }

    /// Serves until no client needs the broker: a second producer must not lose its broker, nor a viewer the last
    /// frame.
    pub fn serve_on(self, clock: &dyn Clock, shutdown: &Shutdown) {
        let mut logged = String::new();
        let began = clock.now();
        let mut requested_at = None;
        while let Some(snapshot) = self.broker.snapshot() {
            let Some(why) = needed_by(&snapshot) else { break };
            let now = clock.now();
            if shutdown.requested() {
                let requested_at = *requested_at.get_or_insert(now);
                if now.since(requested_at) >= OTHERS_END || !snapshot.clients.iter().any(|client| client.produces) {
                    break;
                }
            } else if why != logged && now.since(began) > LOG_AFTER {
                tracing::info!(event = "serving_on", why, "the broker keeps running: {why} (Ctrl-C ends it)");
                logged = why;
            }
            clock.sleep_until(now.plus(LOOK));
        }
        if let Err(error) = self.broker.stop() {
            tracing::warn!(event = "broker_failed", "the embedded broker: {error}");
        }
    }
}

/// Names the clients that still need the broker.
fn needed_by(snapshot: &BrokerSnapshot) -> Option<String> {
    let count = |which: fn(&ClientSnapshot) -> bool| snapshot.clients.iter().filter(|c| which(c)).count();
    let producers = count(|c| c.produces);
    let readers = count(|c| !c.produces && c.behind);
    let waiting_producers = count(|c| !c.produces && (c.has_producer_id || c.name == CLIENT_ID));
    let newcomers = snapshot.clients.iter().filter(|c| is_newcomer(c, snapshot)).count();
    match (producers, readers, newcomers) {
        _ if producers == 0 && waiting_producers > 0 => {
            Some("another producer is connected, and would lose its broker".to_owned())
        }
        (0, 0, 0) => None,
        (0, 0, _) => Some("somebody has just connected".to_owned()),
        (0, 1, _) => Some("a reader has not read all yet".to_owned()),
        (0, readers, _) => Some(format!("{readers} readers have not read all yet")),
        (1, ..) => Some("another producer is connected, and would lose its broker".to_owned()),
        (producers, ..) => Some(format!("{producers} other producers are connected, and would lose their broker")),
    }
}

/// True for a client that connected a moment ago and has not requested anything yet. A client has several connections:
/// if a later one reads or produces, the earlier ones are not newcomers.
fn is_newcomer(client: &ClientSnapshot, snapshot: &BrokerSnapshot) -> bool {
    let is_busy = |c: &ClientSnapshot| c.produces || c.has_producer_id || !c.reads.is_empty();
    let speaks_for = |other: &ClientSnapshot| {
        other.name == client.name && other.peer.ip() == client.peer.ip() && other.connected <= client.connected
    };
    let answered_for = || snapshot.clients.iter().any(|other| is_busy(other) && speaks_for(other));
    client.connected < NEWCOMER && !is_busy(client) && !answered_for()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn client(name: &str, connected_ms: u64) -> ClientSnapshot {
        ClientSnapshot {
            name: name.to_owned(),
            peer: ([127, 0, 0, 1], 1).into(),
            connected: Duration::from_millis(connected_ms),
            produces: false,
            has_producer_id: false,
            reads: BTreeSet::new(),
            behind: false,
        }
    }

    fn reader(name: &str, connected_ms: u64, behind: bool) -> ClientSnapshot {
        ClientSnapshot { reads: ["video".to_owned()].into(), behind, ..client(name, connected_ms) }
    }

    fn check(clients: Vec<ClientSnapshot>, expected: bool) {
        let snapshot = BrokerSnapshot { clients, ..BrokerSnapshot::default() };
        assert_eq!(needed_by(&snapshot).is_some(), expected, "{:?}", snapshot.clients);
    }

    #[test]
    fn a_broker_is_needed_by_producers_and_by_readers_that_are_behind() {
        check(vec![], false);
        check(vec![ClientSnapshot { produces: true, ..client("p", 99_000) }], true);
        check(vec![reader("v", 99_000, true)], true);
        check(vec![reader("v", 100, false)], false);
    }

    #[test]
    fn a_producer_that_has_not_sent_anything_yet_keeps_its_broker() {
        check(vec![ClientSnapshot { has_producer_id: true, ..client("p", 99_000) }], true);
        // A live source's producer has no id.
        check(vec![client(CLIENT_ID, 99_000)], true);
    }

    #[test]
    fn a_client_that_has_just_connected_is_given_time_to_ask() {
        check(vec![client("v", 5_000)], true);
        check(vec![client("v", 99_000)], false);
    }

    #[test]
    fn a_reader_s_first_connection_keeps_no_broker_running() {
        check(vec![client("v", 5_000), reader("v", 4_990, false)], false);
        // Another client, or one that connected after the reader, may still request something.
        check(vec![client("other", 5_000), reader("v", 4_990, false)], true);
        check(vec![client("v", 1_000), reader("v", 4_990, false)], true);
    }
}
