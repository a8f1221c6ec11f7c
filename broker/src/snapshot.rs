//! The state of a running broker, as seen from outside.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use crate::clients::ConnectedClient;
use crate::state::BrokerState;
use crate::topics::Topic;
use crate::totals::Totals;

/// Number of partitions whose logs a snapshot describes, in the order of their names: a client can create any number.
const LOGS_MAX: usize = 100;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BrokerSnapshot {
    pub topics: usize,
    /// Of all topics together.
    pub partitions: usize,
    pub groups: usize,
    /// The logs of the first partitions.
    pub logs: Vec<LogSnapshot>,
    pub clients: Vec<ClientSnapshot>,
    /// Bytes since the broker started.
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub memory_used: usize,
    pub memory_bound: usize,
    pub totals: Totals,
}

/// The log of a partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogSnapshot {
    pub topic: String,
    pub partition: usize,
    /// Offset of its oldest record.
    pub start: i64,
    /// Offset of its next record.
    pub end: i64,
    pub bytes: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientSnapshot {
    /// Client id, as given by the client.
    pub name: String,
    pub peer: SocketAddr,
    /// Time since it connected.
    pub connected: Duration,
    pub produces: bool,
    /// True if the client has requested a producer id. That may be long before its first record, which may come over
    /// another connection.
    pub has_producer_id: bool,
    /// The topics that it reads.
    pub reads: BTreeSet<String>,
    /// True if there are records that it has not read yet.
    pub behind: bool,
}

impl BrokerSnapshot {
    pub fn of(state: &BrokerState) -> BrokerSnapshot {
        BrokerSnapshot {
            topics: state.topics.len(),
            partitions: state.topics.partitions(),
            groups: state.groups.len(),
            logs: LogSnapshot::first(state),
            clients: state.clients.all().map(|client| ClientSnapshot::of(client, state)).collect(),
            bytes_in: state.clients.bytes_in,
            bytes_out: state.clients.bytes_out,
            memory_used: state.memory.used_in_all_parts(),
            memory_bound: state.options.memory_bytes,
            totals: Totals {
                memory_peak: state.memory.peak(),
                evicted: state.topics.evicted,
                expired: state.topics.expired,
                ..state.totals
            },
        }
    }

    /// True if a client has requested records of this topic.
    pub fn is_read(&self, topic: &str) -> bool {
        self.clients.iter().any(|c| c.reads.contains(topic))
    }
}

impl LogSnapshot {
    fn first(state: &BrokerState) -> Vec<LogSnapshot> {
        let of_topic = |topic: &Topic| {
            let logs = topic.partitions.iter().map(|partition| &partition.log).enumerate();
            let snapshots = logs.map(|(partition, log)| LogSnapshot {
                topic: topic.name.clone(),
                partition,
                start: log.start(),
                end: log.end(),
                bytes: log.bytes(),
            });
            snapshots.take(LOGS_MAX).collect::<Vec<_>>()
        };
        state.topics.all().flat_map(of_topic).take(LOGS_MAX).collect()
    }
}

impl ClientSnapshot {
    fn of(client: &ConnectedClient, state: &BrokerState) -> ClientSnapshot {
        let unread = |((topic, partition), from): (&(String, i32), &i64)| {
            state.topics.partition(topic, *partition).is_some_and(|p| p.log.end() > *from)
        };
        ClientSnapshot {
            name: client.name.clone(),
            peer: client.peer,
            connected: Duration::from_millis(state.now().ms.saturating_sub(client.since)),
            produces: client.produces,
            has_producer_id: client.has_producer_id,
            reads: client.reading.keys().map(|(topic, _)| topic.clone()).collect(),
            behind: client.reading.iter().any(unread),
        }
    }
}
