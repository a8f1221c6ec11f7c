//! A session: the frames of one source, from its start to its end.

use std::sync::Arc;
use std::time::Duration;

use common::books::ProducerBooks;
use common::time::{Micros, Stamps};
use common::wire::{Codec, Frame, Meta, Origin, Session, record};

use super::ledger::Settlement;
use super::publisher::FramePublisher;
use super::state::EndRecord;
use crate::picture::{CapturedPicture, Picture};

/// Publishes the frames of one source, and closes its session with the final counts.
///
/// ```text
/// Picture ─capture─▶ CapturedPicture ─meta─▶ Meta ─(encode)─▶ Frame ─publish─▶
/// ```
#[derive(Debug)]
pub struct SessionWriter {
    publisher: Arc<FramePublisher>,
    number: usize,
    source: Arc<str>,
    id: Session,
    boot: Arc<str>,
    captured: u64,
    last: Option<Frame>,
}

impl FramePublisher {
    /// Begins a session of the source with this name.
    pub fn session(self: &Arc<Self>, source: &str) -> SessionWriter {
        let number = self.state.open_session();
        // Distinguishes two sessions that began in the same millisecond.
        let salt = (self.clock.now().0 as u32).wrapping_mul(2_654_435_761) ^ std::process::id() ^ (number as u32) << 24;
        SessionWriter {
            publisher: self.clone(),
            number,
            source: source.into(),
            id: Session { began_ms: self.clock.wall_us() / 1000, salt },
            boot: self.clock.boot_id().into(),
            captured: 0,
            last: None,
        }
    }

    /// Counts a captured frame, and as superseded the one that `replace` displaces. Both happen under one lock, before
    /// the encoder can see the new frame: its record says how many frames were dropped before it.
    pub(crate) fn capture<T>(&self, session: usize, at: Micros, replace: impl FnOnce() -> Option<T>) -> Option<T> {
        let ledger = &mut self.state.lock().ledger;
        ledger.captured(session, at);
        let displaced = replace();
        if displaced.is_some() {
            ledger.settle(session, Settlement::Superseded, at);
        }
        displaced
    }
}

impl SessionWriter {
    /// The session's number in the publisher's books.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The publisher that the session is published with.
    pub(crate) fn publisher(&self) -> &Arc<FramePublisher> {
        &self.publisher
    }

    /// Counts a picture that was captured just now; `pts` is its time since the first one.
    pub fn capture(&mut self, picture: Picture, pts: Duration) -> CapturedPicture {
        let (frame, now) = (self.captured, self.publisher.clock.now());
        self.captured += 1;
        self.publisher.capture(self.number, now, || None::<()>);
        CapturedPicture { picture, frame, number: None, pts, due: now, captured: now }
    }

    /// The metadata of a frame, up to its capture. The encoder adds the size and the time of encoding.
    pub fn meta(&self, picture: &CapturedPicture) -> Meta {
        let stamps = Stamps { due: picture.due.min(picture.captured), captured: picture.captured, ..Stamps::default() };
        Meta {
            source: self.source.clone(),
            session: self.id,
            frame: picture.frame,
            number: picture.number,
            pts: picture.pts,
            stamps,
            origin: Origin { boot: self.boot.clone(), wall_offset_us: self.publisher.clock.wall_offset_us() },
            codec: Codec::Jpeg,
            key_frame: true,
            width: 0,
            height: 0,
            dropped: self.publisher.state.lock().ledger.dropped(self.number),
            skipped: 0,
        }
    }

    /// Publishes a frame as soon as there is room in flight.
    pub fn publish(&mut self, frame: Frame) {
        while self.make_room(|| true).is_none() {}
        self.send_now(frame, || true);
    }

    /// Waits until everything is acknowledged, closes the session with its final counts, and returns its books. Each
    /// of the two waits takes at most `timeout`.
    pub fn end(self, timeout: Duration) -> ProducerBooks {
        let until = self.publisher.clock.now().plus(timeout);
        self.finish(|| self.publisher.clock.now() < until, || true, timeout);
        self.publisher.with_books(self.number, ProducerBooks::clone)
    }

    /// Waits for room in flight while `wanted`. `Some(false)` if there is none; `None` if frames were published again
    /// meanwhile, after which there may be none.
    pub(crate) fn make_room(&self, wanted: impl Fn() -> bool) -> Option<bool> {
        let has_room = self.publisher.wait_for_room(self.number, &wanted);
        (!self.publisher.keep_to_limit(self.number, wanted)).then_some(has_room)
    }

    /// True if there is room in flight now.
    pub(crate) fn has_room(&self) -> bool {
        self.publisher.wait_for_room(self.number, || false)
    }

    /// The room for a frame in one message.
    pub(crate) fn value_bytes_max(&self) -> usize {
        self.publisher.state.lock().limit.value_bytes_max
    }

    /// Drops a captured frame for which no time is left.
    pub(crate) fn drop_late(&self) {
        let now = self.publisher.clock.now();
        self.publisher.state.lock().ledger.settle(self.number, Settlement::Late, now);
    }

    /// Counts a captured frame that cannot be encoded.
    pub(crate) fn drop_unencodable(&self) {
        let now = self.publisher.clock.now();
        self.publisher.state.lock().ledger.settle(self.number, Settlement::Refused("it cannot be encoded"), now);
    }

    /// Sends a frame now. It waits only if the user made the client's queue smaller than we need.
    pub(crate) fn send_now(&mut self, mut frame: Frame, wanted: impl Fn() -> bool) {
        frame.meta.stamps.published = self.publisher.clock.now();
        self.publisher.send_frame(self.number, &frame, false, &wanted);
        self.last = Some(frame);
    }

    /// Waits until all frames are settled while `patient`, and closes the session: its last picture is sent again, with
    /// the final counts.
    pub(crate) fn finish(&self, patient: impl Fn() -> bool, wanted: impl Fn() -> bool, timeout: Duration) {
        let publisher = &self.publisher;
        publisher.flush(self.number, &patient);
        while publisher.keep_to_limit(self.number, &wanted) {
            publisher.flush(self.number, &patient);
        }
        let Some(Frame { meta, payload, .. }) = &self.last else {
            publisher.state.lock().sessions[self.number].end = EndRecord::NotNeeded;
            return;
        };
        let (counts, dropped, limit) = {
            let state = publisher.state.lock();
            (state.ledger.books(self.number).end(), state.ledger.dropped(self.number), state.limit)
        };
        let picture = (payload.len() <= limit.value_bytes_max).then(|| payload.clone());
        publisher.end(self.number, record::end(&Meta { dropped, ..meta.clone() }, picture, &counts), timeout);
        if publisher.state.lock().sessions[self.number].end != EndRecord::Acknowledged {
            tracing::warn!(
                event = "end_unacknowledged",
                "the session's end was not acknowledged: viewers will not know that it ended"
            );
        }
    }
}

impl Drop for SessionWriter {
    /// An unfinished session must not count as open, because then the other sessions' frames would never be dropped.
    fn drop(&mut self) {
        let end = &mut self.publisher.state.lock().sessions[self.number].end;
        if *end == EndRecord::NotSent {
            *end = EndRecord::NotNeeded;
        }
    }
}
