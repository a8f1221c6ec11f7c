//! Numbers with nouns in the right form, for messages to people.

use std::fmt::Display;

/// A number and a regular noun: `1 frame`, `2 frames`.
pub fn count<N: Display + PartialEq + From<u8>>(n: N, noun: &str) -> String {
    let ending = if n == N::from(1) { "" } else { "s" };
    format!("{n} {noun}{ending}")
}

/// The verb for a number of things: `was` for one, `were` otherwise.
pub fn were<N: PartialEq + From<u8>>(n: N) -> &'static str {
    if n == N::from(1) { "was" } else { "were" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        assert_eq!(count(0_u64, "frame"), "0 frames");
        assert_eq!(count(1_usize, "frame"), "1 frame");
        assert_eq!(count(2.0, "round"), "2 rounds");
        assert_eq!([0_u64, 1, 2].map(were), ["were", "was", "were"]);
    }
}
