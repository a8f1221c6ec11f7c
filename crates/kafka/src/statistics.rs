//! Reads librdkafka's statistics, which come once a second, and keeps the few figures that explain a latency.
//!
//! They come as JSON on the thread that polls, which in the viewer is the thread that shows frames. So only the needed
//! fields are read there: for one broker and one topic that is 4 to 6 kB, and takes about 20 µs in a debug build. The
//! longer statistics of a large cluster are stored unread, and the last of them are read at the end.

mod window;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use common::report::ClientFacts;
use serde::Deserialize;
use serde::de::IgnoredAny;

use self::window::{IntervalHistogram, us};
use crate::connections::{BrokerConnection, Connections};

/// Longer statistics are not read at once, as that would hold frames up: reading 46 kB, from 30 brokers, took 160 µs in
/// a debug build.
const BYTES_AT_ONCE: usize = 24 << 10;
const BYTES_MAX: usize = 1 << 20;

/// A connection without traffic for this long counts as silent. Statistics come once a second.
const IDLE_US: i64 = 1_500_000;

/// One in this many of the longer statistics is read at once, because it may show that a topic has more partitions.
const LONG_READ_EVERY: u64 = 10;

/// The figures of one client, added up over the run.
#[derive(Clone, Default, Debug)]
pub struct Facts(Arc<Mutex<StatisticsTotals>>, Arc<AtomicBool>);

/// The part of the statistics that needs a reaction at once.
#[derive(Default, PartialEq, Eq, Debug)]
pub(crate) struct StatisticsNews {
    /// `None` if the statistics could not be read.
    pub connected: Option<Connected>,
    /// Time since any connected broker sent something; `None` if not known.
    pub received_us: Option<u64>,
    /// Changes of connections, to be logged.
    pub lines: Vec<String>,
}

#[derive(Default, Debug)]
struct StatisticsTotals {
    facts: ClientFacts,
    /// Number of broken connections of earlier clients.
    disconnects_before: u64,
    connections: Connections,
    /// The partitions of each topic that have a leader.
    partitions: BTreeMap<String, BTreeSet<i32>>,
    long: u64,
    /// The last statistics that were too long to be read at once.
    unread: Vec<u8>,
}

impl Facts {
    pub fn get(&self) -> ClientFacts {
        let Ok(mut totals) = self.0.lock() else { return ClientFacts::default() };
        let unread = std::mem::take(&mut totals.unread);
        totals.read(&unread);
        totals.facts
    }

    /// Counts a reconnection: a new client takes the place of this one, and its counters start at 0.
    pub(crate) fn renewed(&self) {
        if let Ok(mut totals) = self.0.lock() {
            totals.facts.reconnections += 1;
        }
        self.restarted();
    }

    /// Prepares for a client whose counters start at 0.
    pub(crate) fn restarted(&self) {
        if let Ok(mut totals) = self.0.lock() {
            totals.disconnects_before = totals.facts.disconnects;
        }
    }

    /// Reads the client's statistics. Unreadable ones are ignored.
    pub(crate) fn enter(&self, json: &[u8]) -> StatisticsNews {
        let Ok(mut totals) = self.0.lock() else { return StatisticsNews::default() };
        let readable = json.len() <= BYTES_MAX;
        let long = json.len() > BYTES_AT_ONCE;
        totals.long += u64::from(long);
        // At -v every change of a connection is to be logged, and the time spent on reading does not matter.
        let in_turn = totals.long.is_multiple_of(LONG_READ_EVERY) || tracing::enabled!(tracing::Level::DEBUG);
        if readable && (!long || in_turn) {
            totals.unread.clear();
            let (news, changed) = totals.read(json);
            self.1.fetch_or(changed, Ordering::Relaxed);
            return news;
        }
        if readable {
            totals.unread.clear();
            totals.unread.extend_from_slice(json);
        }
        let connected = if says_up(json) { Connected::Active } else { Connected::No };
        StatisticsNews { connected: Some(connected), ..StatisticsNews::default() }
    }

    /// True if the partitions of a topic have changed since the last call.
    pub(crate) fn take_partitions_changed(&self) -> bool {
        self.1.load(Ordering::Relaxed) && self.1.swap(false, Ordering::Relaxed)
    }

    /// The partitions of a topic that have a leader, as far as the client knows them.
    pub(crate) fn partitions(&self, topic: &str) -> Vec<i32> {
        let partitions = self.0.lock().ok().and_then(|totals| totals.partitions.get(topic).cloned());
        partitions.unwrap_or_default().into_iter().collect()
    }

    /// Forgets the partitions of all topics, as a topic may have been deleted and created again.
    pub(crate) fn forget_partitions(&self) {
        if let Ok(mut totals) = self.0.lock() {
            totals.partitions.clear();
        }
    }

    /// Records a failed connection; returns a line to log if the cause is new.
    pub(crate) fn fail(&self, address: &str, was_up: bool, cause: &str) -> Option<String> {
        self.0.lock().ok().and_then(|mut totals| totals.connections.fail(address, was_up, cause))
    }

