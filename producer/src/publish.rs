//! Sends frames to the client as records, all parts or none, with a limit on the bytes in flight.

mod again;
mod settle;
mod state;

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use common::report::Row;
use common::time::{Clock, Stage};
use common::wire::record::{self, Record};
use common::wire::{Frame, Meta};
use kafka::{ConnectTimeout, Connection, Facts, KafkaError, PublisherSettings};

use self::settle::{FrameTicket, Ticket, settle};
pub use self::state::Shared;
use self::state::{SILENCE, State};
use crate::in_flight::InFlight;
use crate::limit::Limit;

#[derive(Debug)]
pub struct Publish {
    publisher: kafka::Publisher<Ticket>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    key: Option<Bytes>,
    /// The limit used to split frames.
    limit: Limit,
    every_frame: bool,
    last: Option<(Meta, Bytes)>,
}

impl Publish {
    /// `in_flight_time` is the time that a live source's frames may be in flight; `None` if every frame has to arrive.
    pub fn connect(
        connection: &Connection,
        settings: PublisherSettings,
        limit: Limit,
        in_flight_time: Option<Duration>,
        key: Option<&str>,
        patience: &ConnectTimeout<'_>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Publish, Arc<Shared>), KafkaError> {
        let shared = Arc::new(Shared::new(limit, InFlight::new(in_flight_time)));
        let on_delivery = {
            let (shared, clock) = (shared.clone(), clock.clone());
            move |ticket: Ticket, delivery| settle(&shared, ticket, delivery, clock.now())
        };
        let publisher = kafka::Publisher::connect(connection, settings, patience, clock.clone(), on_delivery)?;
        let key = key.map(|k| Bytes::copy_from_slice(k.as_bytes()));
        let every_frame = in_flight_time.is_none();
        Ok((Publish { publisher, shared: shared.clone(), clock, key, limit, every_frame, last: None }, shared))
    }

    pub fn is_to_embedded_broker(&self) -> bool {
        self.publisher.is_to_embedded_broker()
    }

    /// The client's own figures.
    pub fn facts(&self) -> Facts {
        self.publisher.facts()
    }

    /// A function that returns the reason why no broker is connected, for another thread.
    pub fn causes(&self) -> impl Fn() -> Option<String> + Send + use<> {
        self.publisher.causes()
    }

    /// Waits until the next frame may be sent, while `wanted`; returns false if it may not.
    pub fn wait_for_room(&self, wanted: impl Fn() -> bool) -> bool {
        let has_room = |state: &State| state.in_flight.has_room(self.clock.now());
        {
            let mut state = self.shared.lock();
            if has_room(&state) {
                return true;
            }
            state.books.held_back += 1;
        }
        self.shared.wait(has_room, wanted)
    }

    /// The room for a frame in one message.
    pub fn value_bytes_max(&self) -> usize {
        self.limit.value_bytes_max
    }

    /// Sends a whole frame. It waits only if the user made the client's queue smaller than we need.
    pub fn publish(&mut self, mut frame: Frame, quality: u8, wanted: impl Fn() -> bool) {
        frame.meta.stamps.published = self.clock.now();
        {
            let mut state = self.shared.lock();
            state.quality = quality;
            let (books, bytes) = (&mut state.books, frame.payload.len() as u64);
            books.published += 1;
            books.published_at = frame.meta.stamps.published;
            books.bytes += bytes;
            books.frame_bytes_max = books.frame_bytes_max.max(bytes);
            books.interval.enter(&frame.meta);
            books.latencies.record(&frame.meta.stamps, &Stage::PRODUCER, common::time::TimeBase::SameHost);
        }
        self.hand_over(frame, &wanted);
    }

    fn hand_over(&mut self, frame: Frame, wanted: &dyn Fn() -> bool) {
        let records = record::split(&frame, self.limit.value_bytes_max);
        let departure = {
            let mut state = self.shared.lock();
            if state.in_flight.is_empty() {
                state.heard = frame.meta.stamps.published;
            }
            state.books.records += records.len() as u64;
            state.in_flight.enter(frame.payload.len(), frame.meta.stamps.published)
        };
        let ticket = Arc::new(FrameTicket {
            row: Row::new(&frame.meta, frame.payload.len(), &Stage::PRODUCER),
            departure,
            parts_left: AtomicU32::new(records.len() as u32),
            again: self.every_frame.then(|| frame.clone()),
            limit: self.limit,
            failed: OnceLock::new(),
        });
        for record in records {
            self.send(record, Ticket::Part(ticket.clone()), wanted);
        }
        tracing::trace!("published frame {}: {} bytes", frame.meta.frame, frame.payload.len());
        self.last = Some((frame.meta, frame.payload));
    }

    /// Waits for all acknowledgements while `patient`, then drops the remaining frames.
    pub fn flush(&self, patient: impl Fn() -> bool) {
        if !self.shared.wait(|s| s.in_flight.is_empty(), patient) {
            self.publisher.give_up();
            let until = self.clock.now().plus(Duration::from_secs(1));
            self.shared.wait(|s| s.in_flight.is_empty(), || self.clock.now() < until);
        }
    }

    /// Closes the session: sends its last picture again, with the final counts.
    pub fn end(&self, timeout: Duration) {
        let Some((meta, payload)) = &self.last else { return };
        let (end, dropped) = {
            let mut state = self.shared.lock();
            state.end_open = true;
            (state.books.end(), state.dropped())
        };
        let meta = Meta { dropped, ..meta.clone() };
        let picture = (payload.len() <= self.limit.value_bytes_max).then(|| payload.clone());
        self.send(record::end(&meta, picture, &end), Ticket::End, &|| true);
        let until = self.clock.now().plus(timeout);
        if !self.shared.wait(|s| !s.end_open, || self.clock.now() < until) {
            self.publisher.give_up();
            let until = self.clock.now().plus(SILENCE);
            self.shared.wait(|s| !s.end_open, || self.clock.now() < until);
        }
        if self.shared.lock().end_lost {
            tracing::warn!(
                event = "end_unacknowledged",
                "the session's end was not acknowledged: viewers will not know that it ended"
            );
        }
    }

    fn send(&self, mut record: Record, mut ticket: Ticket, wanted: &dyn Fn() -> bool) {
        if let Some(key) = &self.key {
            record.key = Some(key.clone());
        }
        self.shared.lock().in_flight_records += 1;
        while let Some(back) = self.publisher.send(&record, ticket) {
            // The queue is full of other records, and one of them will leave it soon. Without any others, this record
            // would never fit.
            let others = self.shared.lock().in_flight_records - 1;
            if others == 0 || !wanted() {
                self.publisher
                    .refuse(back, "the client's queue is smaller than one message: raise queue.buffering.max.kbytes");
                return;
            }
            ticket = back;
            self.shared.wait(|s| s.in_flight_records <= others, wanted);
        }
    }
}
