//! Numbers as people write them: with a noun in the right form, as a duration, in bytes.

use std::fmt::Display;
use std::time::Duration;

/// A number and a regular noun: `1 frame`, `2 frames`.
pub fn count<N: Display + PartialEq + From<u8>>(n: N, noun: &str) -> String {
    let ending = if n == N::from(1) { "" } else { "s" };
    format!("{n} {noun}{ending}")
}

/// The verb for a number of things: `was` for one, `were` otherwise.
pub fn were<N: PartialEq + From<u8>>(n: N) -> &'static str {
    if n == N::from(1) { "was" } else { "were" }
}

/// Formats a duration.
pub fn how_long(time: Duration) -> String {
    let (ms, s) = (time.as_secs_f64() * 1000.0, time.as_secs());
    match s {
        0 if ms < 999.5 => format!("{ms:.0} ms"),
        0..10 => format!("{:.1} s", ms / 1000.0),
        10..60 => format!("{s} s"),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        3600..86_400 => format!("{} h {} min", s / 3600, s / 60 % 60),
        _ => format!("{} d {} h", s / 86_400, s / 3600 % 24),
    }
}

/// Formats µs as ms.
pub fn ms(us: u64) -> String {
    let ms = us as f64 / 1000.0;
    if ms < 10.0 { format!("{ms:.1}") } else { format!("{ms:.0}") }
}

/// Formats a number of bytes.
pub fn bytes(n: u64) -> String {
    match n {
        0..10_000 => format!("{n} B"),
        10_000..1_000_000 => format!("{} kB", n / 1000),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.2} GB", n as f64 / 1e9),
    }
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

    #[test]
    fn a_duration_has_one_or_two_units() {
        let check = |ms, expected| assert_eq!(how_long(Duration::from_millis(ms)), expected);
        check(20, "20 ms");
        check(999, "999 ms");
        check(3_697, "3.7 s");
        check(12_999, "12 s");
        check(185_000, "3 min 5 s");
        check(3_600_000, "1 h 0 min");
        check(100_000_000, "1 d 3 h");
    }
}
