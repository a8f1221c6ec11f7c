//! The brokers that a client is connected to, and one log line for each change.

use std::collections::{BTreeMap, BTreeSet};

/// The connections of one client, as of the last statistics.
#[derive(Default, Debug)]
pub(crate) struct Connections {
    /// The id of each address, negative until the metadata has named the broker.
    up: BTreeMap<String, i64>,
    ever_up: BTreeSet<String>,
    /// The failure of each broker that was logged last.
    failures: BTreeMap<String, String>,
}

impl Connections {
    /// Takes the address and id of each connected broker from the statistics; returns the lines to log.
    pub fn look<'a>(&mut self, up: impl Iterator<Item = (&'a str, i64)>) -> Vec<String> {
        let mut now: BTreeMap<String, i64> = BTreeMap::new();
        for (address, id) in up {
            // The same address may be a bootstrap broker, a broker of the cluster and the group's coordinator.
            let known = now.entry(address.to_owned()).or_insert(id);
            *known = id.max(*known);
        }
        let lost = self.up.iter().filter(|(address, id)| **id >= 0 && !now.contains_key(*address));
        let lost = lost.map(|(address, id)| format!("lost the connection to {}", named(address, *id)));
        let new = now.iter().filter(|(address, _)| !self.up.contains_key(*address));
        let lines = lost.chain(new.map(|(address, id)| format!("connected to {}", named(address, *id)))).collect();
        now.keys().for_each(|address| drop(self.failures.remove(address)));
        self.ever_up.extend(now.keys().cloned());
        self.up = now;
        lines
    }

    /// Records a failed connection; returns a line to log if the cause is new.
    pub fn fail(&mut self, address: &str, was_up: bool, cause: &str) -> Option<String> {
        if was_up {
            self.ever_up.insert(address.to_owned());
        }
        if let Some(id) = self.up.remove(address) {
            self.failures.insert(address.to_owned(), cause.to_owned());
            return Some(format!("lost the connection to {}: {cause}", named(address, id)));
        }
        let before = self.failures.insert(address.to_owned(), cause.to_owned());
        (before.as_deref() != Some(cause)).then(|| format!("no connection to {address}: {cause}"))
    }

    /// True if this broker was ever connected.
    pub fn ever_up(&self, address: &str) -> bool {
        self.ever_up.contains(address)
    }
}

fn named(address: &str, id: i64) -> String {
    if id < 0 { address.to_owned() } else { format!("broker {id} at {address}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_one_line() {
        let mut connections = Connections::default();
        let (nothing, up) = (Vec::<String>::new(), || [("h:1", 7)].into_iter());
        assert_eq!(connections.look([("h:1", -1)].into_iter().chain(up())), ["connected to broker 7 at h:1"]);
        assert_eq!(connections.look(up()), nothing);
        let lost = connections.fail("h:1", true, "connection closed");
        assert_eq!(lost.as_deref(), Some("lost the connection to broker 7 at h:1: connection closed"));
        assert_eq!(connections.look([].into_iter()), nothing);
        let refused = connections.fail("h:1", false, "connection refused");
        assert_eq!(refused.as_deref(), Some("no connection to h:1: connection refused"));
        assert_eq!(connections.fail("h:1", false, "connection refused"), None, "nothing new");
        assert_eq!(connections.look(up()), ["connected to broker 7 at h:1"]);
        assert_eq!(connections.look([].into_iter()), ["lost the connection to broker 7 at h:1"]);
        assert!(connections.ever_up("h:1") && !connections.ever_up("h:2"));
    }

    #[test]
    fn a_bootstrap_broker_that_is_no_longer_needed_was_not_lost() {
        let mut connections = Connections::default();
        assert_eq!(connections.look([("first:1", -1)].into_iter()), ["connected to first:1"]);
        assert_eq!(connections.look([("h:1", 7)].into_iter()), ["connected to broker 7 at h:1"]);
    }
}
