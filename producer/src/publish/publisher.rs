//! The connection to a topic, which several sessions share.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::books::ProducerBooks;
use common::time::{Clock, Micros, Timeline};
use common::wire::Frame;
use common::wire::record::{FRAME_BYTES_MAX, Record};
use kafka::{ConnectTimeout, Connection, DeliveryTimeout, Facts, KafkaError, PublisherSettings};
use reports::recorder::Recorder;

use super::delivery::{TOO_LARGE, Ticket};
use super::in_flight::InFlight;
use super::ledger::Settlement;
use super::limit::MessageLimit;
use super::state::{EndRecord, PublisherState, SILENCE, SendState};

/// The client id of every vidprod.
pub const CLIENT_ID: &str = "vidprod";
/// Time without an acknowledgement after which a live picture is dropped.
const LIVE_WAIT: Duration = Duration::from_secs(2);

/// What happens to frames when encoding or the broker falls behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DropPolicy {
    /// Every frame waits its turn and has to arrive, as for a file.
    EveryFrame,
    /// The newest frame wins, as for a camera. Older ones are dropped before they are encoded.
    NewestWins {
        /// Longest time that frames may be on their way to the broker.
        in_flight_time: Duration,
    },
}

/// The settings of a [`FramePublisher`].
#[derive(Clone, Debug)]
pub struct PublishOptions {
    /// The topic, which must exist: see [`TopicKeeper`](super::TopicKeeper).
    pub topic: String,
    /// `None` to choose the partition by the records' key.
    pub partition: Option<i32>,
    /// The records' key; `None` for the source's name, so that a source keeps its partition.
    pub key: Option<String>,
    /// Headers that are added to each record.
    pub headers: Vec<(String, String)>,
    /// What happens to frames when encoding or the broker falls behind.
    pub drop_policy: DropPolicy,
    /// The topic's message limit: see [`TopicKeeper::prepare`](super::TopicKeeper::prepare).
    pub limit: MessageLimit,
}

impl PublishOptions {
    /// Publishes every frame to `topic`, whose message limit is Kafka's default.
    pub fn new(topic: &str) -> PublishOptions {
        PublishOptions {
            topic: topic.to_owned(),
            partition: None,
            key: None,
            headers: Vec::new(),
            drop_policy: DropPolicy::EveryFrame,
            limit: MessageLimit::default(),
        }
    }
}

/// Publishes the frames of several sessions over one connection to Kafka.
///
/// It bounds the frames in flight of all of them together, and keeps the books of each.
#[derive(Debug)]
pub struct FramePublisher {
    records: kafka::Publisher<Ticket>,
    pub(super) state: Arc<PublisherState>,
    pub(crate) clock: Arc<dyn Clock>,
    key: Option<Bytes>,
    drop_policy: DropPolicy,
}

impl FramePublisher {
    /// Connects before the first frame, so that this frame need not wait for the connection.
    pub fn connect(
        connection: &Connection,
        options: PublishOptions,
        patience: &ConnectTimeout<'_>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<FramePublisher>, KafkaError> {
        let PublishOptions { topic, partition, key, headers, drop_policy, limit } = options;
        let (delivery_timeout, in_flight_time) = match drop_policy {
            DropPolicy::EveryFrame => (DeliveryTimeout::Never, None),
            DropPolicy::NewestWins { in_flight_time } => (DeliveryTimeout::After(LIVE_WAIT), Some(in_flight_time)),
        };
        let settings = PublisherSettings {
            topic,
            partition,
            client_id: CLIENT_ID,
            message_bytes_max: limit.message_bytes_max,
            in_flight_bytes_max: FRAME_BYTES_MAX,
            delivery_timeout,
            headers,
        };
        let state = Arc::new(PublisherState::new(limit, InFlight::new(in_flight_time)));
        let on_delivery = {
            let (state, clock) = (state.clone(), clock.clone());
            move |ticket: Ticket, delivery| state.deliver(ticket, delivery, clock.now())
        };
        let records = kafka::Publisher::connect(connection, settings, patience, clock.clone(), on_delivery)?;
        let key = key.map(Bytes::from);
        Ok(Arc::new(FramePublisher { records, state, clock, key, drop_policy }))
    }

    /// Records a row of each acknowledged frame from now on.
    pub fn record_with(&self, recorder: Recorder) {
        self.state.lock().ledger.recorder = Some(recorder);
    }

    /// Passes the recorded rows to the thread that writes the files, if it is time. To be called several times a second.
    pub fn write_rows(&self, now: Micros) {
        self.state.lock().ledger.recorder.iter_mut().for_each(|recorder| recorder.turn(now));
    }

    /// Ends the recording.
    pub fn take_recorder(&self) -> Option<Recorder> {
        self.state.lock().ledger.recorder.take()
    }

    /// Reads the books of a session, by its number.
    pub fn with_books<R>(&self, session: usize, read: impl FnOnce(&ProducerBooks) -> R) -> R {
        read(self.state.lock().ledger.books(session))
    }

    /// Reads the books of a session with the latency over time; `None` if nothing is recorded.
    pub fn with_timeline<R>(&self, session: usize, read: impl FnOnce(&ProducerBooks, &Timeline) -> R) -> Option<R> {
        let ledger = &self.state.lock().ledger;
        Some(read(ledger.books(session), ledger.recorder.as_ref()?.timeline()))
    }

    /// Time for which the broker has owed an acknowledgement, if that is long.
    pub fn silence(&self, now: Micros) -> Option<Duration> {
        self.state.lock().silence(now)
    }

    /// Number of frames in flight, and their bytes.
    pub fn in_flight(&self) -> (usize, usize) {
        self.state.lock().in_flight.frames_and_bytes()
    }

