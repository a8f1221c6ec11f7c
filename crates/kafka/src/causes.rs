//! Explains why a connection fails: maps librdkafka's text to a short cause and a sentence with the cure.
//!
//! librdkafka gives a reason only as a line of text, so the texts of its version in Cargo.lock are the keys of the table in
//! `causes/rules.rs`.

mod failure;
mod problem;
mod rules;

pub(crate) use self::failure::Failure;
pub use self::problem::ConnectionProblem;
pub(crate) use self::problem::{Credentials, Question};
use self::rules::{RULES, Rule};

/// Explains why the connection failed, and what helps. `ever_up` is true if this broker was connected before.
pub(crate) fn problem(failure: &Failure<'_>, credentials: &Credentials, ever_up: bool) -> ConnectionProblem {
    let problem = match RULES.iter().find(|rule| rule.fits(failure, credentials)) {
        Some(rule) => by_rule(rule, failure, credentials),
        None => ConnectionProblem { words: brief(failure.text), ..ConnectionProblem::default() },
    };
    let named = credentials.bootstrap.iter().any(|broker| broker == failure.broker);
    if problem.sentence.is_some() || !failure.learned || named || ever_up {
        return problem;
    }
    // The broker was never reached at the address that a bootstrap broker advertised for it.
    let sentence = format!(
        "the broker at {} answers, but advertises {} (its advertised.listeners), which cannot be reached: {}",
        credentials.bootstrap.join(","),
        failure.broker,
        problem.words
    );
    ConnectionProblem {
        words: format!("advertised {} unreachable", failure.broker),
        sentence: Some(sentence),
        advertised: Some(failure.broker.to_owned()),
        ..ConnectionProblem::default()
    }
}

fn by_rule(rule: &Rule, failure: &Failure<'_>, credentials: &Credentials) -> ConnectionProblem {
    let detail = failure.text.rsplit_once(": ").map_or(failure.text, |(_, detail)| detail).trim();
    let fill = |template: &str| {
        template
            .replace("{broker}", failure.broker)
            .replace("{host}", failure.host())
            .replace("{who}", &credentials.who())
            .replace("{mechanism}", &credentials.mechanism)
            .replace("{detail}", detail)
    };
    ConnectionProblem {
        denied: rule.denied,
        words: fill(rule.words),
        sentence: rule.sentence.map(fill),
        question: rule.question.map(|question| (question, failure.broker.to_owned())),
        advertised: None,
    }
}

/// Shortens an error text: `Connect to ipv4#127.0.0.1:1 failed: No route to host` → `no route to host`.
fn brief(text: &str) -> String {
    let cause = match text.split_once(" failed: ") {
        Some((before, why)) if before.starts_with("Connect to ") => why,
        _ => text,
    };
    let mut letters = cause.trim().chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    // An abbreviation keeps its capitals.
    if letters.clone().next().is_some_and(char::is_uppercase) {
        cause.trim().to_owned()
    } else {
        first + letters.as_str()
    }
}

#[cfg(test)]
mod tests;
