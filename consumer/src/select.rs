//! Which source is shown, and which of its sessions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use common::clock::Micros;
use common::frame::{Meta, Session};

/// A session that was silent that long gives way to an older one that is not.
const SILENCE: Duration = Duration::from_secs(2);
/// A source that was silent that long has died without saying so: another may be shown, and `-e` does not wait for it.
const DEAD: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
struct Current {
    session: Session,
    seen: Micros,
    /// When it ended.
    ended: Option<Micros>,
    /// Frames of it came while we looked.
    live: bool,
    /// An older session under the same name was seen alive beside it.
    told_twins: bool,
}

#[derive(Debug)]
pub struct Selection {
    /// `--source`, in its order; empty: all.
    wanted: Vec<String>,
    sources: BTreeMap<Arc<str>, Current>,
    chosen: Option<Arc<str>>,
    /// Tab was pressed: from then on the choice is the user's.
    by_hand: bool,
}

impl Selection {
    pub fn new(wanted: &[String]) -> Selection {
        Selection { wanted: wanted.to_vec(), sources: BTreeMap::new(), chosen: None, by_hand: false }
    }

    /// Whether frames of this source are wanted at all.
    pub fn wants(&self, source: &str) -> bool {
        self.wanted.is_empty() || self.rank(source).is_some()
    }

    pub fn chosen(&self) -> Option<&Arc<str>> {
        self.chosen.as_ref()
    }

    /// Whether this frame is of what is shown. `live`: it came while we looked.
    pub fn takes(&mut self, meta: &Meta, live: bool, now: Micros) -> bool {
        if !self.wants(&meta.source) {
            return false;
        }
        let current = self.is_current(meta, live, now);
        self.choose(&meta.source, now);
        current && self.chosen.as_ref() == Some(&meta.source)
    }

    /// A session ended at that time. Returns whether it was the one of its source that counts.
    pub fn ended(&mut self, source: &str, session: Session, at: Micros) -> bool {
        match self.sources.get_mut(source) {
            Some(current) if current.session == session => {
                current.ended = Some(at);
                true
            }
            _ => false,
        }
    }

    /// A session of which no frame was seen had ended before we looked.
    pub fn had_ended(&mut self, source: &Arc<str>, session: Session, at: Micros) {
        let new = Current { session, seen: at, ended: Some(at), live: false, told_twins: false };
        self.sources.entry(source.clone()).or_insert(new);
    }

    /// When the session of this source ended, if it has.
    pub fn ended_at(&self, source: &str) -> Option<Micros> {
        self.sources.get(source)?.ended
    }

    /// The sources that are waited for, where none of them has been seen yet.
    pub fn missing(&self) -> &[String] {
        let seen = self.wanted.iter().any(|name| self.sources.contains_key(name.as_str()));
        if seen { &[] } else { &self.wanted }
    }

    /// Whether there were live sources and all of them have ended. JPEGs of others have no end.
    pub fn all_ended(&self, now: Micros) -> bool {
        let mut live = self.sources.values().filter(|c| c.live && c.session.began_ms > 0).peekable();
        live.peek().is_some() && live.all(|c| c.ended.is_some() || now.since(c.seen) > DEAD)
    }

    /// Goes on to the next source by name.
    pub fn next_source(&mut self) -> Option<&Arc<str>> {
        let after = self.chosen.as_ref().and_then(|chosen| {
            self.sources
                .range::<Arc<str>, _>((std::ops::Bound::Excluded(chosen.clone()), std::ops::Bound::Unbounded))
                .next()
        });
        let next = after.or_else(|| self.sources.first_key_value()).map(|(name, _)| name.clone());
        self.by_hand = true;
        self.chosen = next;
        self.chosen.as_ref()
    }

