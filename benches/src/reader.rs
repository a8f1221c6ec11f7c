//! A consumer: reads along, takes the time of each record, and checks that none is missing.

use std::time::Duration;

use anyhow::bail;
use common::clock::{Clock, Micros};
use kafka::{Event, Tail};

use crate::ending::Ending;
use crate::payload::{Payload, Stamp};
use crate::seen::Seen;

/// How long a look at the topic waits.
const LOOK: Duration = Duration::from_millis(100);
/// When nothing comes for so long after the last message was sent, nothing will.
const GRACE: Duration = Duration::from_secs(5);

/// Reads until every message that was sent has come; `each` gets those that are new.
pub fn read(
    mut tail: Tail,
    payload: &Payload,
    ending: &Ending,
    clock: &dyn Clock,
    mut each: impl FnMut(Stamp, Micros),
) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    // When the last record came, or the end was known.
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
            Event::Forbidden { trouble, .. } => bail!(trouble.words),
            Event::Trouble(words) => tracing::warn!("the consumer says: {words}"),
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
