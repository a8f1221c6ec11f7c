//! A small in-memory broker that speaks Kafka's protocol: what one machine needs to pass frames on, and nothing more.
//!
//! ```text
//! socket ─bytes─▶ [connection] ─Request─▶ State ─Answer─▶ [connection] ─bytes─▶ socket
//!                                         ├─ Topics ─▶ Log (a partition: batches as they came)
//!                                         └─ Groups (members, assignments, offsets)
//! ```
//! One thread owns everything, so nothing is locked: each connection is a task on it, and an append wakes the fetches
//! that wait for it at once. `Log` and `Groups` are fed requests and the time; they touch no socket and no clock.
//! A batch is kept as the bytes that came: the log, and every reader's answer, are slices of one allocation.

pub mod batch;
pub mod clock;
pub mod fuzzing;
pub mod groups;
pub mod log;
pub mod request;
pub mod shape;
