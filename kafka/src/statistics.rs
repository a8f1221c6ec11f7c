//! What librdkafka counts of itself, once a second: the few figures of it that explain a latency.
//!
//! It comes as JSON on the thread that polls, which in the viewer is the one that shows frames. So only what is needed is
//! read there: of one broker and topic that is 4 to 6 kB, and takes some 20 µs in a debug build. What a large cluster
//! tells is kept as it came, and the last of it is read at the end.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use common::explain::{ClientFacts, Waits};
use serde::Deserialize;

use crate::connections::{BrokerState, Connections};

/// What is longer would hold frames up: of 46 kB, from 30 brokers, reading took 160 µs in a debug build.
const BYTES_AT_ONCE: usize = 24 << 10;
const BYTES_MAX: usize = 1 << 20;

/// A connection on which nothing moved for so long is silent: statistics come once a second.
const IDLE_US: i64 = 1_500_000;

/// The facts of one client, added up.
#[derive(Clone, Default, Debug)]
pub struct Facts(Arc<Mutex<Told>>);

/// What a look at the statistics showed.
#[derive(Default, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    /// `None` where the statistics could not be read.
    pub connected: Option<Connected>,
    /// Time since any connected broker sent something; `None` where that is not known.
    pub received_us: Option<u64>,
    /// Changes of the connections, to be logged.
    pub lines: Vec<String>,
}

#[derive(Default, Debug)]
struct Told {
    facts: ClientFacts,
    /// Connections of earlier clients that broke.
    disconnects_before: u64,
    connections: Connections,
    /// The last that was too long to be read at once.
    unread: Vec<u8>,
}

impl Facts {
    pub fn get(&self) -> ClientFacts {
        let Ok(mut told) = self.0.lock() else { return ClientFacts::default() };
        let unread = std::mem::take(&mut told.unread);
        told.read(&unread);
        told.facts
    }

    /// A new client takes the place of this one, and counts from 0.
    pub(crate) fn renewed(&self) {
        if let Ok(mut told) = self.0.lock() {
            told.facts.reconnections += 1;
            told.disconnects_before = told.facts.disconnects;
        }
    }

    /// Takes what the client tells. What cannot be read is as if it had not been told.
    pub(crate) fn enter(&self, json: &[u8]) -> Seen {
        let Ok(mut told) = self.0.lock() else { return Seen::default() };
        // At -v the changes of the connections are wanted, and the time that reading takes is not missed.
        if json.len() <= BYTES_AT_ONCE || (json.len() <= BYTES_MAX && tracing::enabled!(tracing::Level::DEBUG)) {
            return told.read(json);
        }
        if json.len() <= BYTES_MAX {
            told.unread.clear();
            told.unread.extend_from_slice(json);
        }
        let connected = if says_up(json) { Connected::Active } else { Connected::No };
        Seen { connected: Some(connected), ..Seen::default() }
    }

    /// Enters that a connection failed; returns the line to log, if it says anything new.
    pub(crate) fn fail(&self, address: &str, was_up: bool, cause: &str) -> Option<String> {
        self.0.lock().ok().and_then(|mut told| told.connections.fail(address, was_up, cause))
    }

    /// Whether this broker was ever connected.
    pub(crate) fn ever_up(&self, address: &str) -> bool {
        self.0.lock().is_ok_and(|told| told.connections.ever_up(address))
    }
}

/// How a client is connected, all its brokers together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Connected {
    No,
    /// Nothing was sent or received lately.
    Silent,
    Active,
}

impl Told {
    fn read(&mut self, json: &[u8]) -> Seen {
        let Ok(statistics) = serde_json::from_slice::<Statistics>(json) else { return Seen::default() };
        statistics.add_to(&mut self.facts);
        self.facts.disconnects += self.disconnects_before;
        let connected = statistics.brokers.values().map(Broker::connected).max().unwrap_or(Connected::No);
        let up = statistics.brokers.values().filter(|broker| broker.connected() != Connected::No);
        let received_us = up.filter_map(|broker| u64::try_from(broker.rxidle).ok()).min();
        let brokers: Vec<BrokerState> = statistics.brokers.into_values().map(Broker::state).collect();
        Seen { connected: Some(connected), received_us, lines: self.connections.look(&brokers) }
    }
}

