//! Assembles parts into whole frames, in bounded memory, whatever their order, duplicates, gaps or false headers.
//!
//! ```text
//! Incoming ─push(now)─▶ source ▸ session ▸ pending frame ─all parts there─▶ Option<Frame>
//! ```
//! A frame is dropped as *torn* when a newer one of its session completes, when its deadline passes, or when memory
//! runs out. The numbers seen in each session are kept in a [`SessionState`], which yields the counts of expected frames.

mod rise;
mod session_state;
mod span;
mod tally;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use self::session_state::SessionState;
pub use self::tally::Tally;
use crate::time::Micros;
use crate::wire::record::{FRAME_BYTES_MAX, Incoming, Part, Rejected};
use crate::wire::{End, Frame, FrameKind, Meta, Session};

/// Upper limits of the memory and time used.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes held for all unfinished frames.
    pub bytes_max: usize,
    pub sources_max: usize,
    /// Sessions kept for each source. The one that was silent longest is added to the totals and removed.
    pub sessions_max: usize,
    /// Time after which an unfinished frame is dropped. It is long, because a producer that waits for its broker may
    /// pause inside a frame, and a newer frame ends the wait anyway.
    pub deadline: Duration,
    /// Time of silence after which a source makes room for a new one.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bytes_max: FRAME_BYTES_MAX,
            sources_max: 64,
            sessions_max: 8,
            deadline: Duration::from_secs(30),
            silence: Duration::from_secs(5),
        }
    }
}

/// The result of pushing a record.
#[allow(clippy::large_enum_variant, reason = "the large variant is the usual one, and lives for one call")]
#[derive(Clone, PartialEq, Debug)]
pub enum Pushed {
    /// The record's frame is not whole yet, or not needed any more.
    Nothing,
    Frame(Frame),
    /// The session has ended.
    End(Box<Ended>),
}

/// The end of a session.
#[derive(Clone, PartialEq, Debug)]
pub struct Ended {
    /// Data of its last frame.
    pub meta: Meta,
    pub counts: End,
    /// Its last picture, if the record contained it.
    pub picture: Option<Frame>,
}

/// The state of one source.
#[derive(Clone, Default, Debug)]
struct Source {
    sessions: BTreeMap<Session, SessionState>,
    /// Sums of removed sessions.
    folded: Tally,
    seen: Micros,
}

#[derive(Debug, Default)]
pub struct Reassembler {
    limits: Limits,
    sources: BTreeMap<Arc<str>, Source>,
    /// Sums of removed sources.
    folded: Tally,
    /// Number of sources removed to make room for others.
    evictions: u64,
}

impl Reassembler {
    pub fn new(limits: Limits) -> Reassembler {
        Reassembler { limits, ..Reassembler::default() }
    }

    /// Processes a record. `meta.stamps.received` must be set; `now` becomes `reassembled`.
    pub fn push(&mut self, incoming: Incoming, now: Micros) -> Result<Pushed, Rejected> {
        match incoming {
            Incoming::Part(part) => Ok(self.push_part(part, now)?.map_or(Pushed::Nothing, Pushed::Frame)),
            Incoming::End(meta, end, picture) => self.push_end(meta, end, picture, now),
            Incoming::Foreign(..) => Err(Rejected::NotAPicture),
        }
    }

    /// Called by a member of a group before it pushes a record of this session. `stretch` changes if other members may
    /// have read records of the partition since the last call. The frames in those records do not count as lost.
    pub fn resume(&mut self, source: &Arc<str>, session: Session, stretch: u64, now: Micros) {
        // A source without room is refused when its record is pushed.
        if let Ok(state) = self.session_mut(source, session, now) {
            state.resume(stretch);
        }
    }

    /// Makes a frame of `source` from another client's picture, and numbers it.
    pub fn push_foreign(&mut self, mut meta: Meta, payload: Bytes, now: Micros) -> Result<Frame, Rejected> {
        let state = self.session_mut(&meta.source, meta.session, now)?;
        meta.frame = state.next_number();
        state.see(&meta, 0);
        state.settle_whole(meta.frame);
        meta.stamps.reassembled = now;
        Ok(Frame { meta, payload, kind: FrameKind::Foreign })
    }

    /// Drops frames that have been unfinished for too long.
    pub fn expire(&mut self, now: Micros) {
        let deadline = self.limits.deadline;
        self.sources.values_mut().flat_map(|s| s.sessions.values_mut()).for_each(|s| s.expire(now, deadline));
    }

    /// Number of bytes held for unfinished frames.
    pub fn held_bytes(&self) -> usize {
        self.sessions().map(SessionState::held_bytes).sum()
    }

