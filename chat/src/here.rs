//! The names of those who are here: they wrote or joined within the last ten minutes, by the records' times.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::message::{ChatKind, ChatMessage};

/// Time for which a person counts as here after a message.
pub const HERE_FOR: Duration = Duration::from_secs(600);
/// Number of names that are kept; beyond it, the one that was silent for longest goes.
const NAMES_MAX: usize = 1000;

/// The newest message of each name.
#[derive(Clone, Debug, Default)]
pub struct HereList(BTreeMap<String, (i64, ChatKind)>);

impl HereList {
    /// Enters a message. One from the future counts as written now.
    pub fn observe(&mut self, message: &ChatMessage, now_ms: i64) {
        let at_ms = message.at_ms.min(now_ms);
        if message.name.is_empty() || !is_recent(at_ms, now_ms) {
            return;
        }
        match self.0.get_mut(&message.name) {
            Some(newest) if newest.0 <= at_ms => *newest = (at_ms, message.kind),
            Some(_) => {}
            None => {
                if self.0.len() >= NAMES_MAX {
                    self.make_room(now_ms);
                }
                self.0.insert(message.name.clone(), (at_ms, message.kind));
            }
        }
    }

    /// The names of those who are here, in order.
    pub fn names(&self, now_ms: i64) -> Vec<&str> {
        let is_here = |&(at_ms, kind): &(i64, ChatKind)| kind != ChatKind::Left && is_recent(at_ms, now_ms);
        self.0.iter().filter(|(_, newest)| is_here(newest)).map(|(name, _)| name.as_str()).collect()
    }

    fn make_room(&mut self, now_ms: i64) {
        self.0.retain(|_, (at_ms, _)| is_recent(*at_ms, now_ms));
        let longest = self.0.iter().min_by_key(|(_, (at_ms, _))| *at_ms).map(|(name, _)| name.clone());
        if let Some(name) = longest.filter(|_| self.0.len() >= NAMES_MAX) {
            self.0.remove(&name);
        }
    }
}

fn is_recent(at_ms: i64, now_ms: i64) -> bool {
    now_ms.saturating_sub(at_ms) < HERE_FOR.as_millis() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;
    const MINUTE: i64 = 60_000;

    fn message(name: &str, kind: ChatKind, at_ms: i64) -> ChatMessage {
        let (name, text) = (name.to_owned(), String::new());
        ChatMessage { kind, name, text, at_ms, video: None, id: None, partition: 0, offset: 0 }
    }

    #[test]
    fn here_is_who_wrote_or_joined_within_ten_minutes_and_did_not_leave() {
        let mut here = HereList::default();
        for (name, kind, minutes) in [
            ("ana", ChatKind::Said, 9),
            ("ben", ChatKind::Joined, 1),
            ("cem", ChatKind::Said, 11),
            ("dia", ChatKind::Said, 2),
            ("dia", ChatKind::Left, 1),
            ("eva", ChatKind::Left, 3),
            ("eva", ChatKind::Joined, 2),
            // Read later because it is in another partition.
            ("ben", ChatKind::Left, 5),
            ("", ChatKind::Said, 0),
        ] {
            here.observe(&message(name, kind, NOW - minutes * MINUTE), NOW);
        }
        assert_eq!(here.names(NOW), ["ana", "ben", "eva"]);
        assert_eq!(here.names(NOW + 2 * MINUTE), ["ben", "eva"]);
        assert!(here.names(NOW + 10 * MINUTE).is_empty());
    }

    #[test]
    fn a_record_from_the_future_does_not_stay_for_ever() {
        let mut here = HereList::default();
        here.observe(&message("ana", ChatKind::Said, NOW + 1000 * MINUTE), NOW);
        assert_eq!((here.names(NOW).len(), here.names(NOW + 10 * MINUTE).len()), (1, 0));
    }

    #[test]
    fn names_are_bounded() {
        let mut here = HereList::default();
        for n in 0..2 * NAMES_MAX as i64 {
            here.observe(&message(&format!("n{n:05}"), ChatKind::Said, NOW + n), NOW + n);
        }
        let names = here.names(NOW + 2 * NAMES_MAX as i64);
        assert_eq!((names.len(), names[0]), (NAMES_MAX, "n01000"), "the newest stay");
    }
}