/// Whether a broker is connected, without reading the whole.
fn says_up(json: &[u8]) -> bool {
    const UP: &[u8] = br#""state":"UP""#;
    json.windows(UP.len()).any(|bytes| bytes == UP)
}

/// As in librdkafka's STATISTICS.md; windows are of the last interval, counters of the whole run.
#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    brokers: HashMap<String, Broker>,
    #[serde(default)]
    topics: HashMap<String, Topic>,
}

#[derive(Deserialize)]
struct Broker {
    /// -1 for an address that the client was given to begin with.
    #[serde(default)]
    nodeid: i64,
    #[serde(default)]
    nodename: String,
    #[serde(default)]
    state: String,
    /// Time since something was sent and received, in µs; -1 where nothing was since the connection was made.
    #[serde(default)]
    txidle: i64,
    #[serde(default)]
    rxidle: i64,
    #[serde(default)]
    disconnects: u64,
    #[serde(default)]
    int_latency: Window,
    #[serde(default)]
    outbuf_latency: Window,
    #[serde(default)]
    rtt: Window,
    /// In ms, where the others are in µs.
    #[serde(default)]
    throttle: Window,
}

#[derive(Deserialize, Clone, Copy, Default)]
struct Window {
    min: i64,
    #[serde(default)]
    max: i64,
    avg: i64,
    cnt: i64,
    p99: i64,
    /// So many of them are in no quantile, as the client's histograms end at 100 or 500 ms and grow only later.
    #[serde(default)]
    outofrange: i64,
}

#[derive(Deserialize)]
struct Topic {
    #[serde(default)]
    partitions: HashMap<String, Partition>,
}

#[derive(Deserialize)]
struct Partition {
    #[serde(default)]
    fetchq_cnt: i64,
}

impl Broker {
    fn connected(&self) -> Connected {
        if !matches!(self.state.as_str(), "UP" | "UPDATE" | "REAUTH") {
            return Connected::No;
        }
        let active = [self.txidle, self.rxidle].iter().any(|idle| (0..IDLE_US).contains(idle));
        if active { Connected::Active } else { Connected::Silent }
    }
}

impl Statistics {
    fn add_to(&self, facts: &mut ClientFacts) {
        facts.tellings += 1;
        facts.disconnects = self.brokers.values().map(|broker| broker.disconnects).sum();
        let nodes = self.brokers.values().filter(|broker| broker.nodeid >= 0 && !broker.nodename.is_empty());
        let nodes: BTreeMap<i64, bool> = nodes.map(|node| (node.nodeid, is_loopback(&node.nodename))).collect();
        if !nodes.is_empty() {
            facts.brokers = nodes.len() as u64;
            facts.loopback = nodes.values().all(|loopback| *loopback);
        }
        for broker in self.brokers.values() {
            facts.queued.enter(broker.int_latency.in_us(1));
            facts.unsent.enter(broker.outbuf_latency.in_us(1));
            facts.round_trip.enter(broker.rtt.in_us(1));
            facts.throttled.enter(broker.throttle.in_us(1000));
        }
        let partitions = self.topics.values().flat_map(|topic| topic.partitions.values());
        let fetched = partitions.map(|partition| us(partition.fetchq_cnt, 1)).sum();
        facts.fetched_max = facts.fetched_max.max(fetched);
    }
}

impl Broker {
    fn state(self) -> BrokerState {
        BrokerState { address: self.nodename, id: self.nodeid, state: self.state }
    }
}

impl Window {
    fn in_us(self, factor: u64) -> Waits {
        let Window { min, max, avg, cnt, p99, outofrange } = self;
        // Records without a time limit (a file's) are said to have waited since long before the beginning of time.
        if min < 0 {
            return Waits::default();
        }
        let p99 = if outofrange.saturating_mul(100) > cnt { max } else { p99 };
        Waits { count: us(cnt, 1), min_us: us(min, factor), mean_us: us(avg, factor), p99_us: us(p99, factor) }
    }
}

