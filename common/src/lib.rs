//! The types and rules of video over Kafka: frames, their conversion to records and back, the accounting of shown and
//! lost frames, and their latency.
//!
//! Nothing in this crate talks to Kafka, opens a socket, starts a thread or runs a codec. Time is an argument; only
//! [`time::SystemClock`] reads the system's clock, and the programs pass it down.
//!
//! The folders depend on each other in one direction only:
//!
//! ```text
//! time ◀─ wire ◀─ books ◀─ report
//!   ▲       ▲                 │
//!   └───────┴──── draw ◀──────┘
//! ```

pub mod books;
pub mod draw;
pub mod latest;
pub mod report;
pub mod secret;
pub mod time;
pub mod wire;
pub mod words;

/// Prefix of the cluster id of an embedded broker, by which clients distinguish it from Apache Kafka.
pub const EMBEDDED_CLUSTER: &str = "vid-";
