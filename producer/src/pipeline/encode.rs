//! The encoder thread: turns pictures into records, and closes the session at the end.

use std::cell::Cell;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use common::books::Loss;

use super::{OnDrop, Run};
use crate::encode::Encoder;
use crate::options::Options;
use crate::publish::Publish;

impl Run {
    /// Encodes and publishes the captured frames as soon as there is room in flight, then closes the session. Returns
    /// the connection, because disconnecting takes time that is no part of the run.
    pub(super) fn encode(
        &self,
        options: &Options,
        mut encoder: Encoder,
        mut publish: Publish,
    ) -> anyhow::Result<Publish> {
        let _close = OnDrop(|| {
            self.queue.close();
            self.done.store(true, Ordering::Relaxed);
        });
        loop {
            // Waits for room before taking a frame, so that the frame taken after a wait is the newest.
            let has_room = publish.wait_for_room(|| !self.shutdown.asked());
            if publish.keep_to_limit(|| !self.shutdown.asked()) {
                continue;
            }
            encoder.keep_to(publish.value_bytes_max());
            let Some(shot) = self.queue.recv() else { break };
            if !has_room && !publish.wait_for_room(|| false) {
                self.shared.lock().books.losses.add(Loss::Late);
                continue;
            }
            let dropped = self.shared.lock().dropped();
            let frame = encoder.encode(&shot, dropped).context("encoding a frame")?;
            self.shared.lock().books.encoded += 1;
            publish.publish(frame, encoder.setting().quality, || !self.shutdown.asked());
            self.recycle(shot.picture);
        }
        self.finish(&mut publish, options.timeout);
        Ok(publish)
    }

    /// Waits until all records in flight are settled, and closes the session.
    fn finish(&self, publish: &mut Publish, timeout: Duration) {
        let give_up_at = Cell::new(None);
        let patient = || {
            let now = self.clock.now();
            let until = give_up_at.get().unwrap_or(now.plus(timeout));
            give_up_at.set(self.shutdown.asked().then_some(until));
            now < until
        };
        publish.flush(patient);
        while publish.keep_to_limit(|| !self.shutdown.asked()) {
            publish.flush(patient);
        }
        publish.end(timeout);
    }
}
