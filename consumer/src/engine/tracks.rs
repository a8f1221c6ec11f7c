//! The sources of a topic: which of them is shown, and the outcome of each frame.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use common::books::{Loss, SourceBooks};
use common::time::Micros;
use common::wire::{Frame, FrameKind, Reassembler};

use super::track::{PendingFrame, Track};
use super::transport::Direction;

/// The position of the shown source among the live ones, sorted by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourcePosition {
    /// Number, starting at 1.
    pub number: usize,
    /// Number of live sources.
    pub of: usize,
}

impl fmt::Display for SourcePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.number, self.of)
    }
}

#[derive(Debug)]
pub struct Tracks {
    /// The requested sources, in order; empty for all sources.
    wanted: Vec<String>,
    tracks: BTreeMap<Arc<str>, Track>,
    chosen: Option<Arc<str>>,
    /// True once the user has chosen a source, which from then on is never changed automatically.
    by_hand: bool,
    /// The books of all sources together, including those that were removed.
    total: SourceBooks,
}

impl Tracks {
    pub fn new(wanted: Vec<String>) -> Tracks {
        Tracks { wanted, tracks: BTreeMap::new(), chosen: None, by_hand: false, total: SourceBooks::default() }
    }

    /// True if frames of this source are wanted at all.
    pub fn wants(&self, source: &str) -> bool {
        self.wanted.is_empty() || self.rank(source).is_some()
    }

    /// The requested sources, if none of them has been seen yet.
    pub fn missing(&self) -> &[String] {
        let is_seen = |name: &String| self.tracks.get(name.as_str()).is_some_and(Track::is_seen);
        if self.wanted.iter().any(is_seen) { &[] } else { &self.wanted }
    }

    /// The source that is shown, or will be.
    pub fn chosen(&self) -> Option<(&Arc<str>, &Track)> {
        self.tracks.get_key_value(self.chosen.as_ref()?)
    }

    pub fn chosen_mut(&mut self) -> Option<&mut Track> {
        self.tracks.get_mut(self.chosen.as_ref()?)
    }

    /// The track of a source.
    pub fn track(&mut self, source: &Arc<str>) -> &mut Track {
        if !self.tracks.contains_key(source) {
            self.tracks.insert(source.clone(), Track::default());
        }
        self.tracks.get_mut(source).expect("it was inserted if it was missing")
    }

    /// True if this frame belongs to the shown source, and to the session of it that counts. `live` is true if it
    /// arrived after our start.
    pub fn takes(&mut self, frame: &Frame, live: bool, now: Micros) -> bool {
        let source = &frame.meta.source;
        if !self.wants(source) {
            return false;
        }
        let counts = self.track(source).enter(frame, live, now);
        self.choose(source, now);
        counts && self.chosen.as_ref() == Some(source)
    }

    /// Shows a source if none is shown yet, if it comes before the shown one in the user's list, or if that is over.
    pub fn choose(&mut self, source: &Arc<str>, now: Micros) {
        let better = match self.chosen() {
            None => true,
            Some(_) if self.by_hand => false,
            Some((chosen, track)) => self.rank(source) < self.rank(chosen) || track.is_over(now),
        };
        if better && self.chosen.as_ref() != Some(source) {
            self.show(source.clone(), None);
        }
    }

    /// Shows the next live source by name, or the previous one, if there is another.
    pub fn step(&mut self, direction: Direction, now: Micros, silent_since: Micros) -> Option<&Arc<str>> {
        let SourcePosition { number, of } = self.position(now)?;
        let index = match direction {
            Direction::Next => number % of,
            Direction::Previous => (number + of - 2) % of,
        };
        let source = self.live(now).nth(index)?.clone();
        self.by_hand = true;
        self.show(source, Some(silent_since));
        self.chosen.as_ref()
    }

    fn show(&mut self, source: Arc<str>, silent_since: Option<Micros>) {
        if let Some(of_former) = self.chosen_mut().and_then(|former| former.next.take()) {
            self.lose(&of_former.frame, Loss::Superseded);
        }
        self.track(&source).watch(silent_since);
        self.chosen = Some(source);
    }

    /// The position of the shown source, if there are others to switch to.
    pub fn position(&self, now: Micros) -> Option<SourcePosition> {
        let chosen = self.chosen.as_ref()?;
        let number = self.live(now).position(|name| name == chosen)? + 1;
        let of = self.live(now).count();
        (of > 1).then_some(SourcePosition { number, of })
    }

    /// True if there were live sources and all of them have ended or died.
    pub fn all_ended(&self, now: Micros) -> bool {
        let mut live = self.tracks.values().filter(|track| track.can_end()).peekable();
        live.peek().is_some() && live.all(|track| track.is_over(now))
    }

    /// Removes sources that the reassembler has removed. Their books stay in the total, on both sides.
    pub fn forget_gone(&mut self, reassembler: &Reassembler) {
        let chosen = self.chosen.clone();
        self.tracks.retain(|name, track| {
            let known = reassembler.knows(name);
            if !known {
                track.books = SourceBooks::default();
            }
            known || Some(name) == chosen.as_ref()
        });
    }

    /// Keeps a frame of the shown source to be shown next. Of two, the newer one is kept, if nothing depends on
    /// the other.
    pub fn keep(&mut self, frame: PendingFrame) {
        let order = |pending: &PendingFrame| (pending.frame.meta.session, pending.frame.meta.frame);
        let track = self.track(&frame.frame.meta.source);
        let is_overtaken = track.next.as_ref().is_some_and(|kept| order(kept) > order(&frame));
        let is_key_frame = frame.frame.meta.key_frame;
        let dropped =
            if is_overtaken { Some(frame) } else { track.drop_rule.put(&mut track.next, frame, is_key_frame) };
        if let Some(dropped) = dropped {
            self.lose(&dropped.frame, Loss::Superseded);
        }
    }

    /// Counts a frame as not shown. A picture that an end repeats was counted when it came first.
    pub fn lose(&mut self, frame: &Frame, loss: Loss) {
        if frame.kind != FrameKind::Repeat {
            tracing::trace!("{} frame {}: {}", frame.meta.source, frame.meta.frame, loss.name());
            self.post(&frame.meta.source, |books| books.losses.add(loss));
        }
    }

    /// Makes the same entry for a source and for the total.
    pub fn post(&mut self, source: &Arc<str>, mut entry: impl FnMut(&mut SourceBooks)) {
        entry(&mut self.total);
        entry(&mut self.track(source).books);
    }

    /// Number of tracks that are kept.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.tracks.len()
    }

    /// The books of all sources together.
    pub fn total(&self) -> &SourceBooks {
        &self.total
    }

    /// The books of a source, if a frame of it has arrived.
    pub fn books(&self, source: &str) -> Option<&SourceBooks> {
        self.tracks.get(source).map(|track| &track.books)
    }

    /// The sources that can be watched, including the shown one even if it has ended.
    fn live(&self, now: Micros) -> impl Iterator<Item = &Arc<str>> {
        let is_listed =
            move |(name, track): &(&Arc<str>, &Track)| track.is_live(now) || self.chosen.as_ref() == Some(name);
        self.tracks.iter().filter(is_listed).map(|(name, _)| name)
    }

    fn rank(&self, source: &str) -> Option<usize> {
        self.wanted.iter().position(|wanted| wanted == source)
    }
}

#[cfg(test)]
mod tests;
