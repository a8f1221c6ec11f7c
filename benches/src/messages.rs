//! `vidbench hop`, `kafka` and `throughput`: bare messages from one producer through a broker to consumers.
//!
//! The three are one command with other defaults. `hop` and `kafka` send messages when they are due and report their
//! latency; `throughput` is `hop --full-speed`.

pub mod args;
mod flight;
pub mod latency;
pub mod payload;
pub mod prepare;
mod receipt;
pub mod report;
pub mod schedule;
pub mod throughput;
pub mod topic;
pub mod transfer;
