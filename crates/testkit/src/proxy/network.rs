//! The delays, limits and faults of an emulated network.

use std::time::Duration;

/// The properties of the network, the same in both directions.
#[derive(Clone, Copy, Default, Debug)]
pub struct Network {
    /// Delay of every byte.
    pub delay: Duration,
    /// Largest additional delay; the order of bytes is kept.
    pub jitter: Duration,
    /// Rate of the link. A faster sender is held up once the router's buffer is full.
    pub bytes_a_second: Option<u32>,
    /// Prefix of the client ids whose connections go through the network; other clients reach the broker directly.
    pub only_client: Option<&'static str>,
}
