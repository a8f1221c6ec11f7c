//! The frames used for measuring the stages: those that vidprod itself publishes in its first seconds.

use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use common::wire::{Limits, Pushed, Reassembler, record};
use kafka::Event;

use crate::e2e::{self, Place, Setup};
use crate::topic::{Topic, Wishes};

/// Time for which vidprod plays. Its frames are used in a loop.
const PLAYED: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(500);

/// Plays a short part without a viewer, and reads the frames back. `None` after Ctrl-C.
pub fn take(setup: &Setup, place: Place<'_>) -> anyhow::Result<Option<Vec<Bytes>>> {
    let name = format!("floor-frames-{}", std::process::id());
    let topic = Topic::create(&place.broker.address, &name, &Wishes::default(), place.clock)?;
    let little = Setup { viewers: 0, warmup: Duration::ZERO, seconds: PLAYED, ..setup.clone() };
    if e2e::run_in(&little, &name, place)?.is_none() {
        return Ok(None);
    }
    let mut tail = topic.tail(place.clock)?;
    let mut reassembler = Reassembler::new(Limits::default());
    let mut frames = Vec::new();
    while let Event::Record(received) = tail.next(LOOK) {
        match reassembler.push(record::read(&received.record)?, place.clock.now())? {
            Pushed::Frame(frame) => frames.push(frame.payload),
            Pushed::Nothing => {}
            Pushed::End(_) => break,
        }
    }
    ensure!(!frames.is_empty(), "vidprod published no frame");
    Ok(Some(frames))
}
