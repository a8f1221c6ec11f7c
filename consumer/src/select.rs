//! Selects the source to show, and one of its sessions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use common::time::Micros;
use common::wire::{Frame, Meta, Session};

/// Time of silence after which a session gives way to an older one that is alive.
const SILENCE: Duration = Duration::from_secs(2);
/// Time of silence after which a source counts as dead: another may be shown, and `-e` does not wait for it.
const DEAD: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
struct Current {
    session: Session,
    seen: Micros,
    /// The time between its last two frames.
    gap: Duration,
    /// Time at which it ended.
    ended: Option<Micros>,
    /// True if frames of it arrived after our start.
    live: bool,
    /// True once the log mentions that an older session with the same name is alive too.
    told_twins: bool,
}

/// The place of the shown source among the live ones, sorted by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Number, starting at 1.
    pub number: usize,
    pub of: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.number, self.of)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    Next,
    Previous,
}

#[derive(Debug)]
pub struct Selection {
    /// The values of `--source`, in order; empty for all sources.
    wanted: Vec<String>,
    sources: BTreeMap<Arc<str>, Current>,
    chosen: Option<Arc<str>>,
    /// True once Tab was pressed; from then on the user chooses.
    by_hand: bool,
}

impl Selection {
    pub fn new(wanted: &[String]) -> Selection {
        Selection { wanted: wanted.to_vec(), sources: BTreeMap::new(), chosen: None, by_hand: false }
    }

    /// True if frames of this source are wanted at all.
    pub fn wants(&self, source: &str) -> bool {
        self.wanted.is_empty() || self.rank(source).is_some()
    }

    pub fn chosen(&self) -> Option<&Arc<str>> {
        self.chosen.as_ref()
    }

    /// True if this frame belongs to the shown source and session. `live` is true if it arrived after our start.
    pub fn takes(&mut self, frame: &Frame, live: bool, now: Micros) -> bool {
        let source = &frame.meta.source;
        if !self.wants(source) {
            return false;
        }
        let current = self.is_current(frame, live, now);
        self.choose(source, now);
        current && self.chosen.as_ref() == Some(source)
    }

    /// Enters the end of a session; returns true if it was the current one of its source.
    pub fn ended(&mut self, source: &str, session: Session, at: Micros) -> bool {
        match self.sources.get_mut(source) {
            Some(current) if current.session == session => {
                current.ended = Some(at);
                true
            }
            _ => false,
        }
    }

    /// Enters a session without frames that had ended before our start.
    pub fn had_ended(&mut self, source: &Arc<str>, session: Session, at: Micros) {
        let new = Current { ended: Some(at), ..Current::new(session, at) };
        self.sources.entry(source.clone()).or_insert(new);
    }

    /// Time at which the session of this source ended, if it has.
    pub fn ended_at(&self, source: &str) -> Option<Micros> {
        self.sources.get(source)?.ended
    }

    /// The requested sources, if none of them has been seen yet.
    pub fn missing(&self) -> &[String] {
        let seen = self.wanted.iter().any(|name| self.sources.contains_key(name.as_str()));
        if seen { &[] } else { &self.wanted }
    }

    /// True if there were live sources and all of them have ended. JPEGs of other clients have no end.
    pub fn all_ended(&self, now: Micros) -> bool {
        let mut live = self.sources.values().filter(|c| c.live && c.session.began_ms > 0).peekable();
        live.peek().is_some() && live.all(|c| c.ended.is_some() || now.since(c.seen) > DEAD)
    }

    /// The place of the shown source, if there are others to switch to.
    pub fn place(&self, now: Micros) -> Option<Place> {
        let chosen = self.chosen.as_ref()?;
        let number = self.live(now).position(|name| name == chosen)? + 1;
        let of = self.live(now).count();
        (of > 1).then_some(Place { number, of })
    }

    /// Switches to the next live source by name, or to the previous one, if there is another.
    pub fn step(&mut self, step: Step, now: Micros) -> Option<&Arc<str>> {
        let Place { number, of } = self.place(now)?;
        let index = match step {
            Step::Next => number % of,
            Step::Previous => (number + of - 2) % of,
        };
        let chosen = self.live(now).nth(index).cloned();
        self.chosen = chosen;
        self.by_hand = true;
        self.chosen.as_ref()
    }

    /// Removes sources that the reassembler has removed.
    pub fn retain(&mut self, known: impl Fn(&str) -> bool) {
        let chosen = self.chosen.clone();
        self.sources.retain(|name, _| known(name) || Some(name) == chosen.as_ref());
    }

    /// The sources that can be watched, including the shown one even if it has ended.
    fn live(&self, now: Micros) -> impl Iterator<Item = &Arc<str>> {
        let is_live = move |(name, current): &(&Arc<str>, &Current)| {
            let silence_max = DEAD.max(2 * current.gap);
            let comes = current.live && current.ended.is_none() && now.since(current.seen) <= silence_max;
            comes || self.chosen.as_ref() == Some(name)
        };
        self.sources.iter().filter(is_live).map(|(name, _)| name)
    }

    fn is_over(&self, source: &str, now: Micros) -> bool {
        self.sources.get(source).is_none_or(|current| current.ended.is_some() || now.since(current.seen) > DEAD)
    }

    fn rank(&self, source: &str) -> Option<usize> {
        self.wanted.iter().position(|w| w == source)
    }

    fn choose(&mut self, source: &Arc<str>, now: Micros) {
        let better = match &self.chosen {
            None => true,
            Some(_) if self.by_hand => false,
            Some(chosen) => self.rank(source) < self.rank(chosen) || self.is_over(chosen, now),
        };
        if better {
            self.chosen = Some(source.clone());
        }
    }

    fn is_current(&mut self, frame: &Frame, live: bool, now: Micros) -> bool {
        let meta = &frame.meta;
        let new = Current::new(meta.session, now);
        let current = self.sources.entry(meta.source.clone()).or_insert(new);
        let gone = current.ended.is_some() || now.since(current.seen) > SILENCE;
        if current.session == meta.session {
            (current.gap, current.seen) = (now.since(current.seen), now);
        } else if gone || meta.session > current.session {
            *current = Current { told_twins: current.told_twins, ..new };
        } else {
            current.log_twin(meta);
            return false;
        }
        if live && !std::mem::replace(&mut current.live, true) {
            log_start(frame);
        }
        true
    }
}

impl Current {
    fn new(session: Session, seen: Micros) -> Current {
        Current { session, seen, gap: Duration::ZERO, ended: None, live: false, told_twins: false }
    }

    /// Warns once that an older session is alive besides this one. JPEGs of other clients have no sessions.
    fn log_twin(&mut self, meta: &Meta) {
        let of_vidprod = meta.session.began_ms > 0;
        if of_vidprod && !std::mem::replace(&mut self.told_twins, true) {
            tracing::warn!(
                event = "two_producers",
                source = &*meta.source,
                "two producers send as {}: the one that began later is shown; --source NAME names them apart",
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

#[cfg(test)]
mod tests;
