//! Handles a topic's limit that is lowered in mid-stream: later frames keep to it, and frames refused because of it are
//! published again if every frame has to arrive.

use super::Publish;
use super::settle::{TOO_LARGE, refuse};
use super::state::{Again, State};

impl Publish {
    /// Adopts the topic's present limit, and publishes the frames again that were refused as too large, while `wanted`.
    /// Returns true if anything was published.
    pub fn keep_to_limit(&mut self, wanted: impl Fn() -> bool) -> bool {
        let mut published = false;
        loop {
            {
                let state = self.shared.lock();
                if state.again.is_empty() && state.limit == self.limit {
                    return published;
                }
            }
            // Refused frames wait until the limit is known; a live source goes on meanwhile.
            let is_known = |state: &State| state.again.is_empty() || !state.limit_doubted;
            let known = self.shared.wait(is_known, &wanted);
            if self.shared.lock().limit != self.limit {
                self.lower_limit(&wanted);
            }
            let Some(Again { mut frame, limit }) = self.shared.lock().again.pop_front() else { return published };
            if known && self.limit.value_bytes_max < limit.value_bytes_max {
                frame.meta.stamps.published = self.clock.now();
                self.hand_over(frame, &wanted);
                published = true;
            } else {
                refuse(&mut self.shared.lock().books, TOO_LARGE);
            }
        }
    }

    /// Adopts a lower limit. This needs a new client, because the present one could put several records into one
    /// request that exceeds the limit.
    fn lower_limit(&mut self, wanted: &dyn Fn() -> bool) {
        if !self.shared.wait(|state| state.in_flight.is_empty(), wanted) {
            return;
        }
        self.limit = self.shared.lock().limit;
        if let Err(error) = self.publisher.limit_messages(self.limit.message_bytes_max) {
            tracing::warn!(event = "client_not_replaced", "making a new client for smaller messages: {error}");
        }
    }
}