/// Whether a `HOST:PORT` is on this machine for certain.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn us(n: i64, factor: u64) -> u64 {
    u64::try_from(n).unwrap_or(0).saturating_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: &[&str]) -> ClientFacts {
        let facts = Facts::default();
        json.iter().for_each(|json| drop(facts.enter(json.as_bytes())));
        facts.get()
    }

    const ONE: &str = r#"{"name": "vidprod#producer-1", "txmsgs": 3, "brokers": {
        "h:9092/bootstrap": {"name": "h:9092/bootstrap", "connects": 1, "disconnects": 1, "req": {"Produce": 1},
          "rtt": {"min": 0, "max": 0, "avg": 0, "sum": 0, "stddev": 0, "p99": 0, "cnt": 0}},
        "h:9092/1": {"disconnects": 2, "toppars": {"video-0": {"topic": "video", "partition": 0}},
          "int_latency": {"min": 1, "avg": 5, "p99": 9, "cnt": 30},
          "outbuf_latency": {"min": 2, "avg": 6, "p99": 10, "cnt": 30},
          "rtt": {"min": 300, "avg": 500, "p99": 900, "cnt": 30},
          "throttle": {"min": 0, "avg": 7, "p99": 70, "cnt": 30}}},
      "topics": {"video": {"partitions": {"0": {"fetchq_cnt": 3}, "-1": {"fetchq_cnt": 0}, "1": {"fetchq_cnt": 2}}}}}"#;

    #[test]
    fn what_explains_a_latency_is_read() {
        let waits = |min_us, mean_us, p99_us| Waits { count: 30, min_us, mean_us, p99_us };
        let facts = ClientFacts {
            tellings: 1,
            queued: waits(1, 5, 9),
            unsent: waits(2, 6, 10),
            round_trip: waits(300, 500, 900),
            throttled: waits(0, 7000, 70_000),
            brokers: 0,
            loopback: false,
            disconnects: 3,
            reconnections: 0,
            fetched_max: 5,
        };
        assert_eq!(told(&[ONE]), facts);
    }

    #[test]
    fn a_broker_on_this_machine_is_known_by_its_address() {
        let check = |addresses: &[&str], brokers: u64, loopback: bool| {
            let node = |(id, address)| format!(r#""{id}": {{"nodeid": {id}, "nodename": "{address}"}}"#);
            let nodes: Vec<String> = (1..).zip(addresses).map(node).collect();
            let bootstrap = r#""b": {"nodeid": -1, "nodename": "far:9092"}"#;
            let facts = told(&[&format!(r#"{{"brokers": {{{bootstrap}, {}}}}}"#, nodes.join(", "))]);
            assert_eq!((facts.brokers, facts.loopback), (brokers, loopback), "{addresses:?}");
        };
        check(&["127.0.0.1:9092"], 1, true);
        check(&["localhost:9092", "127.1.2.3:9093", "[::1]:9094"], 3, true);
        check(&["127.0.0.1:9092", "kafka:9092"], 2, false);
        check(&["192.168.1.7:9092"], 1, false);
    }

    #[track_caller]
    fn check_round_trip(window: &str, expected: Waits) {
        assert_eq!(
            told(&[&format!(r#"{{"brokers": {{"h": {{"rtt": {window}}}}}}}"#)]).round_trip,
            expected,
            "{window}"
        );
    }

    #[test]
    fn what_is_beyond_the_clients_histogram_counts() {
        let waits = |p99_us| Waits { count: 50, min_us: 9, mean_us: 700_000, p99_us };
        let long = r#"{"min": 9, "max": 990000, "avg": 700000, "cnt": 50, "p99": 400000, "outofrange": 40}"#;
        check_round_trip(long, waits(990_000));
        check_round_trip(&long.replace("40}", "0}"), waits(400_000));
    }

    #[test]
    fn waits_since_before_the_beginning_say_nothing() {
        let wrapped = r#"{"min": -9223371036854775807, "max": 0, "avg": 77, "cnt": 2, "p99": 0, "outofrange": 2}"#;
        check_round_trip(wrapped, Waits::default());
    }

    #[test]
    fn the_best_connection_counts() {
        let check = |brokers: &str, expected| {
            let json = format!(r#"{{"brokers": {{{brokers}}}}}"#);
            assert_eq!(Facts::default().enter(json.as_bytes()).connected, expected);
        };
        check("", Some(Connected::No));
        check(r#""a": {"state": "DOWN"}, "b": {"state": "CONNECT"}"#, Some(Connected::No));
        check(
            r#""a": {"state": "DOWN"}, "b": {"state": "UP", "txidle": -1, "rxidle": 9000000}"#,
            Some(Connected::Silent),
        );
        check(r#""a": {"state": "UP", "txidle": 9000000, "rxidle": 400000}"#, Some(Connected::Active));
        check("broken", None);
    }

    #[test]
    fn the_broker_that_sent_something_last_counts() {
        let check = |brokers: &str, expected| {
            let json = format!(r#"{{"brokers": {{{brokers}}}}}"#);
            assert_eq!(Facts::default().enter(json.as_bytes()).received_us, expected, "{brokers}");
        };
        check("", None);
        check(r#""a": {"state": "UP", "rxidle": -1}, "b": {"state": "DOWN", "rxidle": 5}"#, None);
        check(r#""a": {"state": "UP", "rxidle": 9000000}, "b": {"state": "UP", "rxidle": 7000000}"#, Some(7_000_000));
    }

    #[test]
    fn windows_add_up_and_counters_do_not() {
        let facts = told(&[ONE, ONE, r#"{"brokers": {}, "topics": {}}"#]);
        assert_eq!((facts.tellings, facts.round_trip.count, facts.fetched_max), (3, 60, 5));
        let facts = told(&[ONE, ONE]);
        assert_eq!(facts.disconnects, 3);
    }

    #[test]
    fn a_new_client_goes_on_with_the_figures_of_the_one_before() {
        let facts = Facts::default();
        facts.enter(ONE.as_bytes());
        facts.renewed();
        facts.enter(ONE.as_bytes());
        facts.enter(ONE.as_bytes());
        assert_eq!((facts.get().disconnects, facts.get().reconnections), (6, 1));
    }

    fn padded(bytes: usize) -> String {
        format!("{ONE}{}", " ".repeat(bytes))
    }

    #[test]
    fn of_what_is_long_the_last_is_read_at_the_end() {
        let facts = Facts::default();
        (0..3).for_each(|_| drop(facts.enter(padded(BYTES_AT_ONCE).as_bytes())));
        assert_eq!(facts.0.lock().unwrap().facts.tellings, 0);
        assert_eq!(facts.get(), told(&[ONE]));
        assert_eq!(facts.get(), told(&[ONE]), "once");
    }

    #[test]
    fn the_brokers_that_are_connected_are_seen() {
        let facts = Facts::default();
        let down = r#"{"brokers": {"h:1/1": {"nodename":"h:1", "nodeid":1, "state":"CONNECT"}}}"#;
        let up = down.replace("CONNECT", "UP");
        assert_eq!(
            facts.enter(down.as_bytes()),
            Seen { connected: Some(Connected::No), lines: Vec::new(), ..Seen::default() }
        );
        let lines = vec!["connected to broker 1 at h:1".to_owned()];
        assert_eq!(
            facts.enter(up.as_bytes()),
            Seen { connected: Some(Connected::Active), received_us: Some(0), lines }
        );
        let long = |text: &str| format!("{text}{}", " ".repeat(BYTES_AT_ONCE));
        assert_eq!(facts.enter(long(&up).as_bytes()).connected, Some(Connected::Active));
        assert_eq!(facts.enter(long(down).as_bytes()).connected, Some(Connected::No));
    }

    #[test]
    fn what_cannot_be_read_is_left() {
        let long = padded(BYTES_MAX);
        assert_eq!(told(&["", "{", "[1]", r#"{"brokers": 7}"#, &long]), ClientFacts::default());
    }
}
