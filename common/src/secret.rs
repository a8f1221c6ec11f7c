//! Recognises secrets in addresses, properties and messages that repeat either, and hides them.
//!
//! Everything that the programs write to standard error passes [`hide`]. Other output (reports, records) is made from
//! texts that have passed it.

use std::borrow::Cow;
use std::ops::Range;

/// Text shown in place of a secret.
pub const HIDDEN: &str = "(hidden)";

/// Endings of the names of properties whose values are secrets.
const NAME_ENDS: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "pwd",
    "apikey",
    "key.pem",
    "keystore.key",
    "jaas.config",
    "oauthbearer.config",
];
/// Last words of names that mean a secret only in an address, as in `?key=…`.
const PARAMETER_WORDS: [&str; 8] = ["key", "auth", "authorization", "sig", "signature", "credential", "jwt", "pass"];
/// Characters that end a word of a message, unless the word is an address with a scheme.
const AROUND_WORDS: [char; 6] = ['"', '\'', '`', '<', '>', '\\'];

/// Returns true if the value of a property with this name is a secret. Paths of files and certificates are not secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAME_ENDS.iter().any(|end| name.ends_with(end)) || last_word(&name) == "pass"
}

fn is_secret_parameter(name: &str) -> bool {
    is_secret(name) || PARAMETER_WORDS.contains(&last_word(&name.to_ascii_lowercase()))
}

fn last_word(name: &str) -> &str {
    name.rsplit(['.', '_', '-']).next().unwrap_or_default()
}

/// Hides passwords and secret parameters of addresses, and values of secret properties, in a text.
pub fn hide(text: &str) -> Cow<'_, str> {
    without(text, found(text))
}

/// Hides secrets in a text that is a single address, whose password may contain quotes and spaces.
pub fn hide_address(address: &str) -> Cow<'_, str> {
    without(address, found_in_address(address))
}

/// Returns true if the address holds a secret.
pub fn is_in_address(address: &str) -> bool {
    !found_in_address(address).is_empty()
}

fn without(text: &str, ranges: Vec<Range<usize>>) -> Cow<'_, str> {
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut shown, mut from) = (String::with_capacity(text.len()), 0);
    for range in ranges {
        shown.push_str(&text[from..range.start]);
        shown.push_str(HIDDEN);
        from = range.end;
    }
    shown.push_str(&text[from..]);
    Cow::Owned(shown)
}

/// Returns true if the text holds a secret.
pub fn is_in(text: &str) -> bool {
    !found(text).is_empty()
}

/// The part of an address from its host on: `rtsp://user:password@host:554/path` → `host:554/path`.
pub fn from_host(address: &str) -> &str {
    let begin = authority_begin(address);
    let end = userinfo(&address[begin..]).map_or(begin, |userinfo| begin + userinfo.end + 1);
    &address[end..]
}

/// The positions of secrets in a text, in order and without overlap.
fn found(text: &str) -> Vec<Range<usize>> {
    if !text.contains(['=', '@']) {
        return Vec::new();
    }
    merged(values(text).into_iter().chain(passwords(text)))
}

fn found_in_address(address: &str) -> Vec<Range<usize>> {
    let to_its_end = |value: Range<usize>| match address[..value.start].ends_with(['"', '\'', '\\']) {
        true => value,
        false => value.start..address[value.start..].find(['&', '#']).map_or(address.len(), |end| value.start + end),
    };
    let values = values(address).into_iter().map(to_its_end);
    merged(values.chain(passwords(address)).chain(password(address)))
}

fn merged(ranges: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = ranges.collect();
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The values in `name=value` whose name is that of a secret.
fn values(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('=') {
        let before = text[..at].trim_end_matches(' ');
        let begin = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "._-".contains(c)).len();
        let in_address = before[..begin].ends_with(['?', '&', ';', '#']);
        let name = &before[begin..];
        if is_secret(name) || (in_address && is_secret_parameter(name)) {
            // If there are spaces before the `=`, there may be spaces after it too.
            let behind = &text[at + 1..];
            let behind = if before.len() < at { behind.trim_start_matches(' ') } else { behind };
            let value = value(behind, in_address);
            let from = text.len() - behind.len();
            found.push(from + value.start..from + value.end);
        }
    }
    found.retain(|range| !range.is_empty());
    found
}

/// The value after a `=`: up to the closing quote, or to the end of the word.
fn value(text: &str, in_address: bool) -> Range<usize> {
    if text.starts_with(HIDDEN) {
        return 0..0;
    }
    let quoted = text.trim_start_matches('\\');
    if let Some(quote) = quoted.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let begin = text.len() - quoted.len() + 1;
        let length = text[begin..].find(quote).unwrap_or(text.len() - begin);
        return begin..begin + text[begin..begin + length].trim_end_matches('\\').len();
    }
    let ends = |c: char| c.is_whitespace() || "\"'\\".contains(c) || (in_address && "&#".contains(c));
    0..text.find(ends).unwrap_or(text.len())
}

/// The passwords in addresses; if there is a single word before the `@`, that word.
fn passwords(text: &str) -> Vec<Range<usize>> {
    let begin_of = |part: &str| part.as_ptr() as usize - text.as_ptr() as usize;
    let words = text.split(char::is_whitespace).filter(|word| word.contains('@'));
    words
        .flat_map(addresses)
        .filter_map(|part| password(part).map(|range| begin_of(part) + range.start..begin_of(part) + range.end))
        .collect()
}

/// The parts of a word that may be addresses. An address with a scheme begins with it. A quote does not end it, as it
/// may be part of the password; only `","` does, which in JSON is between two strings.
fn addresses(word: &str) -> Vec<&str> {
    let of_scheme = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
    let mut begins: Vec<usize> =
        word.match_indices("://").map(|(at, _)| word[..at].trim_end_matches(of_scheme).len()).collect();
    begins.push(word.len());
    let mut parts: Vec<&str> = word[..begins[0]].split(AROUND_WORDS).collect();
    for ends in begins.windows(2) {
        let part = &word[ends[0]..ends[1]];
        let (address, others) = part.split_once("\",\"").unwrap_or((part, ""));
        parts.push(address);
        parts.extend(others.split(AROUND_WORDS));
    }
    parts
}

fn password(word: &str) -> Option<Range<usize>> {
    let begin = authority_begin(word);
    let userinfo = userinfo(&word[begin..])?;
    let colon = word[begin..][userinfo.clone()].find(':');
    if colon.is_none() && begin == 0 {
        // Without a scheme and a colon it can be any word that contains an @.
        return None;
    }
    Some(begin + colon.map_or(userinfo.start, |colon| colon + 1)..begin + userinfo.end)
        .filter(|range| !range.is_empty())
}

/// The offset of user and host: after `scheme://`, even if a slash or the scheme is missing.
fn authority_begin(address: &str) -> usize {
    match address.find(":/") {
        Some(at) if !address[..at].contains(['@', '/']) => {
            address.len() - address[at + 1..].trim_start_matches('/').len()
        }
        _ => 0,
    }
}

/// The part before the `@` in `user:password@host/path`. The password may contain a slash that should have been written
/// as %2F.
fn userinfo(authority: &str) -> Option<Range<usize>> {
    let end = authority.find(['/', '?', '#']).unwrap_or(authority.len());
    let at = authority[..end].rfind('@').or_else(|| {
        let (host, port) = authority[..end].rsplit_once(':')?;
        let is_port = port.chars().all(|c| c.is_ascii_digit());
        (!is_port && !host.starts_with('[')).then(|| authority.rfind('@')).flatten()
    })?;
    (at > 0).then_some(0..at)
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
