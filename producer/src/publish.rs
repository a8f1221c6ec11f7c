//! Frames become records in the client's hands, all parts or none, within a bound of what is in flight.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use common::clock::{Clock, Micros};
use common::frame::{Frame, Meta};
use common::ledger::{Loss, ProducerBooks};
use common::record::{self, Record};
use common::report::Row;
use common::stamps::Stage;
use kafka::{Connection, Delivery, Facts, KafkaFault, Patience, PublisherSettings};
use shell::recorder::Recorder;

use crate::in_flight::{Departure, Fate, InFlight};

/// A broker that answers nothing for that long is said to be silent.
const SILENCE: Duration = Duration::from_secs(1);
/// A wait looks up that often whether it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(50);

/// The books and what is in flight, shared with the thread that hears of deliveries.
#[derive(Debug, Default)]
pub struct Shared {
    state: Mutex<State>,
    delivered: Condvar,
}

#[derive(Debug, Default)]
pub struct State {
    pub books: ProducerBooks,
    in_flight: InFlight,
    /// Of the newest frame.
    pub quality: u8,
    end_open: bool,
    end_lost: bool,
    in_flight_records: usize,
    /// The broker says that the topic is gone.
    topic_gone: bool,
    /// When the broker was last heard of, or first had something to answer.
    heard: Micros,
    /// What reports are made of that tell of each frame or second.
    pub recorder: Option<Recorder>,
}

impl State {
    /// What the producer has given up so far.
    pub fn dropped(&self) -> u64 {
        self.books.losses.sum()
    }

    /// How long the broker has owed us an answer, where that is long.
    pub fn silence(&self, now: Micros) -> Option<Duration> {
        let silence = now.since(self.heard);
        (!self.in_flight.is_empty() && silence > SILENCE).then_some(silence)
    }

