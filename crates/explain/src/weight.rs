//! Decides which share of a latency counts as a reason.

use common::report::Finding;

/// Smallest share of the latency, as a fraction and in µs, that counts as a reason.
pub(crate) const SHARE_MIN: f64 = 0.2;
pub(crate) const SHARE_MIN_US: u64 = 2000;
/// The slowest frames count as a tail only if they take at least this many times the median.
pub(crate) const TAIL_FACTOR: u64 = 2;

/// Marks the finding as permanent if usual frames have much of it too.
pub(crate) fn usually(finding: Finding, us: u64, of_us: u64) -> Finding {
    Finding { always: is_much(us, of_us), ..finding }
}

pub(crate) fn stands_out(finding: &Finding) -> bool {
    finding.always || is_much(finding.share_us, finding.of_us)
}

pub(crate) fn is_much(share_us: u64, of_us: u64) -> bool {
    share_us >= SHARE_MIN_US && share_us as f64 >= SHARE_MIN * of_us as f64
}
