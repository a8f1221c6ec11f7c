//! The token that lets a request in, and the bound on guesses.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use common::time::Micros;
use subtle::ConstantTimeEq;

/// Shortest token that is accepted from a file, in bytes.
const TOKEN_BYTES_MIN: usize = 16;
/// Number of wrong tokens that an address may send within `GUESSES_PER`.
const GUESSES_MAX: u32 = 10;
const GUESSES_PER: Duration = Duration::from_secs(60);
/// Number of addresses whose guesses are remembered.
const ADDRESSES_MAX: usize = 1024;

/// A secret text. It is compared in a time that does not depend on where the first difference is.
#[derive(Clone)]
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl Token {
    /// Reads the first line of a file.
    pub fn read(path: &Path) -> anyhow::Result<Token> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading the token in {}", path.display()))?;
        let token = text.lines().next().unwrap_or_default().trim();
        if token.len() < TOKEN_BYTES_MIN {
            bail!(
                "the token in {} has {} characters and needs {TOKEN_BYTES_MIN}: make one with  openssl rand -hex 16",
                path.display(),
                token.len()
            );
        }
        Ok(Token(token.to_owned()))
    }

    /// A token that nobody can guess.
    pub fn random() -> Token {
        Token(format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple()))
    }

    pub fn is(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Counts wrong tokens by address.
#[derive(Debug, Default)]
pub struct Guesses(Mutex<HashMap<IpAddr, Guessed>>);

#[derive(Clone, Copy, Debug)]
struct Guessed {
    since: Micros,
    wrong: u32,
}

impl Guesses {
    /// True if this address has to wait before its next token is looked at.
    pub fn are_too_many(&self, from: IpAddr, now: Micros) -> bool {
        let guesses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = guesses.get(&network(from)).filter(|guessed| now.since(guessed.since) < GUESSES_PER);
        // Where more addresses guess than are remembered, an unknown one waits too.
        known.map_or(guesses.len() >= ADDRESSES_MAX, |guessed| guessed.wrong >= GUESSES_MAX)
    }

    /// Enters a wrong token.
    pub fn enter(&self, from: IpAddr, now: Micros) {
        let mut guesses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        guesses.retain(|_, guessed| now.since(guessed.since) < GUESSES_PER);
        if guesses.len() < ADDRESSES_MAX || guesses.contains_key(&network(from)) {
            guesses.entry(network(from)).or_insert(Guessed { since: now, wrong: 0 }).wrong += 1;
        }
    }
}

/// The address that is counted: of IPv6 the first 64 bits, because one machine owns all addresses behind them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let bits = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(bits.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Micros {
        Micros(seconds * 1_000_000)
    }

    #[test]
    fn the_eleventh_guess_within_a_minute_has_to_wait() {
        let guesses = Guesses::default();
        let (bad, good) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..10 {
            assert!(!guesses.are_too_many(bad, at(5)));
            guesses.enter(bad, at(5));
        }
        assert!(guesses.are_too_many(bad, at(64)));
        assert!(!guesses.are_too_many(good, at(64)));
        assert!(!guesses.are_too_many(bad, at(65)), "a minute later it may try again");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let guesses = Guesses::default();
        for host in 0..10 {
            guesses.enter(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]), at(0));
        }
        assert!(guesses.are_too_many(IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]), at(1)));
        assert!(!guesses.are_too_many(IpAddr::from([0x2001, 0xdb8, 0, 2, 9, 9, 9, 9]), at(1)));
    }

    #[test]
    fn memory_is_bounded_however_many_addresses_guess() {
        let guesses = Guesses::default();
        for n in 0..5000_u32 {
            guesses.enter(IpAddr::from(n.to_be_bytes()), at(0));
        }
        assert_eq!(guesses.0.lock().unwrap().len(), ADDRESSES_MAX);
        assert!(guesses.are_too_many(IpAddr::from([200, 0, 0, 1]), at(1)));
        guesses.enter(IpAddr::from([200, 0, 0, 1]), at(61));
        assert_eq!(guesses.0.lock().unwrap().len(), 1, "old ones are forgotten");
    }

    #[test]
    fn a_short_token_is_refused_with_the_way_to_make_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "secret\n").unwrap();
        let error = Token::read(file.path()).unwrap_err().to_string();
        assert!(error.contains("has 6 characters and needs 16: make one with"), "{error}");
        std::fs::write(file.path(), "0123456789abcdef\nanother line\n").unwrap();
        assert!(Token::read(file.path()).unwrap().is("0123456789abcdef"));
    }
}
