//! One source: the session that counts, its next frame, its books, and the figures of its recent frames.

use std::time::Duration;

use common::books::SourceBooks;
use common::time::{Micros, Recent, TimeBase};
use common::wire::{DropRule, Frame, Meta, Session};

use super::flow::FrameFlow;

/// Time of silence after which a session gives way to an older one that is alive.
const SILENCE: Duration = Duration::from_secs(2);
/// Time of silence after which a source counts as dead: another may be shown, and `-e` does not wait for it.
const DEAD: Duration = Duration::from_secs(10);

/// A frame that is to be shown. [`Engine::shown`](super::Engine::shown) or
/// [`Engine::undecodable`](super::Engine::undecodable) takes it back, so that it is counted.
#[must_use = "a frame that is not handed back is not counted"]
#[derive(Debug)]
pub struct PendingFrame {
    /// The frame. Its viewer enters the time in `meta.stamps.decoded` and `presented`.
    pub frame: Frame,
    pub(super) base: TimeBase,
    pub(super) timed: bool,
}

impl PendingFrame {
    /// True if its latency counts, because it arrived after our start.
    pub fn is_timed(&self) -> bool {
        self.timed
    }
}

/// The state of one source.
#[derive(Default, Debug)]
pub struct Track {
    pub(super) books: SourceBooks,
    /// Its newest frame, or the next one if every frame is wanted, until it is shown.
    pub(super) next: Option<PendingFrame>,
    pub(super) drop_rule: DropRule,
    /// Latency of the last frames that were shown.
    pub(super) recent: Recent,
    pub(super) flow: FrameFlow,
    /// The frame that was shown last.
    last_shown: Option<(Session, u64)>,
    /// `None` until a frame or an end of the source has counted.
    current: Option<CurrentSession>,
    /// True once the log mentions that an older session with the same name is alive too.
    warned_of_twins: bool,
}

#[derive(Clone, Copy, Debug)]
struct CurrentSession {
    session: Session,
    seen: Micros,
    /// The time between its last two frames.
    gap: Duration,
    /// Time at which it ended.
    ended: Option<Micros>,
    /// True if frames of it arrived after our start.
    live: bool,
}

impl CurrentSession {
    fn new(session: Session, seen: Micros) -> CurrentSession {
        CurrentSession { session, seen, gap: Duration::ZERO, ended: None, live: false }
    }
}

impl Track {
    /// Enters a frame; returns true if it belongs to the session that counts. `live` is true if it arrived after our
    /// start.
    pub fn enter(&mut self, frame: &Frame, live: bool, now: Micros) -> bool {
        let meta = &frame.meta;
        let new = CurrentSession::new(meta.session, now);
        let current = self.current.get_or_insert(new);
        let gone = current.ended.is_some() || now.since(current.seen) > SILENCE;
        if current.session == meta.session {
            (current.gap, current.seen) = (now.since(current.seen), now);
        } else if gone || meta.session > current.session {
            *current = new;
        } else {
            self.warn_of_twins(meta);
            return false;
        }
        if live && !std::mem::replace(&mut current.live, true) {
            log_start(frame);
        }
        true
    }

    /// Enters the end of a session; returns true if it is the one that counts.
    pub fn end(&mut self, session: Session, at: Micros) -> bool {
        let current = self.current.as_mut().filter(|current| current.session == session);
        current.map(|current| current.ended = Some(at)).is_some()
    }

    /// Enters a session without frames that had ended before our start, if no other is known.
    pub fn had_ended(&mut self, session: Session, at: Micros) {
        self.current.get_or_insert(CurrentSession { ended: Some(at), ..CurrentSession::new(session, at) });
    }

    /// Starts to watch the source: its silence counts from `since` on, or from its next frame on.
    pub fn watch(&mut self, since: Option<Micros>) {
        self.recent.clear();
        self.flow = since.map_or_else(FrameFlow::default, FrameFlow::since);
    }

    /// Enters a frame as shown.
    pub fn was_shown(&mut self, meta: &Meta) {
        self.last_shown = Some((meta.session, meta.frame));
    }

    /// True if this frame, or a newer one of its session, was shown.
    pub fn is_late(&self, meta: &Meta) -> bool {
        self.last_shown.is_some_and(|(session, frame)| session == meta.session && meta.frame <= frame)
    }

    /// True if the picture on the screen is older than this frame.
    pub fn is_news(&self, meta: &Meta) -> bool {
        self.last_shown.is_none_or(|shown| shown < (meta.session, meta.frame))
    }

    /// True if a frame or an end of the source has counted.
    pub fn is_seen(&self) -> bool {
        self.current.is_some()
    }

    /// Time at which the session ended, if it has.
    pub fn ended_at(&self) -> Option<Micros> {
        self.current?.ended
    }

    /// True if frames arrive that are not recorded ones, or may after a pause of their usual length.
    pub fn is_live(&self, now: Micros) -> bool {
        self.current.is_some_and(|current| {
            let silence_max = DEAD.max(2 * current.gap);
            current.live && current.ended.is_none() && now.since(current.seen) <= silence_max
        })
    }

    /// True if the source has ended or died.
    pub fn is_over(&self, now: Micros) -> bool {
        self.current.is_none_or(|current| current.ended.is_some() || now.since(current.seen) > DEAD)
    }

    /// True if frames of vidprod's arrived after our start. JPEGs of other clients have no end.
    pub fn can_end(&self) -> bool {
        self.current.is_some_and(|current| current.live && current.session.began_ms > 0)
    }

    /// Warns once that an older session is alive besides this one. JPEGs of other clients have no sessions.
    fn warn_of_twins(&mut self, meta: &Meta) {
        let of_vidprod = meta.session.began_ms > 0;
        if of_vidprod && !std::mem::replace(&mut self.warned_of_twins, true) {
            tracing::warn!(
                event = "two_producers",
                source = &*meta.source,
                "two producers publish as {}: the one that started later is shown; give each its own vidprod --source NAME",
                meta.source
            );
        }
    }
}

fn log_start(frame: &Frame) {
    let source = &*frame.meta.source;
    let (width, height) = frame.size();
    let size = (width > 0 && height > 0).then_some((width, height));
    tracing::info!(
        event = "source_started",
        source,
        width = size.map(|(width, _)| width),
        height = size.map(|(_, height)| height),
        "{source}: session started{}",
        size.map_or(String::new(), |(width, height)| format!(", {width}x{height}"))
    );
}
