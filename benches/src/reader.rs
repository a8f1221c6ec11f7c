//! A consumer that reads all messages, measures the time of each, and checks that none is missing.

use std::time::Duration;

use anyhow::bail;
use common::time::{Clock, Micros};
use kafka::{Event, Tail};

use crate::ending::Ending;
use crate::payload::{Payload, Stamp};
use crate::seen::Seen;

/// Timeout of one read.
const LOOK: Duration = Duration::from_millis(100);
/// Time without a message after the last was sent. After that no more are expected.
const GRACE: Duration = Duration::from_secs(5);

/// Reads until every message that was sent has arrived; calls `each` for messages that are not duplicates.
pub fn read(
    mut tail: Tail,
    payload: &Payload,
    ending: &Ending,
    clock: &dyn Clock,
    mut each: impl FnMut(Stamp, Micros),
) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    // Time of the last record, or of learning the end.
    let mut heard = clock.now();
    let mut ended = false;
    loop {
        match tail.next(LOOK) {
            Event::Record(received) => {
                let now = clock.now();
                heard = now;
                match payload.read(&received.record.value) {
                    Some(stamp) if seen.take(stamp.sequence) => each(stamp, now),
                    Some(_) => {}
                    None => seen.damage(),
                }
            }
            Event::Nothing | Event::End => {}
            Event::Moved { .. } => tracing::warn!("the consumer fell off the old end of the topic"),
            Event::Anew | Event::Missing => bail!("the topic went away while it was read"),
            Event::Forbidden { problem, .. } => bail!(problem.words),
            Event::Refused(words) => bail!(words),
            Event::ConnectionProblem(words) => tracing::warn!("the consumer says: {words}"),
        }
        if let Some(sent) = ending.sent() {
            if !ended {
                (ended, heard) = (true, clock.now());
            }
            if seen.has_all(sent) || clock.now().since(heard) > GRACE {
                seen.close(sent);
                return Ok(seen);
            }
        }
    }
}
