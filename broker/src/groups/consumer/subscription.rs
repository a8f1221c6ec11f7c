//! The topics that a member reads: those that it names, and those that its regular expression matches.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::protocol::StrBytes;
use regex::bytes::{Regex, RegexBuilder};
use uuid::Uuid;

use crate::memory::OVERHEAD_BYTES;
use crate::topics::Topics;

/// Longest expression.
const TEXT_BYTES_MAX: usize = 1024;
/// Largest memory of a compiled expression, and so also a limit on the time of compiling it and of each match. It is
/// kept only while it is in use, and compiled again whenever the topics change.
const COMPILED_BYTES_MAX: usize = 1 << 16;
/// Largest depth of nested groups and repetitions.
const NEST_MAX: u32 = 30;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subscription {
    pub names: BTreeSet<StrBytes>,
    /// Must match the whole name of a topic.
    pub regex: Option<StrBytes>,
}

impl Subscription {
    /// Memory that the subscription needs, in bytes.
    pub fn cost(&self) -> usize {
        self.names_cost() + self.regex.as_ref().map_or(0, |regex| regex.len())
    }

    pub fn names_cost(&self) -> usize {
        self.names.iter().map(|name| name.len() + OVERHEAD_BYTES).sum()
    }
}

/// A compiled regular expression for whole names of topics. The names are ASCII, so that character classes are, too.
pub struct Expression {
    /// `None` for an empty expression, which matches no topic.
    regex: Option<Regex>,
}

impl Expression {
    /// Checks an expression. The error describes the mistake.
    pub fn check(text: &str) -> Result<(), String> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(format!("it is longer than {TEXT_BYTES_MAX} bytes"));
        }
        // It is first compiled alone, because its unbalanced brackets could match those that `new` adds.
        build(text).and_then(|_| Expression::new(text)).map(drop)
    }

    /// Compiles an expression that `check` has accepted.
    pub fn new(text: &str) -> Result<Expression, String> {
        let regex = (!text.is_empty()).then(|| build(&format!("^(?:{text})$"))).transpose()?;
        Ok(Expression { regex })
    }

    pub fn matches(&self, topic: &str) -> bool {
        self.regex.as_ref().is_some_and(|regex| regex.is_match(topic.as_bytes()))
    }
}

fn build(text: &str) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(text);
    builder.unicode(false).nest_limit(NEST_MAX).size_limit(COMPILED_BYTES_MAX).dfa_size_limit(COMPILED_BYTES_MAX);
    // The error shows the expression in several lines, and the mistake in the last one.
    builder.build().map_err(|error| error.to_string().lines().last().unwrap_or_default().trim().to_owned())
}

/// Finds the existing topics of subscriptions; each expression is evaluated once.
pub struct Resolver<'a> {
    topics: &'a Topics,
    matched: BTreeMap<StrBytes, BTreeSet<Uuid>>,
}

impl<'a> Resolver<'a> {
    pub fn new(topics: &'a Topics) -> Resolver<'a> {
        Resolver { topics, matched: BTreeMap::new() }
    }

    pub fn resolve(&mut self, subscription: &Subscription) -> BTreeSet<Uuid> {
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
    let Ok(expression) = Expression::new(regex) else { return BTreeSet::new() };
    topics.all().filter(|topic| expression.matches(&topic.name)).map(|topic| topic.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_matches_whole_names() {
        let check = |regex: &str, topic: &str, expected: bool| {
            let matches = Expression::check(regex).and_then(|()| Expression::new(regex)).map(|e| e.matches(topic));
            assert_eq!(matches, Ok(expected), "{regex} {topic}");
        };
        check("cam", "cam", true);
        check("cam", "cam1", false);
        check("cam.*", "cam1", true);
        check("^cam|^other", "other", true);
        check("^cam|^other", "others", false);
        check("", "cam", false);
        check(r"(?i)CAM-\w{1,20}\.[[:alpha:]]+", "cam-1_a.mp", true);
    }

    #[test]
    fn the_error_of_an_expression_is_one_line() {
        let check = |regex: &str| {
            let words = Expression::check(regex).unwrap_err();
            assert!(!words.is_empty() && !words.contains('\n'), "{words}");
        };
        check("(");
        check("cam)|(other");
        check(r"(\w{100}){100}");
    }

    #[test]
    fn a_long_or_deep_expression_is_refused_before_it_is_compiled() {
        let check = |regex: String, words: &str| {
            let refused = Expression::check(&regex).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        };
        check("a".repeat(TEXT_BYTES_MAX + 1), "longer than 1024 bytes");
        check(r"\w".repeat(200_000), "longer than 1024 bytes");
        check(format!("{}a{}", "(".repeat(100), ")".repeat(100)), "nest");
        check("a{900}{900}".to_owned(), "size limit");
        assert_eq!(Expression::check(&"a".repeat(TEXT_BYTES_MAX)), Ok(()));
    }
}
