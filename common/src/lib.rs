//! The nouns and the rules of video over Kafka: what a frame is, how it becomes records and a frame again,
//! when it counts as shown or lost, and how its time is told.
//!
//! Nothing in here talks to Kafka, opens a socket, starts a thread or runs a codec, and time is an argument;
//! [`clock::SystemClock`] is the one place that reads the system's clock, and the programs hand it down.

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

/// The id of an embedded broker's cluster begins with this, so that clients know it from Apache Kafka.
pub const EMBEDDED_CLUSTER: &str = "vid-";
