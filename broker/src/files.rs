//! The limit on open files, of which each connection needs one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::options::BrokerLimits;

/// Number of open files allowed for besides the broker's connections: streams and libraries, a video, Kafka clients of
/// the process.
const OTHER_FILES: usize = 200;
/// Fewest connections with which a broker is useful. A producer and a viewer open about five.
const CONNECTIONS_MIN: usize = 32;
/// macOS reports no limit, but refuses more than this.
const MACOS_MAX: u64 = 10_240;

/// The process may not open enough files.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{connections} connections need {needed} open files, and this process may have {allowed}: raise its limit \
     (ulimit -n {needed}; for a service, LimitNOFILE={needed})"
)]
pub struct TooFewFiles {
    connections: usize,
    needed: usize,
    allowed: usize,
}

/// Raises this process's limit on open files, so that this number of clients can be served at the same time.
pub fn require(connections: usize) -> Result<(), TooFewFiles> {
    let (allowed, needed) = (raise(connections + OTHER_FILES), connections + OTHER_FILES);
    if allowed < needed { Err(TooFewFiles { connections, needed, allowed }) } else { Ok(()) }
}

/// Raises this process's limit on open files as far as allowed. If that is not enough for all connections, lowers
/// their limit, and logs this.
pub fn fit(limits: &mut BrokerLimits) -> Result<(), TooFewFiles> {
    let wanted = limits.connections;
    let possible = raise(wanted + OTHER_FILES).saturating_sub(OTHER_FILES);
    if possible >= wanted {
        return Ok(());
    }
    if possible < CONNECTIONS_MIN {
        require(CONNECTIONS_MIN)?;
    }
    limits.connections = possible;
    limits.more_connections = "ulimit -n raises the limit on open files; for a service, LimitNOFILE";
    tracing::info!(
        event = "few_files",
        connections = possible,
        "the limit on open files (ulimit -n) leaves room for {possible} connections instead of {wanted}"
    );
    Ok(())
}

/// Raises the limit on open files to `wanted`, or as far as allowed; returns the limit.
fn raise(wanted: usize) -> usize {
    let wanted = wanted as u64;
    let limit = getrlimit(Resource::Nofile);
    let mut have = limit.current.unwrap_or(u64::MAX);
    let most = limit.maximum.unwrap_or(u64::MAX);
    for raised in [wanted.min(most), wanted.min(most).min(MACOS_MAX)] {
        if have < raised && setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit }).is_ok() {
            have = raised;
        }
    }
    usize::try_from(have).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_raised_no_further_than_is_allowed() {
        assert_eq!(require(1), Ok(()));
        let allowed = getrlimit(Resource::Nofile).maximum;
        let Some(allowed) = allowed.filter(|n| *n < 1 << 30).and_then(|n| usize::try_from(n).ok()) else {
            // Without a hard limit, the limit can be raised.
            return assert_eq!(require(1000), Ok(()));
        };
        let needed = allowed + 1 + OTHER_FILES;
        assert_eq!(require(allowed + 1), Err(TooFewFiles { connections: allowed + 1, needed, allowed }));
        assert_eq!(getrlimit(Resource::Nofile).current, Some(allowed as u64));
        let mut limits =
            BrokerLimits { connections: allowed, more_connections: "an option", ..BrokerLimits::default() };
        fit(&mut limits).unwrap();
        assert_eq!(limits.connections, allowed - OTHER_FILES);
        assert!(limits.more_connections.starts_with("ulimit -n"), "{}", limits.more_connections);
    }
}
