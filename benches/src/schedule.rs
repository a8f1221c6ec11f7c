//! The time at which each frame or message is due. Times are absolute, so that one that is late delays no other.

use std::time::Duration;

use common::time::Micros;

/// Frames or messages at a fixed rate: some to warm up, and then those that are measured.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Schedule {
    pub fps: f64,
    pub warmup: u64,
    pub measured: u64,
}

impl Schedule {
    pub fn total(&self) -> u64 {
        self.warmup + self.measured
    }
}

/// The time at which number `n` is due, counted from 0.
pub fn due(start: Micros, fps: f64, n: u64) -> Micros {
    start.plus(Duration::from_secs_f64(n as f64 / fps))
}

/// Number of messages that are due within a time.
pub fn count(within: Duration, fps: f64) -> u64 {
    // A third of a second at 30 fps is 10 messages, even if the floating-point product is 9.999…
    (within.as_secs_f64() * fps + 1e-6).floor() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_does_not_drift() {
        let check = |fps: f64, n: u64, us: u64| assert_eq!(due(Micros(1000), fps, n), Micros(1000 + us));
        check(30.0, 0, 0);
        check(30.0, 1, 33_333);
        check(30.0, 3, 100_000);
        check(60.0, 60 * 3600, 3_600_000_000);
        check(30_000.0 / 1001.0, 30_000, 1_001_000_000);
        check(f64::INFINITY, 1000, 0);
    }

    #[test]
    fn a_time_holds_whole_messages() {
        let check = |ms: u64, fps: f64, n: u64| assert_eq!(count(Duration::from_millis(ms), fps), n);
        check(10_000, 30.0, 300);
        check(0, 60.0, 0);
        check(1001, 30_000.0 / 1001.0, 30);
        check(99, 30.0, 2);
        check(100, 30.0, 3);
    }
}
