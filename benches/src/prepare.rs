//! What each broker carries before anything is measured: a real Kafka that has just started runs uncompiled code, which
//! is not what is compared.

use anyhow::Context;
use common::clock::Clock;
use shell::shutdown::Shutdown;

use crate::brokers::Broker;
use crate::payload::Payload;
use crate::throughput::case::{self, Amount, Run};
use crate::topic::Wishes;

/// So many, that a JVM has compiled what they go through: its compiler, which takes most of a core meanwhile, rests after
/// some 60 000.
pub const MESSAGES: u64 = 100_000;
/// Most are small, so that many are few bytes.
const SMALL_BYTES: usize = 1_000;
/// One in so many is as large as a frame, which comes and goes in several pieces.
const FRAME_EVERY: usize = 20;
const FRAME_BYTES: usize = 80_000;
/// As many as a frame has: a broker goes through each.
const HEADERS: usize = 16;

/// One message at a time, as frames come: what is sent as fast as it goes is sent in few requests.
pub fn run(brokers: &[Broker], messages: u64, clock: &dyn Clock, shutdown: &Shutdown) -> anyhow::Result<()> {
    if messages == 0 {
        return Ok(());
    }
    let mut lengths = [SMALL_BYTES; FRAME_EVERY];
    lengths[FRAME_EVERY - 1] = FRAME_BYTES;
    let payload = Payload::of_lengths(&lengths);
    let headers = (0..HEADERS).map(|i| (format!("header-{i}"), "1795300204465000".to_owned())).collect();
    let wishes = Wishes { headers, ..Wishes::default() };
    for (broker, started) in brokers.iter().enumerate() {
        let amount = Amount::Messages(messages);
        let run = Run { round: 0, broker, amount, bytes: payload.len_max(), in_flight_max: 1 };
        case::carry(run, &payload, &wishes, started, clock, shutdown)
            .with_context(|| format!("{}, preparing", started.name))?;
    }
    // What a broker has in the system's memory is written now, not beside what is measured.
    rustix::fs::sync();
    Ok(())
}
