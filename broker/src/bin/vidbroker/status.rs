//! The live status: topics, clients, rates and memory.

use std::time::Duration;

use anyhow::Context;
use broker::{Broker, BrokerSnapshot};
use cli::shutdown::Shutdown;
use cli::status::Status;
use common::time::{Clock, SystemClock};
use common::words::{bytes, count};
use serde::Serialize;
use web::MetricsServer;

use crate::metrics::metrics;

/// Interval of checks for Ctrl-C, and of answers for Prometheus.
const LOOK: Duration = Duration::from_millis(100);

/// Shows the status and answers for the figures until the program is to end. Fails if the broker ends by itself.
pub(crate) fn watch(
    broker: &Broker,
    figures: Option<&MetricsServer>,
    shutdown: &Shutdown,
    every: Option<Duration>,
) -> anyhow::Result<()> {
    let answer = || figures.iter().for_each(|server| server.answer(|| metrics(broker.snapshot().as_ref()), || None));
    watch_with(&SystemClock, || broker.snapshot(), answer, || shutdown.requested(), every)
}

fn watch_with(
    clock: &dyn Clock,
    snapshot: impl Fn() -> Option<BrokerSnapshot>,
    answer: impl Fn(),
    asked_to_end: impl Fn() -> bool,
    every: Option<Duration>,
) -> anyhow::Result<()> {
    let mut status = Status::new(None, every);
    let every = every.filter(|_| !status.is_drawn()).unwrap_or(CHECK_EVERY);
    let (mut before, mut at) = (snapshot().unwrap_or_default(), clock.now());
    let mut looked = at;
    let first = Figures::new(&before, &before, every);
    status.update(at, 0, || (first.line(), first));
    while !asked_to_end() {
        clock.sleep_until(clock.now().plus(LOOK));
        answer();
        let now = clock.now();
        let is_due = now.since(at) >= every;
        if is_due || now.since(looked) >= CHECK_EVERY {
            looked = now;
            let snapshot = snapshot().context("the broker has ended by itself")?;
            if is_due {
                let figures = Figures::new(&snapshot, &before, now.since(at));
                status.update(now, 0, || (figures.line(), figures));
                (before, at) = (snapshot, now);
            }
        }
    }
    Ok(())
}

/// Longest time after which the end of the broker is noticed, and interval at which a terminal gets new figures.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The fields of the event `status`, which docs/operate.md describes.
#[derive(Clone, Debug, Serialize)]
struct Figures {
    topics: usize,
    clients: usize,
    bytes_in_per_second: u64,
    bytes_out_per_second: u64,
    memory_bytes: usize,
    memory_bound_bytes: usize,
}

impl Figures {
    /// Computes the rates from two snapshots and the time `between` them.
    fn new(snapshot: &BrokerSnapshot, before: &BrokerSnapshot, between: Duration) -> Figures {
        let per_second = |bytes: u64, before: u64| ((bytes - before) as f64 / between.as_secs_f64()).round() as u64;
        Figures {
            topics: snapshot.topics,
            clients: snapshot.clients.len(),
            bytes_in_per_second: per_second(snapshot.bytes_in, before.bytes_in),
            bytes_out_per_second: per_second(snapshot.bytes_out, before.bytes_out),
            memory_bytes: snapshot.memory_used,
            memory_bound_bytes: snapshot.memory_bound,
        }
    }

    fn line(&self) -> String {
        format!(
            "{}, {}, in {:.1} MB/s, out {:.1} MB/s, memory {} of {}",
            count(self.topics, "topic"),
            count(self.clients, "client"),
            self.bytes_in_per_second as f64 / 1e6,
            self.bytes_out_per_second as f64 / 1e6,
            bytes(self.memory_bytes as u64),
            bytes(self.memory_bound_bytes as u64),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use common::time::ManualClock;

    use super::*;

    #[test]
    fn a_broker_that_has_ended_is_noticed_however_rare_the_status_is() {
        for every in [None, Some(Duration::from_secs(3600))] {
            let (clock, snapshots) = (ManualClock::default(), Cell::new(0));
            let began = clock.now();
            let snapshot = || {
                snapshots.set(snapshots.get() + 1);
                (snapshots.get() < 4).then(BrokerSnapshot::default)
            };
            let asked_to_end = || clock.now().since(began) > Duration::from_secs(60);
            let error =
                watch_with(&clock, snapshot, || (), asked_to_end, every).expect_err("the fourth snapshot fails");
            assert_eq!(error.to_string(), "the broker has ended by itself");
        }
    }

    #[test]
    fn rates_are_of_the_time_between() {
        let before = BrokerSnapshot { bytes_in: 1_000_000, ..BrokerSnapshot::default() };
        let snapshot = BrokerSnapshot {
            bytes_in: 5_000_000,
            memory_used: 1500,
            memory_bound: 2_000_000_000,
            ..BrokerSnapshot::default()
        };
        let figures = Figures::new(&snapshot, &before, Duration::from_secs(2));
        assert_eq!(figures.bytes_in_per_second, 2_000_000);
        assert_eq!(figures.line(), "0 topics, 0 clients, in 2.0 MB/s, out 0.0 MB/s, memory 1500 B of 2.00 GB");
    }
}