    /// Keeps no more sources than the reassembler does.
    pub fn retain(&mut self, known: impl Fn(&str) -> bool) {
        let chosen = self.chosen.clone();
        self.sources.retain(|name, _| known(name) || Some(name) == chosen.as_ref());
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

    fn is_current(&mut self, meta: &Meta, live: bool, now: Micros) -> bool {
        let new = Current { session: meta.session, seen: now, ended: None, live, told_twins: false };
        let current = self.sources.entry(meta.source.clone()).or_insert(new);
        if current.session == meta.session {
            (current.seen, current.live) = (now, current.live || live);
            return true;
        }
        let gone = current.ended.is_some() || now.since(current.seen) > SILENCE;
        if gone || meta.session > current.session {
            let told_twins = current.told_twins;
            *current = Current { told_twins, ..new };
            return true;
        }
        let of_vidprod = meta.session.began_ms > 0;
        if of_vidprod && !std::mem::replace(&mut current.told_twins, true) {
            tracing::warn!(
                "two producers send as {}: the one that began later is shown; --source NAME names them apart",
                meta.source
            );
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(source: &str, began_ms: u64) -> Meta {
        Meta {
            source: source.into(),
            session: Session { began_ms, salt: 0 },
            frame: 0,
            number: None,
            pts: Duration::ZERO,
            stamps: common::stamps::Stamps::default(),
            origin: common::frame::Origin { boot: "".into(), wall_offset_us: 0 },
            width: 1,
            height: 1,
            dropped: 0,
        }
    }

    /// Frames as (source, session, second), and which of them are taken.
    fn check(wanted: &[&str], frames: &[(&str, u64, u64)], taken: &[bool]) {
        let mut selection = Selection::new(&wanted.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        let got: Vec<bool> = frames
            .iter()
            .map(|&(source, began, s)| selection.takes(&meta(source, began), true, Micros(s * 1_000_000)))
            .collect();
        assert_eq!(got, taken);
    }

    #[test]
    fn the_first_source_is_shown() {
        check(&[], &[("b", 1, 0), ("a", 1, 0), ("b", 1, 1)], &[true, false, true]);
    }

    #[test]
    fn the_first_one_wanted_is_shown_as_soon_as_it_comes() {
        check(&["a", "b"], &[("c", 1, 0), ("b", 1, 0), ("a", 1, 0), ("b", 1, 1)], &[false, true, true, false]);
    }

    #[test]
    fn of_two_live_sessions_the_later_is_shown() {
        check(&[], &[("a", 1, 0), ("a", 2, 0), ("a", 1, 1), ("a", 2, 1)], &[true, true, false, true]);
    }

    #[test]
    fn a_silent_session_gives_way() {
        check(&[], &[("a", 2, 0), ("a", 1, 1), ("a", 1, 4)], &[true, false, true]);
    }

    #[test]
    fn a_source_that_ended_gives_way_to_one_that_is_live() {
        let mut selection = Selection::new(&[]);
        assert!(selection.takes(&meta("a", 1), true, Micros(0)));
        assert!(!selection.takes(&meta("b", 1), true, Micros(1)));
        assert!(selection.ended("a", meta("a", 1).session, Micros(1)));
        assert!(selection.takes(&meta("b", 1), true, Micros(2)));
        assert!(!selection.takes(&meta("a", 2), true, Micros(3)), "and stays until it ends");
    }

    #[test]
    fn a_source_that_died_gives_way_and_is_not_waited_for() {
        let mut selection = Selection::new(&[]);
        let s = |seconds: u64| Micros(seconds * 1_000_000);
        assert!(selection.takes(&meta("a", 1), true, s(0)));
        assert!(!selection.takes(&meta("b", 1), true, s(9)));
        assert!(selection.takes(&meta("b", 1), true, s(11)));
        assert!(selection.ended("b", meta("b", 1).session, Micros(1)));
        assert!(selection.all_ended(s(11)));
    }

    #[test]
    fn what_was_there_before_us_is_not_waited_for() {
        let mut selection = Selection::new(&[]);
        selection.takes(&meta("old", 1), false, Micros(0));
        assert!(!selection.all_ended(Micros(1)));
        selection.takes(&meta("a", 1), true, Micros(2));
        selection.ended("a", meta("a", 1).session, Micros(1));
        assert!(selection.all_ended(Micros(3)));
    }

    #[test]
    fn tab_goes_round() {
        let mut selection = Selection::new(&[]);
        for source in ["b", "a", "c"] {
            selection.takes(&meta(source, 1), true, Micros(0));
        }
        let round: Vec<String> = (0..3).filter_map(|_| selection.next_source().map(|s| s.to_string())).collect();
        assert_eq!(round, ["c", "a", "b"]);
        assert!(selection.takes(&meta("b", 1), true, Micros(1)));
    }
}
