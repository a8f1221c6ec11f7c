//! The report at the end of a run: the broker's totals, as text for people or as JSON for scripts.

use std::fmt::{self, Display};
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use broker::{BrokerSnapshot, Dropped, Totals};
use cli::output::Output;
use common::words::{bytes, how_long};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// Version of the JSON. Changes when a field changes its meaning or is removed; new fields do not change it.
const SCHEMA: u32 = 1;

#[derive(Clone, Debug)]
pub struct BrokerReport {
    pub snapshot: BrokerSnapshot,
    pub listen: SocketAddr,
    pub ran: Duration,
}

impl BrokerReport {
    pub fn write(&self, to: &Output) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("making the report")? + "\n";
        let mut file = to.create()?;
        file.write_all(text.as_bytes()).and_then(|()| file.flush()).with_context(|| format!("writing {to}"))
    }

    fn json(&self) -> Value {
        let BrokerSnapshot { topics, partitions, bytes_in, bytes_out, memory_bound, totals, .. } = &self.snapshot;
        let dropped = |Dropped { records, bytes }| json!({ "records": records, "bytes": bytes });
        json!({
            "schema": SCHEMA,
            "program": "vidbroker",
            "version": env!("CARGO_PKG_VERSION"),
            "seconds": self.ran.as_secs_f64(),
            "listen": self.listen,
            "topics": topics,
            "partitions": partitions,
            "records": { "in": totals.records_in, "out": totals.records_out },
            // Whole requests and answers.
            "bytes": { "in": bytes_in, "out": bytes_out },
            "connections": {
                "total": totals.connections,
                "peak": totals.connections_peak,
                "turned_away": totals.turned_away,
                "cut_off": totals.cut_off,
            },
            "memory": { "peak_bytes": totals.memory_peak, "bound_bytes": memory_bound },
            // Dropped to make room in memory, and by retention.
            "evicted": dropped(totals.evicted),
            "expired": dropped(totals.expired),
        })
    }
}

impl Serialize for BrokerReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

impl Display for BrokerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BrokerSnapshot { topics, partitions, bytes_in, bytes_out, memory_bound, totals, .. } = &self.snapshot;
        let Totals { evicted, expired, .. } = totals;
        writeln!(f, "vidbroker: {} for {}", self.listen, how_long(self.ran))?;
        writeln!(f, "  topics       {topics}, partitions {partitions}")?;
        writeln!(f, "  records      in {}, out {}", totals.records_in, totals.records_out)?;
        writeln!(f, "  bytes        in {}, out {}", bytes(*bytes_in), bytes(*bytes_out))?;
        writeln!(
            f,
            "  connections  {}, at most {} at the same time, turned away {}, cut off {}",
            totals.connections, totals.connections_peak, totals.turned_away, totals.cut_off
        )?;
        let (peak, bound) = (bytes(totals.memory_peak as u64), bytes(*memory_bound as u64));
        writeln!(f, "  memory       at most {peak} of {bound}")?;
        writeln!(
            f,
            "  dropped      records to make room {} ({}), by retention {} ({})",
            evicted.records,
            bytes(evicted.bytes),
            expired.records,
            bytes(expired.bytes)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> BrokerReport {
        let totals = Totals {
            records_in: 300,
            records_out: 600,
            connections: 5,
            connections_peak: 3,
            turned_away: 2,
            cut_off: 1,
            memory_peak: 64_000_000,
            evicted: Dropped { records: 40, bytes: 4_000_000 },
            expired: Dropped { records: 1, bytes: 500 },
        };
        let snapshot = BrokerSnapshot {
            topics: 2,
            partitions: 4,
            bytes_in: 30_000_000,
            bytes_out: 60_000_000,
            memory_bound: 128_000_000,
            totals,
            ..BrokerSnapshot::default()
        };
        BrokerReport { snapshot, listen: ([127, 0, 0, 1], 9092).into(), ran: Duration::from_secs(90) }
    }

    #[test]
    fn the_text_has_every_total() {
        let expected = "\
vidbroker: 127.0.0.1:9092 for 1 min 30 s
  topics       2, partitions 4
  records      in 300, out 600
  bytes        in 30.0 MB, out 60.0 MB
  connections  5, at most 3 at the same time, turned away 2, cut off 1
  memory       at most 64.0 MB of 128.0 MB
  dropped      records to make room 40 (4.0 MB), by retention 1 (500 B)
";
        assert_eq!(report().to_string(), expected);
    }

    #[test]
    fn the_json_has_every_total_under_its_name() {
        let json = report().json();
        let number = |pointer: &str| json.pointer(pointer).and_then(Value::as_u64);
        for (pointer, expected) in [
            ("/schema", 1),
            ("/topics", 2),
            ("/partitions", 4),
            ("/records/in", 300),
            ("/records/out", 600),
            ("/bytes/in", 30_000_000),
            ("/bytes/out", 60_000_000),
            ("/connections/total", 5),
            ("/connections/peak", 3),
            ("/connections/turned_away", 2),
            ("/connections/cut_off", 1),
            ("/memory/peak_bytes", 64_000_000),
            ("/memory/bound_bytes", 128_000_000),
            ("/evicted/records", 40),
            ("/expired/bytes", 500),
        ] {
            assert_eq!(number(pointer), Some(expected), "{pointer}");
        }
        assert_eq!(json["listen"], "127.0.0.1:9092");
    }
}
