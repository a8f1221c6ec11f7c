//! Watches one client: collects its signs of life, probes the brokers, and decides when the client must be renewed.

use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use common::time::Micros;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError as ClientError;

use crate::context::Context;
use crate::options::Connection;
use crate::settings;
use crate::watchdog::{Watchdog, WatchdogStep};

/// Interval between two checks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Time for which an unreachable advertised address counts as the reason for having no connection. librdkafka repeats
/// the same failure every 30 s.
const UNREACHABLE_FOR: Duration = Duration::from_secs(35);
/// Longest interval of statistics, in ms, that shows soon enough if a client is alive.
const STATISTICS_MS_MAX: u32 = 1000;

#[derive(Debug)]
pub(crate) struct ClientWatch {
    /// False if the user's own `statistics.interval.ms` leaves it without signs of life.
    on: bool,
    watchdog: Watchdog,
    /// A probe in flight, which returns true if a broker answered and named at least one broker.
    probe: Option<JoinHandle<bool>>,
    /// Number of signs of life at the last check.
    signs: u64,
    /// Number of unreachable advertised addresses at the last check, and the time of the last one.
    unreachable: u64,
    unreachable_at: Option<Micros>,
    next_look: Micros,
}

impl ClientWatch {
    pub fn new(connection: &Connection, now: Micros) -> ClientWatch {
        let on = connection
            .properties
            .get("statistics.interval.ms")
            .is_none_or(|ms| ms.trim().parse().is_ok_and(|ms: u32| (1..=STATISTICS_MS_MAX).contains(&ms)));
        ClientWatch {
            on,
            watchdog: Watchdog::new(now),
            probe: None,
            signs: 0,
            unreachable: 0,
            unreachable_at: None,
            next_look: now,
        }
    }

    /// The client did something that only a connected client can do, or has nothing to do.
    pub fn sign_of_life(&mut self, now: Micros) {
        self.watchdog.sign_of_life(now);
    }

    /// True if the client must be renewed now. Most calls return at once, because it checks four times a second.
    pub fn must_renew(&mut self, now: Micros, context: &Context, connection: &Connection, topic: &str) -> bool {
        if !self.on || now < self.next_look {
            return false;
        }
        self.next_look = now.plus(LOOK_EVERY);
        let link = context.state().link;
        if std::mem::replace(&mut self.signs, link.signs_of_life) != link.signs_of_life {
            self.watchdog.sign_of_life(now);
        }
        if std::mem::replace(&mut self.unreachable, link.times_unreachable) != link.times_unreachable {
            self.unreachable_at = Some(now);
        }
        // A new client would be sent to the same address.
        if self.unreachable_at.is_some_and(|at| now.since(at) < UNREACHABLE_FOR) {
            self.watchdog.sign_of_life(now);
        }
        if let Some(probe) = self.probe.take_if(|probe| probe.is_finished()) {
            self.watchdog.probed(probe.join().unwrap_or(false), now);
        }
        match self.watchdog.step(now, link.is_connected()) {
            WatchdogStep::Nothing => {}
            WatchdogStep::Probe => match start_probe(connection, topic) {
                Ok(probe) => self.probe = Some(probe),
                Err(_) => self.watchdog.probed(false, now),
            },
            WatchdogStep::Renew => {
                // A new client counts its signs of life from zero.
                (self.signs, self.unreachable, self.unreachable_at) = (0, 0, None);
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

/// Timeout of a probe, longer than a TLS handshake over a slow link takes.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks for the leaders of `topic`, on a thread of its own. Fails if no thread could be started.
fn start_probe(connection: &Connection, topic: &str) -> std::io::Result<JoinHandle<bool>> {
    let (connection, topic) = (connection.clone(), topic.to_owned());
    Builder::new().name("probe".to_owned()).spawn(move || brokers(&connection, &topic) > 0)
}

/// Number of brokers that the cluster names; 0 if nobody answers.
fn brokers(connection: &Connection, topic: &str) -> usize {
    let config = settings::with_the_users(settings::common(connection, "vidprobe"), connection);
    let client: Result<BaseConsumer<Quiet>, ClientError> = config.create_with_context(Quiet);
    let metadata = client.and_then(|client| client.fetch_metadata(Some(topic), TIMEOUT));
    metadata.map_or(0, |metadata| metadata.brokers().len())
}

/// A context without logging: its errors were errors of the client itself before, and logged then.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, _: ClientError, _: &str) {}
}

impl ConsumerContext for Quiet {}
