//! A lane: the pictures of one input, on their way to the publisher.
//!
//! ```text
//! [capture: source, pace] ─CapturedPicture─▶ (newest 1) ─▶ [encode ─Frame─▶ SessionWriter] ─records─▶ librdkafka
//! ```
//! `[ ]` a thread, `( )` a queue. Where the newest frame wins, the other is counted; otherwise capture waits. An end or an
//! error on either side closes the queue; the other side sees it and finishes. The encoder's side then waits for the
//! acknowledgements and closes the session with its final counts.

mod capture;
mod pace;

use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;
use std::time::Duration;

use jpeg::JpegError;

pub use self::capture::BoxError;
use self::capture::{Capture, CloseOnDrop, Handover};
pub use self::pace::Pace;
use crate::encode::FrameEncoder;
use crate::picture::{Picture, SourcePicture};
use crate::publish::SessionWriter;

/// Why a lane ended before its source.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// The source failed.
    #[error(transparent)]
    Source(BoxError),
    /// A picture could not be encoded.
    #[error("encoding a frame")]
    Encode(#[source] JpegError),
    /// The capture thread could not be started.
    #[error("starting a thread")]
    Thread(#[source] io::Error),
    /// One of the lane's threads panicked.
    #[error("a thread panicked")]
    Panicked,
}

/// One input's way to the publisher. Several lanes may share one publisher.
pub struct Lane {
    /// The schedule of the pictures; `None` takes each when the source has it.
    pub pace: Option<Pace>,
    /// Ends the lane at the first picture whose time is at or after this.
    pub duration: Option<Duration>,
    /// Time for the last acknowledgements after `stop`, and for that of the session's end.
    pub timeout: Duration,
    /// The session that the frames belong to.
    pub session: SessionWriter,
    /// Makes frames of the pictures.
    pub encoder: FrameEncoder,
    /// Set to end the lane.
    pub stop: Arc<AtomicBool>,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("session", &self.session).finish_non_exhaustive()
    }
}

impl Lane {
    /// Publishes the pictures that `next` returns until it returns `None`, fails, or the lane is stopped. `next` is
    /// called on a thread of its own and gets a picture whose memory it may use.
    pub fn run(
        self,
        next: impl FnMut(Picture) -> Result<Option<SourcePicture>, BoxError> + Send,
    ) -> Result<(), LaneError> {
        let handover = Handover::default();
        let capture = Capture {
            handover: &handover,
            publisher: self.session.publisher().clone(),
            session: self.session.number(),
            pace: self.pace,
            duration: self.duration,
            stop: self.stop.clone(),
        };
        std::thread::scope(|scope| {
            let thread = Builder::new().name("capture".to_owned());
            let capture = thread.spawn_scoped(scope, || capture.run(next)).map_err(LaneError::Thread)?;
            let encoded = self.encode(&handover);
            let captured = capture.join().map_err(|_| LaneError::Panicked)?;
            captured.map_err(LaneError::Source).and(encoded)
        })
    }

    /// Encodes and publishes the captured pictures as soon as there is room in flight, then closes the session.
    fn encode(mut self, handover: &Handover) -> Result<(), LaneError> {
        let close = CloseOnDrop(handover);
        let mut failed = None;
        let stop = self.stop.clone();
        let wanted = || !stop.load(Ordering::Relaxed);
        loop {
            // Waits for room before taking a picture, so that the picture taken after a wait is the newest.
            let Some(has_room) = self.session.make_room(wanted) else { continue };
            self.encoder.keep_to(self.session.value_bytes_max());
            let Some(captured) = handover.queue.recv() else { break };
            if !has_room && !self.session.has_room() {
                self.session.drop_late();
                continue;
            }
            let meta = self.session.meta(&captured);
            match self.encoder.encode(&captured.picture, meta) {
                Ok(frame) => self.session.send_now(frame, wanted),
                Err(error) => {
                    self.session.drop_unencodable();
                    failed = Some(error);
                    break;
                }
            }
            handover.recycle(captured.picture);
        }
        drop(close);
        // A picture that waits after a failure is of no use any more.
        while handover.queue.recv().is_some() {
            self.session.drop_late();
        }
        self.finish(&wanted);
        failed.map_or(Ok(()), |error| Err(LaneError::Encode(error)))
    }

    /// Waits until all frames are settled, after a stop for the timeout at most, and closes the session.
    fn finish(&self, wanted: &dyn Fn() -> bool) {
        let give_up_at = Cell::new(None);
        let patient = || {
            let now = self.session.publisher().clock.now();
            let until = give_up_at.get().unwrap_or(now.plus(self.timeout));
            give_up_at.set((!wanted()).then_some(until));
            now < until
        };
        self.session.finish(patient, wanted, self.timeout);
    }
}
