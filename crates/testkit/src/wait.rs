//! Waits for something, with a guard against hanging.

use std::time::{Duration, Instant};

/// Time after which an operation counts as hanging. On two cores shared with ten busy programs, and stopped now and
/// then, vidprod needed more than 90 s for a clip of five seconds.
pub const GUARD: Duration = Duration::from_secs(300);

/// Calls `attempt` until it returns a value; panics with `what` after [`GUARD`].
#[track_caller]
pub fn until<T>(what: &str, attempt: impl FnMut() -> Option<T>) -> T {
    match within(GUARD, attempt) {
        Some(value) => value,
        None => panic!("waited {} s in vain: {what}", GUARD.as_secs()),
    }
}

/// Calls `attempt` every 20 ms until it returns a value, or the time is up.
pub fn within<T>(limit: Duration, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = now();
    loop {
        if let Some(value) = attempt() {
            return Some(value);
        }
        if begin.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[allow(clippy::disallowed_methods, reason = "a guard against hanging needs the real clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
