//! The types and rules of video over Kafka: frames, their conversion to records and back, the accounting of shown and
//! lost frames, and their latency.
//!
//! Nothing in this crate talks to Kafka, opens a socket, starts a thread or runs a codec. Time is an argument; only
//! [`clock::SystemClock`] reads the system's clock, and the programs pass it down.

pub mod anatomy;
pub mod bar;
pub mod clock;
pub mod explain;
pub mod frame;
pub mod headers;
pub mod latency;
pub mod latest;
pub mod ledger;
pub mod period;
pub mod pixels;
pub mod plural;
pub mod ranges;
pub mod rate;
pub mod reassemble;
pub mod record;
pub mod report;
pub mod secret;
pub mod slowest;
pub mod stamps;
pub mod text;
pub mod timeline;

/// Prefix of the cluster id of an embedded broker, by which clients distinguish it from Apache Kafka.
pub const EMBEDDED_CLUSTER: &str = "vid-";
