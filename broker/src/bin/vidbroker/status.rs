//! The live status: topics, clients, rates and memory.

use std::time::Duration;

use anyhow::Context;
use broker::{Broker, Glance};
use common::clock::{Clock, SystemClock};
use common::plural::count;
use common::report::bytes;
use serde::Serialize;
use shell::shutdown::Shutdown;
use shell::status::Status;

/// Interval of checks for Ctrl-C.
const LOOK: Duration = Duration::from_millis(100);

/// Shows the status until the program is to end.
pub(crate) fn watch(broker: &Broker, shutdown: &Shutdown, every: Option<Duration>) -> anyhow::Result<()> {
    let clock = SystemClock;
    let mut status = Status::new(None, every);
    let every = every.filter(|_| !status.is_drawn()).unwrap_or(DRAW_EVERY);
    let (mut before, mut at) = (broker.glance().unwrap_or_default(), clock.now());
    let first = Figures::new(&before, &before, every);
    status.tell(at, 0, || (first.line(), first));
    while !shutdown.asked() {
        clock.sleep_until(clock.now().plus(LOOK));
        let now = clock.now();
        if now.since(at) >= every {
            let glance = broker.glance().context("the broker has ended by itself")?;
            let figures = Figures::new(&glance, &before, now.since(at));
            status.tell(now, 0, || (figures.line(), figures));
            (before, at) = (glance, now);
        }
    }
    Ok(())
}

/// Interval at which the line on a terminal gets new figures.
const DRAW_EVERY: Duration = Duration::from_secs(1);

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
    /// Computes the rates from two glances and the time `between` them.
    fn new(glance: &Glance, before: &Glance, between: Duration) -> Figures {
        let per_second = |bytes: u64, before: u64| ((bytes - before) as f64 / between.as_secs_f64()).round() as u64;
        Figures {
            topics: glance.topics,
            clients: glance.clients.len(),
            bytes_in_per_second: per_second(glance.bytes_in, before.bytes_in),
            bytes_out_per_second: per_second(glance.bytes_out, before.bytes_out),
            memory_bytes: glance.memory_used,
            memory_bound_bytes: glance.memory_bound,
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
    use super::*;

    #[test]
    fn rates_are_of_the_time_between() {
        let before = Glance { bytes_in: 1_000_000, ..Glance::default() };
        let glance =
            Glance { bytes_in: 5_000_000, memory_used: 1500, memory_bound: 2_000_000_000, ..Glance::default() };
        let figures = Figures::new(&glance, &before, Duration::from_secs(2));
        assert_eq!(figures.bytes_in_per_second, 2_000_000);
        assert_eq!(figures.line(), "0 topics, 0 clients, in 2.0 MB/s, out 0.0 MB/s, memory 1500 B of 2.00 GB");
    }
}
