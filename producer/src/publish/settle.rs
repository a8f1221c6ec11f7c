//! Enters the delivery of each record, and with it of its frame, on the thread that serves deliveries.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use common::books::{Loss, ProducerBooks};
use common::report::Row;
use common::time::Micros;
use common::wire::Frame;
use kafka::Delivery;

use super::state::{Again, Shared, State};
use crate::in_flight::{Departure, Fate};
use crate::limit::Limit;

const LATE: &str = "the broker did not answer in time";
pub(super) const TOO_LARGE: &str = "message too large: the topic's max.message.bytes (or the broker's or client's \
     message.max.bytes) is lower than what the topic's configuration says; set --max-message-bytes";

/// The data that comes back with each record's delivery.
#[derive(Debug)]
pub(super) enum Ticket {
    Part(Arc<FrameTicket>),
    End,
}

#[derive(Debug)]
pub(super) struct FrameTicket {
    pub row: Row,
    pub departure: Departure,
    pub parts_left: AtomicU32,
    /// The frame, to be published again if it is too large; kept only if every frame has to arrive.
    pub again: Option<Frame>,
    /// The limit used to split it.
    pub limit: Limit,
    /// The delivery of the first part that failed, which counts for the frame.
    pub failed: OnceLock<Delivery>,
}

/// Enters the delivery of a record; with a frame's last part, that of the frame.
pub(super) fn settle(shared: &Shared, ticket: Ticket, delivery: Delivery, now: Micros) {
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
                // The first failure is kept; later ones change nothing.
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
    let failed = ticket.failed.get();
    let fate = match failed {
        None => Fate::Acknowledged,
        Some(Delivery::Late) => Fate::TimedOut,
        Some(_) => Fate::Refused,
    };
    state.in_flight.leave(ticket.departure, fate, now);
    match failed {
        None | Some(Delivery::Acknowledged) => acknowledge(state, &ticket.row, now),
        Some(Delivery::Late) => {
            state.books.losses.add(Loss::Late);
            state.books.last_failure = Some(LATE.to_owned());
        }
        Some(Delivery::NoTopic) => {
            state.topic_gone = true;
            refuse(&mut state.books, "the topic is gone");
        }
        Some(Delivery::TooLarge) => {
            state.limit_doubted = true;
            match &ticket.again {
                Some(frame) => state.again.push_back(Again { frame: frame.clone(), limit: ticket.limit }),
                None => refuse(&mut state.books, TOO_LARGE),
            }
        }
        Some(Delivery::Refused(why)) => refuse(&mut state.books, why),
        Some(Delivery::Forbidden(why)) => {
            if state.books.acknowledged == 0 {
                state.forbidden = Some(why.clone());
            }
            refuse(&mut state.books, why);
        }
    }
}

fn acknowledge(state: &mut State, row: &Row, now: Micros) {
    let books = &mut state.books;
    let took = now.since(row.stamps.published);
    if books.acknowledged == 0 {
        books.ack_first = took;
    }
    books.acknowledged += 1;
    books.acknowledged_capture = books.acknowledged_capture.max(row.stamps.captured);
    books.ack.record(took);
    if let Some(recorder) = &mut state.recorder {
        recorder.record(Row { acknowledge: Some(took), ..row.clone() }, now);
    }
}

pub(super) fn refuse(books: &mut ProducerBooks, why: &str) {
    books.losses.add(Loss::Refused);
    if books.last_failure.as_deref() != Some(why) {
        books.last_failure = Some(why.to_owned());
    }
    match books.refusals.get_mut(why) {
        Some(times) => *times += 1,
        None => {
            tracing::warn!(event = "frame_refused", why, "the broker refused a frame: {why}");
            books.refusals.insert(why.to_owned(), 1);
        }
    }
}
