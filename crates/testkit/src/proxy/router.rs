//! One direction of a link: a buffer that drains at the link's rate, then a delay with jitter. Time is an argument.

use std::time::{Duration, Instant};

use super::network::Network;

/// Size of the router's buffer, after which its sender has to wait: a quarter of a second at 2 Mbit/s.
const BUFFER_BYTES: u32 = 64 << 10;
/// Bytes that arrive within this time have the same jitter, because the network is late, not each packet.
const BURST: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct Router {
    /// Time at which the link will have sent all its bytes.
    free_at: Instant,
    /// Time at which the last byte arrives; no byte overtakes another.
    last_due: Instant,
    entered: Instant,
    jitter: Duration,
    random: u64,
}

impl Router {
    pub(super) fn new(seed: u64, now: Instant) -> Router {
        Router { free_at: now, last_due: now, entered: now, jitter: Duration::ZERO, random: seed }
    }

    /// Time until which the buffer is full, if it is.
    pub(super) fn full_until(&self, network: &Network, now: Instant) -> Option<Instant> {
        let rate = network.bytes_a_second?;
        let until = self.free_at.checked_sub(Duration::from_secs(1) * BUFFER_BYTES / rate)?;
        (until > now).then_some(until)
    }

    /// Time at which `bytes` sent now will arrive.
    pub(super) fn enter(&mut self, network: &Network, bytes: usize, now: Instant) -> Instant {
        let sending = match network.bytes_a_second {
            Some(rate) => Duration::from_secs(bytes as u64) / rate,
            None => Duration::ZERO,
        };
        self.free_at = self.free_at.max(now) + sending;
        if now.saturating_duration_since(self.entered) > BURST {
            self.jitter = network.jitter.mul_f64(self.draw());
        }
        self.entered = now;
        self.last_due = self.last_due.max(self.free_at + network.delay + self.jitter);
        self.last_due
    }

    /// A number from 0 to 1, the same in each run, from a linear congruential generator.
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}
