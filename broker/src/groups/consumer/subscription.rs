//! The topics that a member reads: those that it names, and those that its regular expression matches.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::protocol::StrBytes;
use regex::{Regex, RegexBuilder};
use uuid::Uuid;

use crate::memory::OVERHEAD_BYTES;
use crate::topics::Topics;

/// Largest memory of a compiled expression while it is in use. It is compiled again whenever the topics change.
const REGEX_BYTES_MAX: usize = 1 << 18;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Subscription {
    pub(super) names: BTreeSet<StrBytes>,
    /// Must match the whole name of a topic.
    pub(super) regex: Option<StrBytes>,
}

impl Subscription {
    /// Memory that the subscription needs, in bytes.
    pub(super) fn cost(&self) -> usize {
        let names = self.names.iter().map(|name| name.len() + OVERHEAD_BYTES).sum::<usize>();
        names + self.regex.as_ref().map_or(0, |regex| regex.len())
    }

    pub(super) fn includes(&self, topic: &str) -> bool {
        let matches = || compiled(self.regex.as_deref()).is_ok_and(|r| r.is_some_and(|r| r.is_match(topic)));
        self.names.iter().any(|name| &**name == topic) || matches()
    }
}

/// Compiles an expression; `None` if there is none. The error describes the mistake.
pub(super) fn compiled(regex: Option<&str>) -> Result<Option<Regex>, String> {
    let Some(regex) = regex.filter(|regex| !regex.is_empty()) else { return Ok(None) };
    let build =
        |regex: &str| RegexBuilder::new(regex).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build();
    // The expression is first compiled alone, because its unbalanced brackets could match those added around it.
    let whole = build(regex).and_then(|_| build(&format!("^(?:{regex})$")));
    // The error shows the expression in several lines, and the mistake in the last one.
    whole.map(Some).map_err(|error| error.to_string().lines().last().unwrap_or_default().trim().to_owned())
}

/// Finds the existing topics of subscriptions; each expression is evaluated once.
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
