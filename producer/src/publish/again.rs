//! A topic's limit that was lowered in mid-stream: what is sent from then on keeps to it, and what was refused for it is
//! published again where every frame has to arrive.

use super::Publish;
use super::settle::{TOO_LARGE, refuse};
use super::state::{Again, State};

impl Publish {
    /// Keeps to the topic's limit of now, and publishes again what was refused as too large, while `wanted`. Returns
    /// whether anything was published.
    pub fn keep_to_limit(&mut self, wanted: impl Fn() -> bool) -> bool {
        let mut published = false;
        loop {
            {
                let state = self.shared.lock();
                if state.again.is_empty() && state.limit == self.limit {
                    return published;
                }
            }
            // What was refused waits until the limit is known. A live source goes on meanwhile.
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

    /// The client is made anew for it: it would put several records into one request that is larger than the limit.
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
