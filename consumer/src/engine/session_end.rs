//! The end of a session.

use std::time::Duration;

use common::time::{Micros, TimeBase};
use common::wire::{End, Ended, Frame, Meta};
use common::words::count;

use super::Engine;
use super::input::Era;
use super::track::PendingFrame;

impl Engine {
    /// Enters the end of a session. A viewer that came too late for its frames shows its last picture.
    pub(super) fn session_ended(&mut self, ended: Ended, era: Era, now: Micros) {
        let Ended { meta, picture, counts } = ended;
        if !self.tracks.wants(&meta.source) {
            return;
        }
        let at = if era == Era::Live { now } else { meta.stamps.published.min(now) };
        let track = self.tracks.track(&meta.source);
        if era == Era::BeforeUs {
            track.had_ended(meta.session, at);
        }
        let counted = track.end(meta.session, at);
        if counted && era == Era::Live && self.tracks.all_ended(now) {
            self.live_is_over = true;
        }
        if era != Era::BeforeUs {
            return log_end(&meta, &counts);
        }
        log_earlier_end(&meta, now);
        // Only for viewers that came too late for the frames themselves; others have seen this picture.
        if let Some(frame) = picture.filter(|frame| self.wants_repeat(frame)) {
            self.tracks.choose(&meta.source, now);
            self.tracks.keep(PendingFrame { frame, base: TimeBase::SameHost, timed: false });
        }
    }

    /// True if the last picture of a session is worth showing again.
    fn wants_repeat(&mut self, frame: &Frame) -> bool {
        let is_shown = self.tracks.chosen().is_none_or(|(chosen, _)| *chosen == frame.meta.source);
        let track = self.tracks.track(&frame.meta.source);
        is_shown && !self.transport.is_paused() && track.next.is_none() && track.is_news(&frame.meta)
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

fn log_earlier_end(meta: &Meta, now: Micros) {
    let ago = now.since(meta.stamps.published);
    let ago = humantime::format_duration(Duration::from_secs(ago.as_secs()));
    tracing::info!(
        event = "source_ended_before",
        source = &*meta.source,
        "{} ended {ago} ago: here is its last picture; waiting for the next (-o beginning replays what the topic holds)",
        meta.source
    );
}
