//! The limit on open files, of which each connection needs one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Number of open files allowed for besides the broker's connections: streams and libraries, a video, Kafka clients of
/// the process.
pub const OTHER_FILES: usize = 200;
/// macOS reports no limit, but refuses more than this.
const MACOS_MAX: u64 = 10_240;

/// Raises this process's limit on open files, as far as allowed, so that `connections` clients can be served at the
/// same time. Returns the number of clients that can be served.
pub fn make_room(connections: usize) -> usize {
    let wanted = (connections + OTHER_FILES) as u64;
    let limit = getrlimit(Resource::Nofile);
    let mut have = limit.current.unwrap_or(u64::MAX);
    let most = limit.maximum.unwrap_or(u64::MAX);
    for raised in [wanted.min(most), wanted.min(most).min(MACOS_MAX)] {
        if have < raised && setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit }).is_ok() {
            have = raised;
        }
    }
    let room = usize::try_from(have).unwrap_or(usize::MAX).saturating_sub(OTHER_FILES);
    room.min(connections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_raised_no_further_than_is_allowed() {
        assert_eq!(make_room(1), 1);
        let allowed = getrlimit(Resource::Nofile).maximum;
        let Some(allowed) = allowed.filter(|n| *n < 1 << 30).and_then(|n| usize::try_from(n).ok()) else { return };
        assert_eq!(make_room(allowed + 1), allowed - OTHER_FILES);
        assert_eq!(getrlimit(Resource::Nofile).current, Some(allowed as u64));
    }
}
