//! The capture thread: takes pictures from the source and hands each over when it is due.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use common::latest::Latest;
use common::time::Micros;

use super::pace::{Pace, Pacer};
use crate::picture::{CapturedPicture, Picture, SourcePicture};
use crate::publish::FramePublisher;

/// Interval at which a sleep checks if it is still wanted.
const CHECK_EVERY: Duration = Duration::from_millis(50);

/// An error of a lane's source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(super) struct Capture<'a> {
    pub handover: &'a Handover,
    pub publisher: Arc<FramePublisher>,
    /// The session's number in the publisher's books.
    pub session: usize,
    pub pace: Option<Pace>,
    pub duration: Option<Duration>,
    pub stop: Arc<AtomicBool>,
}

impl Capture<'_> {
    /// Takes pictures from the source, waits until each is due, and queues it for the encoder.
    pub fn run(self, mut next: impl FnMut(Picture) -> Result<Option<SourcePicture>, BoxError>) -> Result<(), BoxError> {
        let _close = CloseOnDrop(self.handover);
        let mut pacer = self.pace.map(Pacer::new);
        for frame in 0.. {
            let requested_at = self.publisher.clock.now();
            let Some(from_source) = next(self.handover.spare())? else { break };
            let took = self.publisher.clock.now().since(requested_at);
            if self.duration.is_some_and(|d| from_source.pts >= d) {
                break;
            }
            let due = match &mut pacer {
                Some(pacer) => pacer.due(from_source.pts, self.publisher.clock.now()),
                None => from_source.due.unwrap_or_else(|| self.publisher.clock.now()),
            };
            if !self.sleep_until(due) {
                break;
            }
            let captured = from_source.captured.unwrap_or_else(|| self.publisher.clock.now());
            let SourcePicture { picture, number, pts, .. } = from_source;
            let captured_picture = CapturedPicture { picture, frame, number, pts, due, captured };
            if !self.enqueue(captured_picture) || !pacer.as_mut().is_none_or(|pacer| self.sleep_until(pacer.rest(took)))
            {
                break;
            }
        }
        Ok(())
    }

    /// Returns false if the lane is to end before that time.
    fn sleep_until(&self, due: Micros) -> bool {
        while !self.stop.load(Ordering::Relaxed) {
            let now = self.publisher.clock.now();
            if due <= now {
                return true;
            }
            self.publisher.clock.sleep_until(due.min(now.plus(CHECK_EVERY)));
        }
        false
    }

    /// Queues a picture for the encoder. Returns false if the encoder takes no more.
    fn enqueue(&self, picture: CapturedPicture) -> bool {
        let (captured_at, queue) = (picture.captured, &self.handover.queue);
        if self.publisher.sends_every_frame() {
            let refused = queue.send_wait(picture);
            if refused.is_none() {
                self.publisher.capture(self.session, captured_at, || None::<()>);
            }
            return refused.is_none();
        }
        if let Some(displaced) = self.publisher.capture(self.session, captured_at, || queue.send(picture, true)) {
            self.handover.recycle(displaced.picture);
        }
        !queue.is_closed()
    }
}

/// The queue between the two threads of a lane: the captured picture between them, and pictures whose memory is free.
#[derive(Default)]
pub(super) struct Handover {
    pub queue: Latest<CapturedPicture>,
    /// Pictures that were encoded or superseded, whose memory is reused.
    spare: Mutex<Vec<Picture>>,
}

impl Handover {
    pub fn recycle(&self, picture: Picture) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(picture);
    }

    pub fn spare(&self) -> Picture {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }
}

/// Closes the queue when a thread ends, even by a panic.
pub(super) struct CloseOnDrop<'a>(pub &'a Handover);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.queue.close();
    }
}
