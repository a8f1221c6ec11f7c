//! The figures of a snapshot for Prometheus.

use broker::{BrokerSnapshot, Dropped, LogSnapshot};
use web::{Metric, MetricsPage};

const BUILD: Metric = Metric::info("vidbroker_build_info", "Version of the program.");
const TOPICS: Metric = Metric::gauge("vidbroker_topics", "Topics.");
const PARTITIONS: Metric = Metric::gauge("vidbroker_partitions", "Partitions of all topics.");
const GROUPS: Metric = Metric::gauge("vidbroker_groups", "Consumer groups, with and without members.");
const CONNECTIONS: Metric = Metric::gauge("vidbroker_connections", "Connections that are open.");
const ACCEPTED: Metric = Metric::counter("vidbroker_accepted_connections_total", "Connections accepted.");
const TURNED_AWAY: Metric = Metric::counter(
    "vidbroker_turned_away_connections_total",
    "Connections refused because of the limit on connections.",
);
const CUT_OFF: Metric = Metric::counter(
    "vidbroker_cut_off_connections_total",
    "Connections closed because of an invalid request, a stall in the middle of a request or answer, or because their \
     memory was needed.",
);
const RECEIVED_BYTES: Metric = Metric::counter("vidbroker_received_bytes_total", "Bytes of whole requests.");
const SENT_BYTES: Metric = Metric::counter("vidbroker_sent_bytes_total", "Bytes of whole answers.");
const RECEIVED_RECORDS: Metric = Metric::counter("vidbroker_received_records_total", "Records appended to a log.");
const SENT_RECORDS: Metric =
    Metric::counter("vidbroker_sent_records_total", "Records sent to readers, counted for each reader.");
const DROPPED_RECORDS: Metric = Metric::counter(
    "vidbroker_dropped_records_total",
    "Oldest records, dropped because their memory was needed, or by retention.",
);
const DROPPED_BYTES: Metric = Metric::counter("vidbroker_dropped_bytes_total", "Bytes of these records in the log.");
const MEMORY: Metric =
    Metric::gauge("vidbroker_memory_bytes", "Memory in use for records, requests, answers and groups.");
const MEMORY_PEAK: Metric = Metric::gauge("vidbroker_memory_peak_bytes", "Largest amount of this memory so far.");
const MEMORY_BOUND: Metric = Metric::gauge("vidbroker_memory_bound_bytes", "Limit on this memory (--memory).");
const LOG_START: Metric = Metric::gauge(
    "vidbroker_log_start_offset",
    "Offset of the oldest record of a partition; of the first 100 partitions by name.",
);
const LOG_END: Metric =
    Metric::gauge("vidbroker_log_end_offset", "Offset of the next record of a partition; of the same partitions.");
const LOG_BYTES: Metric =
    Metric::gauge("vidbroker_log_size_bytes", "Bytes of the records of a partition; of the same partitions.");

/// All figures, in their order on the page.
const METRICS: [Metric; 20] = [
    BUILD,
    TOPICS,
    PARTITIONS,
    GROUPS,
    CONNECTIONS,
    ACCEPTED,
    TURNED_AWAY,
    CUT_OFF,
    RECEIVED_BYTES,
    SENT_BYTES,
    RECEIVED_RECORDS,
    SENT_RECORDS,
    DROPPED_RECORDS,
    DROPPED_BYTES,
    MEMORY,
    MEMORY_PEAK,
    MEMORY_BOUND,
    LOG_START,
    LOG_END,
    LOG_BYTES,
];

/// The page for Prometheus. Without a snapshot, it has no values.
pub(crate) fn metrics(snapshot: Option<&BrokerSnapshot>) -> MetricsPage {
    let mut page = MetricsPage::new(&METRICS);
    page.info(&BUILD, &[("version", env!("CARGO_PKG_VERSION"))]);
    let Some(snapshot) = snapshot else { return page };
    let totals = &snapshot.totals;
    for (metric, number) in [
        (TOPICS, snapshot.topics),
        (PARTITIONS, snapshot.partitions),
        (GROUPS, snapshot.groups),
        (CONNECTIONS, snapshot.clients.len()),
        (MEMORY, snapshot.memory_used),
        (MEMORY_PEAK, totals.memory_peak),
        (MEMORY_BOUND, snapshot.memory_bound),
    ] {
        page.number(&metric, &[], number as f64);
    }
    for (metric, count) in [
        (ACCEPTED, totals.connections),
        (TURNED_AWAY, totals.turned_away),
        (CUT_OFF, totals.cut_off),
        (RECEIVED_BYTES, snapshot.bytes_in),
        (SENT_BYTES, snapshot.bytes_out),
        (RECEIVED_RECORDS, totals.records_in),
        (SENT_RECORDS, totals.records_out),
    ] {
        page.count(&metric, &[], count);
    }
    for (reason, Dropped { records, bytes }) in [("memory", totals.evicted), ("retention", totals.expired)] {
        page.count(&DROPPED_RECORDS, &[("reason", reason)], records);
        page.count(&DROPPED_BYTES, &[("reason", reason)], bytes);
    }
    for LogSnapshot { topic, partition, start, end, bytes } in &snapshot.logs {
        let of = [("topic", &**topic), ("partition", &*partition.to_string())];
        page.number(&LOG_START, &of, *start as f64);
        page.number(&LOG_END, &of, *end as f64);
        page.number(&LOG_BYTES, &of, *bytes as f64);
    }
    page
}
