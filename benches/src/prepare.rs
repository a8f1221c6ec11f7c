//! What each broker carries before anything is measured: a real Kafka that has just started runs uncompiled code, which
//! is not what is compared.

use anyhow::Context;
use common::clock::Clock;
use shell::shutdown::Shutdown;

use crate::brokers::Broker;
use crate::throughput::case::{self, Amount, Run};

/// So many, that a JVM has compiled what they go through: fewer leave its compiler at work beside what is measured.
pub const MESSAGES: u64 = 30_000;
/// Small, so that many do not keep the disk busy for seconds afterwards.
const BYTES: usize = 10_000;

/// One message at a time, as frames come: what is sent as fast as it goes is sent in few requests.
pub fn run(brokers: &[Broker], messages: u64, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<()> {
    for (broker, started) in brokers.iter().enumerate().filter(|_| messages > 0) {
        let run = Run { round: 0, broker, amount: Amount::Messages(messages), bytes: BYTES, in_flight_max: 1 };
        case::run(run, started, clock, shutdown).with_context(|| format!("{}, preparing", started.name))?;
    }
    Ok(())
}
