//! Messages sent through each broker before anything is measured: a freshly started Kafka runs uncompiled code, which
//! is not to be compared.

use anyhow::Context;
use cli::shutdown::Shutdown;
use common::time::Clock;

use crate::brokers::Broker;
use crate::payload::Payload;
use crate::throughput::case::{self, Amount, Run};
use crate::topic::Wishes;

/// Number of messages after which a JVM has compiled the code on the request path. Its compiler takes most of a core,
/// and stops after about 60 000.
pub const MESSAGES: u64 = 100_000;
/// Size of most messages, small so that many messages are few bytes.
const SMALL_BYTES: usize = 1_000;
/// One in this many messages is as large as a frame, and is transferred in several pieces.
const FRAME_EVERY: usize = 20;
const FRAME_BYTES: usize = 80_000;
/// Number of headers of a frame, as the broker processes each.
const HEADERS: usize = 16;

/// Sends one message at a time, like frames: messages sent at full speed would share few requests.
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
    // Makes the system write the brokers' data to disk now, and not during the measurement.
    rustix::fs::sync();
    Ok(())
}
