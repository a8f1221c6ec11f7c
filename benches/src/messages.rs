//! `vidbench hop`, `kafka` and `throughput`: bare messages from one producer through a broker to consumers.
//!
//! The three are one command with other defaults. `hop` and `kafka` send messages when they are due and report their
//! latency; `throughput` is `hop --full-speed`.

pub mod args;
pub mod latency;
pub mod payload;
pub mod throughput;
pub mod topic;
pub mod transfer;

/// The clients that send and read the messages, for the report.
const CLIENTS: &str =
    "vidprod's and vidcons's own (crate kafka): enable.idempotence=true unless acks is 0 or 1, no Nagle";
