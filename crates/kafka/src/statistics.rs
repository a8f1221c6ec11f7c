//! Reads librdkafka's statistics, which come once a second, and keeps the few figures that explain a latency.
//!
//! They come as JSON on the thread that polls, which in the viewer is the thread that shows frames. So only the needed
//! fields are read there: for one broker and one topic that is 4 to 6 kB, and takes about 20 µs in a debug build. The
//! longer statistics of a large cluster are stored unread, and the last of them are read at the end.

mod window;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::report::ClientFacts;
use serde::Deserialize;
use serde::de::IgnoredAny;

use self::window::{IntervalHistogram, us};
use crate::connections::Connections;

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
pub struct Facts(Arc<Mutex<StatisticsTotals>>);

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
    partitions_changed: bool,
    /// Number of unread records of each topic that is read.
    lags: BTreeMap<String, u64>,
    long: u64,
    /// The last statistics that were too long to be read at once.
    unread: Vec<u8>,
}

impl Facts {
    pub fn get(&self) -> ClientFacts {
        let mut totals = self.lock();
        let unread = std::mem::take(&mut totals.unread);
        totals.read(&unread);
        totals.facts
    }

    /// The same without the last long statistics, which take time to read. For figures that are wanted while frames flow.
    pub fn recent(&self) -> ClientFacts {
        self.lock().facts
    }

    /// Number of records of a topic that the broker has and the client has not passed on, in all partitions that it
    /// reads; `None` if it reads none.
    pub fn lag(&self, topic: &str) -> Option<u64> {
        self.lock().lags.get(topic).copied()
    }

    /// Counts a reconnection: a new client takes the place of this one, and its counters start at 0.
    pub(crate) fn renewed(&self) {
        self.lock().facts.reconnections += 1;
        self.restarted();
    }

    /// Prepares for a client whose counters start at 0.
    pub(crate) fn restarted(&self) {
        let mut totals = self.lock();
        totals.disconnects_before = totals.facts.disconnects;
    }

    /// Reads the client's statistics. Unreadable ones are ignored.
    pub(crate) fn enter(&self, json: &[u8]) -> StatisticsNews {
        let mut totals = self.lock();
        let readable = json.len() <= BYTES_MAX;
        let long = json.len() > BYTES_AT_ONCE;
        totals.long += u64::from(long);
        // At -v every change of a connection is to be logged, and the time spent on reading does not matter.
        let in_turn = totals.long.is_multiple_of(LONG_READ_EVERY) || tracing::enabled!(tracing::Level::DEBUG);
        if readable && (!long || in_turn) {
            totals.unread.clear();
            return totals.read(json);
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
        std::mem::take(&mut self.lock().partitions_changed)
    }

    /// The partitions of a topic that have a leader, as far as the client knows them.
    pub(crate) fn partitions(&self, topic: &str) -> Vec<i32> {
        self.lock().partitions.get(topic).into_iter().flatten().copied().collect()
    }

    /// Forgets the partitions of all topics, as a topic may have been deleted and created again.
    pub(crate) fn forget_partitions(&self) {
        self.lock().partitions.clear();
    }

    /// Records a failed connection; returns a line to log if the cause is new.
    pub(crate) fn fail(&self, address: &str, was_up: bool, cause: &str) -> Option<String> {
        self.lock().connections.fail(address, was_up, cause)
    }

    /// True if this broker was ever connected.
    pub(crate) fn ever_up(&self, address: &str) -> bool {
        self.lock().connections.ever_up(address)
    }

    fn lock(&self) -> MutexGuard<'_, StatisticsTotals> {
        // Totals that a panic left half updated only make a figure wrong.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn read(&mut self, json: &[u8]) -> StatisticsNews {
        let Ok(statistics) = serde_json::from_slice::<Statistics>(json) else { return Default::default() };
        statistics.add_to(&mut self.facts);
        self.facts.disconnects += self.disconnects_before;
        let fetches = statistics.topics.values().any(Topic::is_fetched);
        self.lags = statistics.topics.iter().filter_map(|(name, topic)| Some((name.clone(), topic.lag()?))).collect();
        for (name, topic) in statistics.topics {
            let led: BTreeSet<i32> = topic.led().collect();
            if self.partitions.get(&name) != Some(&led) {
                self.partitions_changed = true;
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
        let lines = self.connections.look(up.iter().map(|broker| (broker.nodename.as_str(), broker.nodeid)));
        StatisticsNews { connected: Some(connected), received_us, lines }
    }
}

/// True if any broker is connected, found without parsing the JSON.
fn says_up(json: &[u8]) -> bool {
    const UP: &[u8] = br#""state":"UP""#;
    json.windows(UP.len()).any(|bytes| bytes == UP)
}

/// The fields of librdkafka's STATISTICS.md that are used. Windows cover the last interval, counters the whole run.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Statistics {
    /// `consumer` or `producer`.
    #[serde(rename = "type")]
    kind: String,
    brokers: HashMap<String, Broker>,
    topics: HashMap<String, Topic>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Broker {
    /// -1 for a bootstrap address.
    nodeid: i64,
    nodename: String,
    state: String,
    /// The partitions that this broker leads and the client uses.
    toppars: HashMap<String, IgnoredAny>,
    /// Time since the last request was sent and the last answer received, in µs; -1 if there was none on this
    /// connection.
    txidle: i64,
    rxidle: i64,
    disconnects: u64,
    int_latency: IntervalHistogram,
    outbuf_latency: IntervalHistogram,
    rtt: IntervalHistogram,
    /// In ms; the other windows are in µs.
    throttle: IntervalHistogram,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Topic {
    partitions: HashMap<String, Partition>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Partition {
    fetchq_cnt: i64,
    /// Offsets after the last record that a reader may get, after the last one that was passed on, and of the next one to
    /// fetch; negative if unknown.
    ls_offset: i64,
    app_offset: i64,
    next_offset: i64,
    /// `active` if the partition is being fetched.
    fetch_state: String,
    leader: i32,
    /// True if the client uses the partition but the metadata does not list it.
    unknown: bool,
}

impl Topic {
    fn is_fetched(&self) -> bool {
        self.partitions.values().any(Partition::is_fetched)
    }

    /// Number of unread records in the partitions that are fetched; `None` if none is.
    fn lag(&self) -> Option<u64> {
        let mut lags =
            self.partitions.values().filter(|partition| partition.is_fetched()).map(Partition::lag).peekable();
        lags.peek()?;
        lags.sum()
    }

    /// The partitions with a leader. Partition -1 is left out: there the client keeps records that have no partition
    /// yet.
    fn led(&self) -> impl Iterator<Item = i32> {
        let led = self.partitions.iter().filter(|(_, partition)| partition.leader >= 0 && !partition.unknown);
        led.filter_map(|(id, _)| id.parse().ok()).filter(|id| *id >= 0)
    }
}

impl Partition {
    fn is_fetched(&self) -> bool {
        self.fetch_state == "active"
    }

    /// Number of records between the position and the end; `None` if one of them is not known yet.
    fn lag(&self) -> Option<u64> {
        let position = if self.app_offset >= 0 { self.app_offset } else { self.next_offset };
        (position >= 0 && self.ls_offset >= 0).then(|| u64::try_from(self.ls_offset - position).unwrap_or(0))
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

/// True if a `HOST:PORT` is certainly on this machine.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests;
