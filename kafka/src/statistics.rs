//! What librdkafka counts of itself, once a second: the few figures of it that explain a latency.
//!
//! It comes as JSON on the thread that polls, which in the viewer is the one that shows frames. So only what is needed is
//! read, and what a very large cluster makes of it is left unread.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use common::explain::{ClientFacts, Waits};
use serde::Deserialize;

/// What is longer than that would hold up frames for too long.
const BYTES_MAX: usize = 128 << 10;

/// The facts of one client, added up.
#[derive(Clone, Default, Debug)]
pub struct Facts(Arc<Mutex<ClientFacts>>);

impl Facts {
    pub fn get(&self) -> ClientFacts {
        self.0.lock().map(|facts| *facts).unwrap_or_default()
    }

    /// Takes what the client tells. What cannot be read is as if it had not been told.
    pub(crate) fn enter(&self, json: &[u8]) {
        if json.len() <= BYTES_MAX
            && let Ok(statistics) = serde_json::from_slice::<Statistics>(json)
            && let Ok(mut facts) = self.0.lock()
        {
            statistics.add_to(&mut facts);
        }
    }
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
    avg: i64,
    cnt: i64,
    p99: i64,
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

impl Statistics {
    fn add_to(&self, facts: &mut ClientFacts) {
        facts.tellings += 1;
        facts.disconnects = self.brokers.values().map(|broker| broker.disconnects).sum();
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

impl Window {
    fn in_us(self, factor: u64) -> Waits {
        let Window { min, avg, cnt, p99 } = self;
        Waits { count: us(cnt, 1), min_us: us(min, factor), mean_us: us(avg, factor), p99_us: us(p99, factor) }
    }
}

fn us(n: i64, factor: u64) -> u64 {
    u64::try_from(n).unwrap_or(0).saturating_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: &[&str]) -> ClientFacts {
        let facts = Facts::default();
        json.iter().for_each(|json| facts.enter(json.as_bytes()));
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
            disconnects: 3,
            fetched_max: 5,
        };
        assert_eq!(told(&[ONE]), facts);
    }

    #[test]
    fn windows_add_up_and_counters_do_not() {
        let facts = told(&[ONE, ONE, r#"{"brokers": {}, "topics": {}}"#]);
        assert_eq!((facts.tellings, facts.round_trip.count, facts.fetched_max), (3, 60, 5));
        let facts = told(&[ONE, ONE]);
        assert_eq!(facts.disconnects, 3);
    }

    #[test]
    fn what_cannot_be_read_is_left() {
        let long = format!("{}{}", ONE, " ".repeat(BYTES_MAX));
        assert_eq!(told(&["", "{", "[1]", r#"{"brokers": 7}"#, &long]), ClientFacts::default());
    }
}
