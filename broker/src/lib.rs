//! A small in-memory broker that speaks Kafka's protocol, with just the features that a machine needs to pass frames
//! on.
//!
//! ```text
//! socket ─bytes─▶ [connection] ─Request─▶ BrokerState ─Answer─▶ [connection] ─bytes─▶ socket
//!                                         ├─ Topics ─▶ Log (a partition: batches as they came)
//!                                         └─ Groups (members, assignments, offsets)
//! ```
//! One thread owns everything, so nothing is locked: each connection is a task on it, and an append wakes the waiting
//! fetches at once. `Log` and `Groups` get requests and the time as arguments, and use no socket and no clock. A batch
//! is kept as the bytes that were received: the log, and every reader's answer, are slices of one allocation.

mod answer;
pub mod batch;
mod clients;
pub mod clock;
mod config;
mod connection;
pub mod files;
pub mod fuzzing;
pub mod groups;
pub mod log;
mod memory;
mod options;
pub mod request;
mod response;
mod server;
pub mod shape;
mod snapshot;
mod state;
mod topics;
mod totals;

pub use options::{
    BrokerLimits, Defaults, GROUP_MEMBERS_MAX, GroupLimits, GroupTimes, MESSAGE_BYTES_MAX, Options, SESSION_MS_MAX,
};
pub use server::Broker;
pub use snapshot::{BrokerSnapshot, ClientSnapshot, LogSnapshot};
pub use totals::{Dropped, Totals};
