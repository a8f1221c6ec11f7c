//! Watches over one client: collects its signs of life, probes the brokers, and says when the client must be renewed.

use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

use common::clock::Micros;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;

use crate::context::Ears;
use crate::options::Connection;
use crate::settings;
use crate::watchdog::{Step, Watchdog};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// For so long after an advertised address could not be reached that is why there is no connection. librdkafka repeats the
/// same failure every 30 s.
const MISLED: Duration = Duration::from_secs(35);
/// Statistics that come less often than this, in ms, show too late whether a client is alive.
const STATISTICS_MS_MAX: u32 = 1000;

#[derive(Debug)]
pub(crate) struct Watch {
    /// Off where the user's own `statistics.interval.ms` leaves it without signs of life.
    on: bool,
    watchdog: Watchdog,
    probe: Option<Probe>,
    /// How many signs of life the statistics had shown at the last look.
    signs: u64,
    /// How often an advertised address had been out of reach at the last look, and when that was last seen.
    misled: u64,
    misled_at: Option<Micros>,
    next_look: Micros,
}

impl Watch {
    pub fn new(connection: &Connection, now: Micros) -> Watch {
        let on = connection
            .properties
            .get("statistics.interval.ms")
            .is_none_or(|ms| ms.trim().parse().is_ok_and(|ms: u32| (1..=STATISTICS_MS_MAX).contains(&ms)));
        Watch { on, watchdog: Watchdog::new(now), probe: None, signs: 0, misled: 0, misled_at: None, next_look: now }
    }

    /// The client did what only a connected client can do, or has nothing to do.
    pub fn sign_of_life(&mut self, now: Micros) {
        self.watchdog.sign_of_life(now);
    }

    /// Whether the client must be renewed now. Most calls return at once: it looks four times a second.
    pub fn must_renew(&mut self, now: Micros, ears: &Ears, connection: &Connection, topic: &str) -> bool {
        if !self.on || now < self.next_look {
            return false;
        }
        self.next_look = now.plus(LOOK_EVERY);
        let signs = ears.link.signs_of_life();
        if std::mem::replace(&mut self.signs, signs) != signs {
            self.watchdog.sign_of_life(now);
        }
        let misled = ears.link.times_misled();
        if std::mem::replace(&mut self.misled, misled) != misled {
            self.misled_at = Some(now);
        }
        // A new client would be sent to the same address.
        if self.misled_at.is_some_and(|at| now.since(at) < MISLED) {
            self.watchdog.sign_of_life(now);
        }
        if let Some(answered) = self.probe.as_ref().and_then(Probe::answer) {
            self.probe = None;
            self.watchdog.probed(answered, now);
        }
        match self.watchdog.step(now, ears.link.is_connected()) {
            Step::Nothing => {}
            Step::Probe => match Probe::start(connection, topic) {
                Some(probe) => self.probe = Some(probe),
                None => self.watchdog.probed(false, now),
            },
            Step::Renew => {
                // A new client counts its signs of life from the beginning.
                (self.signs, self.misled, self.misled_at) = (0, 0, None);
                tracing::warn!(
                    event = "client_replaced",
                    brokers = connection.brokers,
                    "{} answers, but not on this client's connections: replacing the client",
                    connection.brokers
                );
                return true;
            }
        }
        false
    }
}

/// Longer than a TLS handshake over a slow link takes.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A question that is under way.
#[derive(Debug)]
pub(crate) struct Probe(Receiver<bool>);

impl Probe {
    /// Asks where `topic` is. `None` where no thread could be started.
    pub fn start(connection: &Connection, topic: &str) -> Option<Probe> {
        let (answer, receiver) = sync_channel(1);
        let (connection, topic) = (connection.clone(), topic.to_owned());
        let ask = move || {
            // Nobody waits for the answer any more once the client was dropped.
            let _ = answer.send(brokers(&connection, &topic) > 0);
        };
        std::thread::Builder::new().name("probe".to_owned()).spawn(ask).ok()?;
        Some(Probe(receiver))
    }

    /// `Some(true)`: a broker answered and named at least one broker. `None`: there is no answer yet.
    pub fn answer(&self) -> Option<bool> {
        match self.0.try_recv() {
            Ok(answered) => Some(answered),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(false),
        }
    }
}

/// How many brokers the cluster names; 0 where nobody answers.
fn brokers(connection: &Connection, topic: &str) -> usize {
    let config = settings::with_the_users(settings::common(connection, "vidprobe"), connection);
    let client: Result<BaseConsumer<Quiet>, KafkaError> = config.create_with_context(Quiet);
    let metadata = client.and_then(|client| client.fetch_metadata(Some(topic), TIMEOUT));
    metadata.map_or(0, |metadata| metadata.brokers().len())
}

/// What goes wrong here went wrong for the client itself before, and was logged then.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, _: KafkaError, _: &str) {}
}

impl ConsumerContext for Quiet {}
