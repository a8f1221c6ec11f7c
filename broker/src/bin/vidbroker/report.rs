//! The report at the end of a run: the broker's totals, as text for people or as JSON for scripts.

use std::fmt::{self, Display};
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use broker::{BrokerSnapshot, Dropped};
use cli::output::Output;
use common::words::{bytes, how_long};
use serde::Serialize;

/// Version of the JSON. Changes when a field changes its meaning or is removed; new fields do not change it.
const SCHEMA: u32 = 1;

#[derive(Clone, Debug, Serialize)]
pub struct BrokerReport {
    pub schema: u32,
    pub program: &'static str,
    pub version: &'static str,
    pub seconds: f64,
    pub listen: SocketAddr,
    /// Number of topics at the end of the run.
    pub topics: usize,
    pub partitions: usize,
    pub records: InOut,
    /// Bytes of whole requests and answers.
    pub bytes: InOut,
    pub connections: ConnectionTotals,
    pub memory: MemoryTotals,
    /// Records dropped to make room in memory for newer ones.
    pub evicted: DroppedTotals,
    /// Records dropped by retention.
    pub expired: DroppedTotals,
}

#[derive(Clone, Debug, Serialize)]
pub struct InOut {
    #[serde(rename = "in")]
    pub into: u64,
    pub out: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct ConnectionTotals {
    pub total: u64,
    pub peak: usize,
    pub turned_away: u64,
    pub cut_off: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct MemoryTotals {
    pub peak_bytes: usize,
    pub bound_bytes: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct DroppedTotals {
    pub records: u64,
    pub bytes: u64,
}

impl From<Dropped> for DroppedTotals {
    fn from(Dropped { records, bytes }: Dropped) -> DroppedTotals {
        DroppedTotals { records, bytes }
    }
}

impl BrokerReport {
    pub fn new(snapshot: &BrokerSnapshot, listen: SocketAddr, ran: Duration) -> BrokerReport {
        let totals = &snapshot.totals;
        BrokerReport {
            schema: SCHEMA,
            program: "vidbroker",
            version: env!("CARGO_PKG_VERSION"),
            seconds: ran.as_secs_f64(),
            listen,
            topics: snapshot.topics,
            partitions: snapshot.partitions,
            records: InOut { into: totals.records_in, out: totals.records_out },
            bytes: InOut { into: snapshot.bytes_in, out: snapshot.bytes_out },
            connections: ConnectionTotals {
                total: totals.connections,
                peak: totals.connections_peak,
                turned_away: totals.turned_away,
                cut_off: totals.cut_off,
            },
            memory: MemoryTotals { peak_bytes: totals.memory_peak, bound_bytes: snapshot.memory_bound },
            evicted: totals.evicted.into(),
            expired: totals.expired.into(),
        }
    }

    pub fn write(&self, to: &Output) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("making the report")? + "\n";
        let mut file = to.create()?;
        file.write_all(text.as_bytes()).and_then(|()| file.flush()).with_context(|| format!("writing {to}"))
    }
}

impl Display for BrokerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BrokerReport { records, connections, memory, evicted, expired, .. } = self;
        let ran = how_long(Duration::from_secs_f64(self.seconds));
        writeln!(f, "vidbroker: {} for {ran}", self.listen)?;
        writeln!(f, "  topics       {}, partitions {}", self.topics, self.partitions)?;
        writeln!(f, "  records      in {}, out {}", records.into, records.out)?;
        writeln!(f, "  bytes        in {}, out {}", bytes(self.bytes.into), bytes(self.bytes.out))?;
        writeln!(
            f,
            "  connections  {}, at most {} at the same time, turned away {}, cut off {}",
            connections.total, connections.peak, connections.turned_away, connections.cut_off
        )?;
        writeln!(
            f,
            "  memory       at most {} of {}",
            bytes(memory.peak_bytes as u64),
            bytes(memory.bound_bytes as u64)
        )?;
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
    use broker::Totals;

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
        BrokerReport::new(&snapshot, ([127, 0, 0, 1], 9092).into(), Duration::from_secs(90))
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
        let json = serde_json::to_value(report()).unwrap();
        let number = |pointer: &str| json.pointer(pointer).and_then(serde_json::Value::as_u64);
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
