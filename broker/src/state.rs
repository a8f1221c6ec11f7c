//! The state of the broker.

use common::EMBEDDED_CLUSTER;
use kafka_protocol::messages::BrokerId;
use kafka_protocol::protocol::StrBytes;
use tokio::sync::Notify;

use crate::clients::Clients;
use crate::clock::{BrokerClock, Now};
use crate::groups::Groups;
use crate::memory::{Memory, MemoryUse};
use crate::options::GroupLimits;
use crate::options::Options;
use crate::topics::Topics;
use crate::totals::Totals;

/// Id of this broker, the only node.
pub const NODE: BrokerId = BrokerId(1);

/// Smallest number of clients by which the memory is divided for each client's share.
const CONNECTIONS_USUAL: usize = 1000;

/// The groups' share of the memory, as a fraction.
const GROUPS_OF_MEMORY: usize = 16;

#[derive(Debug)]
pub struct BrokerState {
    pub options: Options,
    pub clock: BrokerClock,
    pub memory: Memory,
    pub topics: Topics,
    pub groups: Groups,
    pub clients: Clients,
    pub totals: Totals,
    pub cluster: StrBytes,
    pub next_producer: i64,
    /// True once a topic that a client requested was not created because of a limit; this is logged only once.
    pub topic_refused: bool,
    /// Notified when the groups' next deadline may have changed.
    pub alarm: std::rc::Rc<Notify>,
}

impl BrokerState {
    pub fn new(options: Options) -> BrokerState {
        let clock = BrokerClock::start();
        let for_groups = options.memory_bytes / GROUPS_OF_MEMORY;
        let memory = Memory::new(options.memory_bytes - for_groups);
        let of_groups = GroupLimits { memory_bytes: for_groups, ..options.limits.groups.clone() };
        BrokerState {
            groups: Groups::new(of_groups, &memory),
            memory,
            topics: Topics::new(options.defaults, &options.limits),
            clients: Clients::default(),
            totals: Totals::default(),
            cluster: StrBytes::from_string(format!("{EMBEDDED_CLUSTER}{}", uuid::Uuid::new_v4().simple())),
            // Ids of an earlier broker on this address are not used again, because its producers may still exist.
            next_producer: clock.now().wall_ms.saturating_mul(1000),
            topic_refused: false,
            alarm: std::rc::Rc::default(),
            clock,
            options,
        }
    }

    pub fn now(&self) -> Now {
        self.clock.now()
    }
}

/// Time for a request or an answer after which a client may be cut off if its memory is needed.
const SLOW_MS: u64 = 1000;

impl BrokerState {
    /// Counts `bytes`, after dropping the oldest records if necessary.
    ///
    /// The logs do not give way for memory that clients hold in incomplete requests and unread answers. If that is more
    /// than the clients' share, the slowest client is cut off, and the caller tries again.
    pub fn take_room(&mut self, bytes: usize) -> Option<MemoryUse> {
        if self.memory.has_room(bytes) {
            return Some(self.memory.hold(bytes));
        }
        let mut cost = self.topics.cost();
        while !self.memory.has_room(bytes) {
            let of_clients = self.memory.used().saturating_sub(cost);
            let fits = of_clients.saturating_add(bytes) <= self.memory.of_clients();
            let dropped = if fits { self.topics.drop_some(bytes) } else { 0 };
            cost = cost.saturating_sub(dropped);
            if dropped == 0 {
                self.cut_slowest();
                return None;
            }
        }
        Some(self.memory.hold(bytes))
    }

    fn cut_slowest(&mut self) {
        if let Some(slow) = self.clients.cut_slowest(self.clock.now().ms, SLOW_MS) {
            self.totals.cut_off += 1;
            let (peer, name) = (slow.peer, &slow.name);
            tracing::warn!(
                event = "client_cut_off",
                %peer,
                client = name,
                "{peer} ({name}) is cut off: it takes long to send a request or to read an answer, and that memory is needed"
            );
        }
    }

    /// Memory that each connection may hold, so that all together stay within the clients' part. A limit on connections
    /// that is far above their actual number does not make the share smaller.
    pub fn share_bytes(&self) -> usize {
        let connections = self.options.limits.connections.min(self.clients.len().max(CONNECTIONS_USUAL));
        self.memory.of_clients() / connections.max(1)
    }

    /// Largest request: the configured limit, or less if there is not enough memory.
    pub fn request_bytes_max(&self) -> usize {
        self.options.limits.request_bytes.min(self.memory.of_clients() / 2)
    }
}
