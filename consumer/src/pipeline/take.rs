//! Chooses the next frame: the newest that has arrived or, if every frame is wanted, the next when it is due.

use std::time::Duration;

use common::time::TimeBase;
use common::wire::{End, Ended, Frame, Meta};
use common::words::count;
use kafka::Received;

use super::Run;
use crate::receive::{Arrival, Arrived};
use crate::viewer::Held;

/// Largest number of records in one turn, so that a flood of records does not keep frames from the screen.
const TURN_RECORDS_MAX: usize = 256;

impl Run<'_> {
    /// The frame to show now.
    pub(super) fn take(&mut self) -> anyhow::Result<Option<Held>> {
        if !self.options.every_frame {
            let newest = self.take_newest()?;
            // The held frame is an ended session's last picture; a frame that arrived after it is newer.
            let repeat = self.held.take();
            return Ok(newest.or(repeat));
        }
        if self.viewer.paused {
            // Records that are not read wait at the broker, so a pause loses nothing.
            self.clock.sleep_until(self.clock.now().plus(self.wait()));
            return Ok(None);
        }
        if self.held.is_none() {
            // An ended session's last picture may have been stored as held meanwhile.
            let next = self.take_next()?;
            self.held = next.or_else(|| self.held.take());
        }
        let Some(held) = &self.held else { return Ok(None) };
        let now = self.clock.now();
        let due = self.replay.due(&held.frame.meta, now);
        if due > now {
            self.clock.sleep_until(due.min(now.plus(self.wait())));
        }
        Ok(if due > self.clock.now() { None } else { self.held.take() })
    }

    /// Takes all frames that have arrived; waits only if there are none.
    fn take_newest(&mut self) -> anyhow::Result<Option<Held>> {
        let mut newest: Option<Held> = None;
        let mut wait = self.wait();
        for _ in 0..TURN_RECORDS_MAX {
            let arrival = self.receiver.next(wait)?;
            if matches!(arrival, Arrival::Nothing) {
                break;
            }
            if let Some(held) = self.admit(arrival)? {
                self.viewer.keep_newest(&mut newest, held);
            }
            wait = Duration::ZERO;
        }
        Ok(newest)
    }

    fn take_next(&mut self) -> anyhow::Result<Option<Held>> {
        for _ in 0..TURN_RECORDS_MAX {
            let arrival = if self.ended { Arrival::Nothing } else { self.receiver.next(self.wait())? };
            if matches!(arrival, Arrival::Nothing) {
                break;
            }
            if let Some(held) = self.admit(arrival)? {
                return Ok(Some(held));
            }
        }
        Ok(None)
    }

    fn admit(&mut self, arrival: Arrival) -> anyhow::Result<Option<Held>> {
        self.forget_evicted();
        match arrival {
            Arrival::Nothing | Arrival::Progress => Ok(None),
            Arrival::EndOfTopic => {
                self.ended = true;
                Ok(None)
            }
            Arrival::Frame(arrived) => {
                let Arrived { frame, base, before_us, received } = *arrived;
                if self.viewer.selection.wants(&frame.meta.source) {
                    self.print(&received, &frame)?;
                }
                Ok(self.viewer.admit(frame, base, before_us))
            }
            Arrival::Ended { ended, before_us } => {
                self.session_ended(*ended, before_us);
                Ok(None)
            }
        }
    }

    fn print(&mut self, received: &Received, frame: &Frame) -> anyhow::Result<()> {
        if self.options.print.is_some() {
            self.viewer.books.post(&frame.meta.source, |books| books.printed += 1);
        }
        self.outputs.print(&self.options.topic, received, frame)
    }

    /// Removes sources that made room for others. They stay in the totals, on both sides.
    fn forget_evicted(&mut self) {
        let reassembler = &self.receiver.reassembler;
        if std::mem::replace(&mut self.evictions, reassembler.evictions()) != reassembler.evictions() {
            self.viewer.selection.retain(|source| reassembler.knows(source));
            self.viewer.books.forget_gone(reassembler);
        }
    }

    fn session_ended(&mut self, ended: Ended, before_us: bool) {
        let Ended { meta, picture, counts } = ended;
        if !self.viewer.selection.wants(&meta.source) {
            return;
        }
        let live = self.options.until.end && !self.receiver.in_history() && !before_us;
        let now = self.clock.now();
        let past = before_us || self.receiver.in_history();
        let at = if past { meta.stamps.published.min(now) } else { now };
        if before_us {
            self.viewer.selection.had_ended(&meta.source, meta.session, at);
        }
        if self.viewer.selection.ended(&meta.source, meta.session, at) && live && self.viewer.selection.all_ended(now) {
            self.ended = true;
        }
        if !before_us {
            log_end(&meta, &counts);
            return;
        }
        let ago = now.since(meta.stamps.published);
        let ago = humantime::format_duration(Duration::from_secs(ago.as_secs()));
        tracing::info!(
            event = "source_ended_before",
            source = &*meta.source,
            "{} ended {ago} ago: here is its last picture; waiting for the next (-o beginning replays what the topic holds)",
            meta.source
        );
        // Only for viewers that came too late for the frames themselves; others have seen this picture.
        if let Some(frame) = picture.filter(|frame| self.viewer.wants_repeat(frame)) {
            self.held.get_or_insert(Held { frame, base: TimeBase::SameHost, timed: false });
        }
    }
}

fn log_end(meta: &Meta, counts: &End) {
    tracing::info!(
        event = "source_ended",
        source = &*meta.source,
        captured = counts.captured,
        acknowledged = counts.acknowledged,
        dropped = counts.dropped(),
        "{}: session ended: {}, of which the producer dropped {}",
        meta.source,
        count(counts.captured, "frame"),
        counts.dropped()
    );
}
