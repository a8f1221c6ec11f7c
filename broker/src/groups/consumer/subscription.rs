//! Which topics a member reads: those that it names, and those that its regular expression matches.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::protocol::StrBytes;
use regex::{Regex, RegexBuilder};
use uuid::Uuid;

use crate::memory::OVERHEAD_BYTES;
use crate::topics::Topics;

/// A compiled expression may take that much while it is used; it is compiled anew whenever the topics change.
const REGEX_BYTES_MAX: usize = 1 << 18;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Subscription {
    pub(super) names: BTreeSet<StrBytes>,
    /// Has to match a whole name.
    pub(super) regex: Option<StrBytes>,
}

impl Subscription {
    /// What keeping it takes.
    pub(super) fn cost(&self) -> usize {
        let names = self.names.iter().map(|name| name.len() + OVERHEAD_BYTES).sum::<usize>();
        names + self.regex.as_ref().map_or(0, |regex| regex.len())
    }

    pub(super) fn includes(&self, topic: &str) -> bool {
        let matches = || compiled(self.regex.as_deref()).is_ok_and(|r| r.is_some_and(|r| r.is_match(topic)));
        self.names.iter().any(|name| &**name == topic) || matches()
    }
}

/// `None` where there is none; the error says what is wrong with it.
pub(super) fn compiled(regex: Option<&str>) -> Result<Option<Regex>, String> {
    let Some(regex) = regex.filter(|regex| !regex.is_empty()) else { return Ok(None) };
    let build =
        |regex: &str| RegexBuilder::new(regex).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build();
    // By itself first, as brackets that do not match could match those around it.
    let whole = build(regex).and_then(|_| build(&format!("^(?:{regex})$")));
    // The error draws the expression over several lines, and says in the last one what is wrong.
    whole.map(Some).map_err(|error| error.to_string().lines().last().unwrap_or_default().trim().to_owned())
}

/// Looks subscriptions up in the topics that there are, each expression once.
pub(super) struct Resolver<'a> {
    topics: &'a Topics,
    matched: BTreeMap<StrBytes, BTreeSet<Uuid>>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(topics: &'a Topics) -> Resolver<'a> {
        Resolver { topics, matched: BTreeMap::new() }
    }

    pub(super) fn resolve(&mut self, subscription: &Subscription) -> BTreeSet<Uuid> {
        let named = subscription.names.iter().filter_map(|name| self.topics.get(name)).map(|topic| topic.id);
        let mut found: BTreeSet<Uuid> = named.collect();
        if let Some(regex) = &subscription.regex {
            let topics = self.topics;
            found.extend(self.matched.entry(regex.clone()).or_insert_with(|| matching(topics, regex)).iter());
        }
        found
    }
}

fn matching(topics: &Topics, regex: &str) -> BTreeSet<Uuid> {
    let Ok(Some(regex)) = compiled(Some(regex)) else { return BTreeSet::new() };
    topics.all().filter(|topic| regex.is_match(&topic.name)).map(|topic| topic.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_matches_whole_names() {
        let check = |regex: &str, topic: &str, expected: bool| {
            let subscription = Subscription { regex: Some(StrBytes::from_string(regex.into())), ..Default::default() };
            assert_eq!(subscription.includes(topic), expected, "{regex} {topic}");
        };
        check("cam", "cam", true);
        check("cam", "cam1", false);
        check("cam.*", "cam1", true);
        check("^cam|^other", "other", true);
        check("^cam|^other", "others", false);
        check("", "cam", false);
        check("(", "cam", false);
        check("cam)|(other", "other", false);
    }

    #[test]
    fn what_is_wrong_with_an_expression_is_one_line() {
        let check = |regex: &str| {
            let words = compiled(Some(regex)).unwrap_err();
            assert!(!words.is_empty() && !words.contains('\n'), "{words}");
        };
        check("(");
        check(r"(\w{100}){100}");
    }
}