    /// Whether the topic should be looked after: it was said to be gone, or nothing is heard. Asking takes note.
    pub fn may_have_no_topic(&mut self, now: Micros) -> bool {
        std::mem::take(&mut self.topic_gone) || self.silence(now).is_some()
    }
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // Counters are whole between any two lines, also where a panic elsewhere poisoned the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `done`, while `wanted`; returns whether it is done.
    fn wait(&self, done: impl Fn(&State) -> bool, wanted: impl Fn() -> bool) -> bool {
        let mut state = self.lock();
        while !done(&state) {
            if !wanted() {
                return false;
            }
            state = self.delivered.wait_timeout(state, LOOK_UP).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// What comes back with each record's delivery.
#[derive(Debug)]
enum Ticket {
    Part(Arc<FrameTicket>),
    End,
}

#[derive(Debug)]
struct FrameTicket {
    row: Row,
    departure: Departure,
    parts_left: AtomicU32,
    /// The first part that failed speaks for the frame.
    failed: OnceLock<Delivery>,
}

#[derive(Debug)]
pub struct Publish {
    publisher: kafka::Publisher<Ticket>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    key: Option<Bytes>,
    value_bytes_max: usize,
    last: Option<(Meta, Bytes)>,
}

impl Publish {
    /// `in_flight_time`: how long a live source's frames may be in flight; `None` where every frame has to arrive.
    pub fn connect(
        connection: &Connection,
        settings: PublisherSettings,
        value_bytes_max: usize,
        in_flight_time: Option<Duration>,
        key: Option<&str>,
        patience: &Patience<'_>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Publish, Arc<Shared>), KafkaFault> {
        let state = State { in_flight: InFlight::new(in_flight_time), ..State::default() };
        let shared = Arc::new(Shared { state: Mutex::new(state), delivered: Condvar::new() });
        let on_delivery = {
            let (shared, clock) = (shared.clone(), clock.clone());
            move |ticket: Ticket, delivery| settle(&shared, ticket, delivery, clock.now())
        };
        let publisher = kafka::Publisher::connect(connection, settings, patience, clock.clone(), on_delivery)?;
        let key = key.map(|k| Bytes::copy_from_slice(k.as_bytes()));
        Ok((Publish { publisher, shared: shared.clone(), clock, key, value_bytes_max, last: None }, shared))
    }

    pub fn is_to_embedded_broker(&self) -> bool {
        self.publisher.is_to_embedded_broker()
    }

    /// What the client counts of itself.
    pub fn facts(&self) -> Facts {
        self.publisher.facts()
    }

    /// Answers why no broker is connected, on another thread.
    pub fn causes(&self) -> impl Fn() -> Option<String> + Send + use<> {
        self.publisher.causes()
    }

    /// Waits until the next frame may be handed over, while `wanted`; `false` if it may not.
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

    /// Hands a frame over, whole. It waits only where the user made the client's queue smaller than what we need.
    pub fn publish(&mut self, mut frame: Frame, quality: u8, wanted: impl Fn() -> bool) {
        frame.meta.stamps.published = self.clock.now();
        let records = record::split(&frame, self.value_bytes_max);
        let departure = self.enter(&frame, records.len(), quality);
        let ticket = Arc::new(FrameTicket {
            row: Row::new(&frame.meta, frame.jpeg.len(), &Stage::PRODUCER),
            departure,
            parts_left: AtomicU32::new(records.len() as u32),
            failed: OnceLock::new(),
        });
        for record in records {
            self.send(record, Ticket::Part(ticket.clone()), &wanted);
        }
        tracing::trace!(frame = frame.meta.frame, bytes = frame.jpeg.len(), "published");
        self.last = Some((frame.meta, frame.jpeg));
    }

    /// Enters a frame that is about to be handed over.
    fn enter(&self, frame: &Frame, records: usize, quality: u8) -> Departure {
        let (bytes, now) = (frame.jpeg.len(), frame.meta.stamps.published);
        let mut state = self.shared.lock();
        if state.in_flight.is_empty() {
            state.heard = now;
        }
        state.quality = quality;
        let books = &mut state.books;
        books.published += 1;
        books.published_at = now;
        books.records += records as u64;
        books.bytes += bytes as u64;
        books.frame_bytes_max = books.frame_bytes_max.max(bytes as u64);
        books.rhythm.enter(&frame.meta);
        books.latencies.record(&frame.meta.stamps, &Stage::PRODUCER, common::latency::TimeBase::SameHost);
        state.in_flight.enter(bytes, now)
    }

    /// Waits for all acknowledgements while `patient`, then gives up on the rest.
    pub fn flush(&self, patient: impl Fn() -> bool) {
        if !self.shared.wait(|s| s.in_flight.is_empty(), patient) {
            self.publisher.give_up();
            let until = self.clock.now().plus(Duration::from_secs(1));
            self.shared.wait(|s| s.in_flight.is_empty(), || self.clock.now() < until);
        }
    }

    /// Closes the session: its last picture once more, and the final counts.
    pub fn end(&self, timeout: Duration) {
        let Some((meta, jpeg)) = &self.last else { return };
        let (end, dropped) = {
            let mut state = self.shared.lock();
            state.end_open = true;
            (state.books.end(), state.dropped())
        };
        let meta = Meta { dropped, ..meta.clone() };
        let picture = (jpeg.len() <= self.value_bytes_max).then(|| jpeg.clone());
        self.send(record::end(&meta, picture, &end), Ticket::End, &|| true);
        let until = self.clock.now().plus(timeout);
        if !self.shared.wait(|s| !s.end_open, || self.clock.now() < until) {
            self.publisher.give_up();
            let until = self.clock.now().plus(SILENCE);
            self.shared.wait(|s| !s.end_open, || self.clock.now() < until);
        }
        if self.shared.lock().end_lost {
            tracing::warn!("the session's end was not acknowledged: viewers will not know that it ended");
        }
    }

    fn send(&self, mut record: Record, mut ticket: Ticket, wanted: &dyn Fn() -> bool) {
        if let Some(key) = &self.key {
            record.key = Some(key.clone());
        }
        self.shared.lock().in_flight_records += 1;
        while let Some(back) = self.publisher.send(&record, ticket) {
            // The queue is full of others: one of them leaves it soon. If there is none, this one never fits.
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

/// Enters what became of a record; with a frame's last part, what became of the frame.
fn settle(shared: &Shared, ticket: Ticket, delivery: Delivery, now: Micros) {
    let mut state = shared.lock();
    state.in_flight_records = state.in_flight_records.saturating_sub(1);
    match ticket {
        Ticket::End => {
            state.end_open = false;
            state.end_lost = delivery != Delivery::Acknowledged;
        }
        Ticket::Part(ticket) => {
            if delivery == Delivery::Acknowledged {
                state.heard = now;
            } else {
                // The first failure is kept; a later one changes nothing.
                let _ = ticket.failed.set(delivery);
            }
            if ticket.parts_left.fetch_sub(1, Ordering::Relaxed) > 1 {
                shared.delivered.notify_all();
                return;
            }
            enter(&mut state, &ticket, now);
        }
    }
    shared.delivered.notify_all();
}

fn enter(state: &mut State, ticket: &FrameTicket, now: Micros) {
    let fate = match ticket.failed.get() {
        None | Some(Delivery::Acknowledged) => Fate::Acknowledged,
        Some(Delivery::Late) => Fate::TimedOut,
        Some(_) => Fate::Refused,
    };
    state.in_flight.leave(ticket.departure, fate, now);
    let books = &mut state.books;
    match ticket.failed.get() {
        None | Some(Delivery::Acknowledged) => {
            let took = now.since(ticket.row.stamps.published);
            if books.acknowledged == 0 {
                books.ack_first = took;
            }
            books.acknowledged += 1;
            books.ack.record(took);
            if let Some(recorder) = &mut state.recorder {
                recorder.record(Row { acknowledge: Some(took), ..ticket.row.clone() }, now);
            }
        }
        Some(Delivery::Late) => books.losses.add(Loss::Late),
        Some(Delivery::NoTopic) => {
            state.topic_gone = true;
            refuse(books, "the topic is gone");
        }
        Some(Delivery::Refused(why)) => refuse(books, why),
    }
}

fn refuse(books: &mut ProducerBooks, why: &str) {
    books.losses.add(Loss::Refused);
    match books.refusals.get_mut(why) {
        Some(times) => *times += 1,
        None => {
            tracing::warn!("the broker refused a frame: {why}");
            books.refusals.insert(why.to_owned(), 1);
        }
    }
}