    /// True if the broker is `vidbroker`, or the one in vidprod.
    pub fn is_to_embedded_broker(&self) -> bool {
        self.records.is_to_embedded_broker()
    }

    /// The Kafka client's own figures.
    pub fn facts(&self) -> Facts {
        self.records.facts()
    }

    /// The reason why no broker is connected; `None` while one is.
    pub fn cause(&self) -> Option<String> {
        self.records.cause()
    }

    /// True if every frame has to arrive.
    pub fn sends_every_frame(&self) -> bool {
        self.drop_policy == DropPolicy::EveryFrame
    }

    /// Waits until the next frame of a session may be sent, while `wanted`; returns false if it may not.
    pub(super) fn wait_for_room(&self, session: usize, wanted: impl Fn() -> bool) -> bool {
        let has_room = |state: &SendState| state.in_flight.has_room(self.clock.now());
        {
            let mut state = self.state.lock();
            if has_room(&state) {
                return true;
            }
            state.ledger.held_back(session);
        }
        self.state.wait(has_room, wanted)
    }

    /// Sends a frame as records, all parts or none. It waits only if the user made the client's queue smaller than we
    /// need. `again` is true if the frame was refused as too large before.
    pub(super) fn send_frame(&self, session: usize, frame: &Frame, again: bool, wanted: &dyn Fn() -> bool) {
        let (records, ticket) = self.state.enter(session, frame, self.sends_every_frame(), again);
        for record in records {
            self.send(record, Ticket::Part(ticket.clone()), wanted);
        }
        tracing::trace!("published frame {}: {} bytes", frame.meta.frame, frame.payload.len());
    }

    /// Sends the record that ends a session, and waits for its acknowledgement.
    pub(super) fn end(&self, session: usize, record: Record, timeout: Duration) {
        self.send(record, Ticket::End(session), &|| true);
        let is_settled = |state: &SendState| state.sessions[session].end != EndRecord::InFlight;
        if !self.wait_until(self.clock.now().plus(timeout), is_settled) && !self.state.lock().others_are_open(session) {
            self.records.give_up();
            self.wait_until(self.clock.now().plus(SILENCE), is_settled);
        }
    }

    /// Waits for the acknowledgements of a session while `patient`, then drops the remaining frames.
    pub(super) fn flush(&self, session: usize, patient: impl Fn() -> bool) {
        let is_settled = |state: &SendState| {
            state.sessions[session].unsettled == state.republish.iter().filter(|again| again.session == session).count()
        };
        if !self.state.wait(is_settled, patient) && !self.state.lock().others_are_open(session) {
            self.records.give_up();
            self.wait_until(self.clock.now().plus(SILENCE), is_settled);
        }
    }

    fn wait_until(&self, until: Micros, done: impl Fn(&SendState) -> bool) -> bool {
        self.state.wait(done, || self.clock.now() < until)
    }

    fn send(&self, mut record: Record, mut ticket: Ticket, wanted: &dyn Fn() -> bool) {
        if let Some(key) = &self.key {
            record.key = Some(key.clone());
        }
        self.state.count_record(&ticket);
        while let Some(back) = self.records.send(&record, ticket) {
            // The queue is full of other records, and one of them will leave it soon. Without any others, this record
            // would never fit.
            let others = self.state.lock().in_flight_records - 1;
            if others == 0 || !wanted() {
                let why = "the client's queue is smaller than one message: raise queue.buffering.max.kbytes";
                self.records.refuse(back, why);
                return;
            }
            ticket = back;
            self.state.wait(|state| state.in_flight_records <= others, wanted);
        }
    }

    /// Adopts the topic's present limit, and publishes a session's frames again that were refused as too large, while
    /// `wanted`. Returns true if anything was published.
    pub(super) fn keep_to_limit(&self, session: usize, wanted: impl Fn() -> bool) -> bool {
        let refused = |state: &SendState| state.republish.iter().position(|again| again.session == session);
        let mut published = false;
        loop {
            {
                let state = self.state.lock();
                if refused(&state).is_none() && state.topic_limit == state.limit {
                    return published;
                }
            }
            // Refused frames wait until the limit is known; a live source goes on meanwhile.
            let known = self.state.wait(|state| refused(state).is_none() || !state.limit_doubted, &wanted);
            self.lower_limit(&wanted);
            let mut state = self.state.lock();
            let Some(again) = refused(&state).and_then(|index| state.republish.remove(index)) else { return published };
            if known && state.limit.value_bytes_max < again.limit.value_bytes_max {
                drop(state);
                let mut frame = again.frame;
                frame.meta.stamps.published = self.clock.now();
                self.send_frame(session, &frame, true, &wanted);
                published = true;
            } else {
                state.settle_published(session, Settlement::Refused(TOO_LARGE), self.clock.now());
            }
        }
    }

    /// Adopts a lower limit. This needs a new client, because the present one could put several records into one
    /// request that exceeds the limit. No record may be in flight meanwhile.
    fn lower_limit(&self, wanted: &dyn Fn() -> bool) {
        let is_idle = |state: &SendState| {
            state.limit == state.topic_limit
                || (state.in_flight.is_empty() && state.in_flight_records == 0 && !state.replacing_client)
        };
        let begin = |state: &mut SendState| {
            let lower = state.limit != state.topic_limit;
            state.replacing_client |= lower;
            lower.then_some(state.topic_limit)
        };
        let Some(Some(limit)) = self.state.wait_and(is_idle, wanted, begin) else { return };
        if let Err(error) = self.records.limit_messages(limit.message_bytes_max) {
            tracing::warn!(event = "client_not_replaced", "making a new client for smaller messages: {error}");
        }
        {
            let mut state = self.state.lock();
            (state.limit, state.replacing_client) = (limit, false);
        }
        self.state.notify();
    }
}