    /// The sums of each source.
    pub fn tallies(&self) -> impl Iterator<Item = (&Arc<str>, Tally)> {
        self.sources.iter().map(|(name, source)| (name, source.tally()))
    }

    /// The sums of everything that arrived.
    pub fn total(&self) -> Tally {
        self.sources.values().map(Source::tally).fold(self.folded, Tally::plus)
    }

    /// Number of removed sources; it changes when a source is no longer known.
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    pub fn knows(&self, source: &str) -> bool {
        self.sources.contains_key(source)
    }

    pub fn session(&self, source: &str, session: Session) -> Option<&SessionState> {
        self.sources.get(source)?.sessions.get(&session)
    }

    fn push_part(&mut self, part: Part, now: Micros) -> Result<Option<Frame>, Rejected> {
        if part.bytes > self.limits.bytes_max {
            return Err(Rejected::OverBound);
        }
        let (source, session) = (part.meta.source.clone(), part.meta.session);
        let state = self.session_mut(&source, session, now)?;
        state.check(&part.meta)?;
        state.see(&part.meta, part.index);
        let frame = state.push(part, now);
        while self.held_bytes() > self.limits.bytes_max && self.give_up_oldest() {}
        Ok(frame)
    }

    fn push_end(&mut self, mut meta: Meta, end: End, picture: Option<Bytes>, now: Micros) -> Result<Pushed, Rejected> {
        let state = self.session_mut(&meta.source, meta.session, now)?;
        state.finish(end, meta.skipped);
        meta.stamps.reassembled = now;
        let picture = picture.map(|payload| Frame { meta: meta.clone(), payload, kind: FrameKind::Repeat });
        Ok(Pushed::End(Box::new(Ended { meta, counts: end, picture })))
    }

    fn session_mut(&mut self, name: &Arc<str>, session: Session, now: Micros) -> Result<&mut SessionState, Rejected> {
        if !self.sources.contains_key(name) {
            self.make_room(now)?;
        }
        let source = self.sources.entry(name.clone()).or_default();
        source.seen = now;
        if !source.sessions.contains_key(&session) && source.sessions.len() >= self.limits.sessions_max {
            source.fold_oldest();
        }
        Ok(source.sessions.entry(session).or_default().touch(now))
    }

    fn make_room(&mut self, now: Micros) -> Result<(), Rejected> {
        if self.sources.len() < self.limits.sources_max {
            return Ok(());
        }
        let (silent, seen) = self
            .sources
            .iter()
            .min_by_key(|(_, s)| s.seen)
            .map(|(name, s)| (name.clone(), s.seen))
            .ok_or(Rejected::TooManySources(self.limits.sources_max))?;
        if now.since(seen) < self.limits.silence {
            return Err(Rejected::TooManySources(self.limits.sources_max));
        }
        if let Some(source) = self.sources.remove(&silent) {
            self.folded = self.folded.plus(source.tally());
            self.evictions += 1;
        }
        Ok(())
    }

    fn give_up_oldest(&mut self) -> bool {
        let oldest = self
            .sources
            .values_mut()
            .flat_map(|s| s.sessions.values_mut())
            .filter(|s| s.held_bytes() > 0)
            .min_by_key(|s| s.oldest_pending());
        let Some(state) = oldest else { return false };
        state.give_up_oldest();
        true
    }

    fn sessions(&self) -> impl Iterator<Item = &SessionState> {
        self.sources.values().flat_map(|s| s.sessions.values())
    }

    /// Panics if an invariant is violated; for fuzzing.
    #[doc(hidden)]
    pub fn check_invariants(&self) {
        assert!(self.held_bytes() <= self.limits.bytes_max, "memory is bounded");
        assert!(self.sources.len() <= self.limits.sources_max, "sources are bounded");
        assert!(self.sources.values().all(|s| s.sessions.len() <= self.limits.sessions_max), "sessions are bounded");
        self.sessions().for_each(SessionState::check_invariants);
    }
}

impl Source {
    fn tally(&self) -> Tally {
        self.sessions.values().map(SessionState::tally).fold(self.folded, Tally::plus)
    }

    /// Adds the session that was silent longest to the sums, and removes it.
    fn fold_oldest(&mut self) {
        let oldest = self.sessions.iter().min_by_key(|(_, s)| s.seen_at()).map(|(session, _)| *session);
        if let Some(state) = oldest.and_then(|oldest| self.sessions.remove(&oldest)) {
            self.folded = self.folded.plus(state.tally());
        }
    }
}

#[cfg(test)]
mod tests;
