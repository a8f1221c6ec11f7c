//! The connections and what each of them does. Used for the status line, for cutting off slow clients, and to decide if
//! anybody still needs the broker.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use tokio::task::AbortHandle;

use crate::clock::Ms;

/// One connection.
#[derive(Debug)]
pub struct ConnectedClient {
    /// Client id, as given by the client.
    pub name: String,
    pub peer: SocketAddr,
    pub since: Ms,
    pub produces: bool,
    /// True if the client has requested a producer id. That may be long before its first record, which may come over
    /// another connection.
    pub has_producer_id: bool,
    /// Offset of its last fetch in each partition.
    pub reading: HashMap<(String, i32), i64>,
    /// Time since which a request is arriving or an answer is being sent, which takes memory. `None` while the client
    /// waits for us.
    pub busy_since: Option<Ms>,
    /// Number of bytes of the answer that is being sent to it.
    answering: usize,
    abort: Option<AbortHandle>,
}

#[derive(Debug, Default)]
pub struct Clients {
    by_id: BTreeMap<u64, ConnectedClient>,
    next_id: u64,
    answering: usize,
    /// Total bytes received and sent.
    pub bytes_in: u64,
    pub bytes_out: u64,
}

impl Clients {
    pub fn add(&mut self, peer: SocketAddr, now: Ms) -> u64 {
        self.next_id += 1;
        let client = ConnectedClient {
            name: String::new(),
            peer,
            since: now,
            produces: false,
            has_producer_id: false,
            reading: HashMap::new(),
            busy_since: None,
            answering: 0,
            abort: None,
        };
        self.by_id.insert(self.next_id, client);
        self.next_id
    }

    pub fn set_abort(&mut self, id: u64, abort: AbortHandle) {
        if let Some(client) = self.by_id.get_mut(&id) {
            client.abort = Some(abort);
        }
    }

    pub fn remove(&mut self, id: u64) {
        self.set_answering(id, 0);
        self.by_id.remove(&id);
    }

    pub fn get_mut(&mut self, id: u64) -> Option<&mut ConnectedClient> {
        self.by_id.get_mut(&id)
    }

    pub fn set_answering(&mut self, id: u64, bytes: usize) {
        if let Some(client) = self.by_id.get_mut(&id) {
            self.answering = self.answering - client.answering + bytes;
            client.answering = bytes;
        }
    }

    /// Number of bytes of all answers that are being sent.
    pub fn answering(&self) -> usize {
        self.answering
    }

    pub fn all(&self) -> impl Iterator<Item = &ConnectedClient> {
        self.by_id.values()
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Cuts off the client that has taken longest to send its request or to receive its answer, if that is at least
    /// `at_least`.
    pub fn cut_slowest(&mut self, now: Ms, at_least: Ms) -> Option<&ConnectedClient> {
        let slow = |c: &&mut ConnectedClient| c.busy_since.is_some_and(|since| now.saturating_sub(since) >= at_least);
        let slowest = self.by_id.values_mut().filter(slow).min_by_key(|c| c.busy_since)?;
        slowest.abort.as_ref()?.abort();
        // The connection ends at its task's next turn; this avoids cutting it off twice.
        slowest.busy_since = None;
        Some(slowest)
    }
}