    /// True if this broker was ever connected.
    pub(crate) fn ever_up(&self, address: &str) -> bool {
        self.0.lock().is_ok_and(|totals| totals.connections.ever_up(address))
    }
}

/// The connection state of a client, over all its brokers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Connected {
    No,
    /// Connected, but nothing was sent or received lately.
    Silent,
    Active,
}

impl StatisticsTotals {
    /// Reads the statistics. Also returns true if the partitions of a topic have changed.
    fn read(&mut self, json: &[u8]) -> (StatisticsNews, bool) {
        let Ok(statistics) = serde_json::from_slice::<Statistics>(json) else { return Default::default() };
        statistics.add_to(&mut self.facts);
        self.facts.disconnects += self.disconnects_before;
        let mut changed = false;
        let fetches = statistics.topics.values().any(Topic::is_fetched);
        for (name, topic) in statistics.topics {
            let led: BTreeSet<i32> = topic.led().collect();
            if self.partitions.get(&name) != Some(&led) {
                changed = true;
                self.partitions.insert(name, led);
            }
        }
        let is_producer = statistics.kind == "producer";
        let up: Vec<&Broker> =
            statistics.brokers.values().filter(|broker| broker.connected(is_producer) != Connected::No).collect();
        // A reader may look for new partitions over another connection than the one that brings its records. A member
        // of a group without partitions fetches from none.
        let with_partitions = |broker: &&&Broker| fetches && !broker.toppars.is_empty();
        let matter = |broker: &&&Broker| !up.iter().any(|b| with_partitions(&b)) || with_partitions(broker);
        let connected = up.iter().filter(matter).map(|broker| broker.connected(is_producer)).max();
        let connected = connected.unwrap_or(Connected::No);
        let received_us = up.iter().filter(matter).filter_map(|broker| u64::try_from(broker.rxidle).ok()).min();
        let brokers: Vec<BrokerConnection> = statistics.brokers.into_values().map(Broker::state).collect();
        (StatisticsNews { connected: Some(connected), received_us, lines: self.connections.look(&brokers) }, changed)
    }
}

/// True if any broker is connected, found without parsing the JSON.
fn says_up(json: &[u8]) -> bool {
    const UP: &[u8] = br#""state":"UP""#;
    json.windows(UP.len()).any(|bytes| bytes == UP)
}

/// The fields of librdkafka's STATISTICS.md that are used. Windows cover the last interval, counters the whole run.
#[derive(Deserialize)]
struct Statistics {
    /// `consumer` or `producer`.
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    brokers: HashMap<String, Broker>,
    #[serde(default)]
    topics: HashMap<String, Topic>,
}

#[derive(Deserialize)]
struct Broker {
    /// -1 for a bootstrap address.
    #[serde(default)]
    nodeid: i64,
    #[serde(default)]
    nodename: String,
    #[serde(default)]
    state: String,
    /// The partitions that this broker leads and the client uses.
    #[serde(default)]
    toppars: HashMap<String, IgnoredAny>,
    /// Time since the last request was sent and the last answer received, in µs; -1 if there was none on this
    /// connection.
    #[serde(default)]
    txidle: i64,
    #[serde(default)]
    rxidle: i64,
    #[serde(default)]
    disconnects: u64,
    #[serde(default)]
    int_latency: IntervalHistogram,
    #[serde(default)]
    outbuf_latency: IntervalHistogram,
    #[serde(default)]
    rtt: IntervalHistogram,
    /// In ms; the other windows are in µs.
    #[serde(default)]
    throttle: IntervalHistogram,
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
    /// `active` if the partition is being fetched.
    #[serde(default)]
    fetch_state: String,
    #[serde(default)]
    leader: i32,
    /// True if the client uses the partition but the metadata does not list it.
    #[serde(default)]
    unknown: bool,
}

impl Topic {
    fn is_fetched(&self) -> bool {
        self.partitions.values().any(|partition| partition.fetch_state == "active")
    }

    /// The partitions with a leader. Partition -1 is left out: there the client keeps records that have no partition
    /// yet.
    fn led(&self) -> impl Iterator<Item = i32> {
        let led = self.partitions.iter().filter(|(_, partition)| partition.leader >= 0 && !partition.unknown);
        led.filter_map(|(id, _)| id.parse().ok()).filter(|id| *id >= 0)
    }
}

impl Broker {
    /// A consumer goes on sending small requests to a broker that does not answer, so only received data counts. A
    /// producer sends records, and on a slow link their bytes may be the only traffic for a while.
    fn connected(&self, is_producer: bool) -> Connected {
        if !matches!(self.state.as_str(), "UP" | "UPDATE" | "REAUTH") {
            return Connected::No;
        }
        let lately = |idle: i64| (0..IDLE_US).contains(&idle);
        if lately(self.rxidle) || (is_producer && lately(self.txidle)) { Connected::Active } else { Connected::Silent }
    }
}

impl Statistics {
    fn add_to(&self, facts: &mut ClientFacts) {
        facts.statistics_read += 1;
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
    fn state(self) -> BrokerConnection {
        BrokerConnection { address: self.nodename, id: self.nodeid, state: self.state }
    }
}

/// True if a `HOST:PORT` is certainly on this machine.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests;
