//! A frame's way through the shared state: it enters as records with tickets, and is settled when the tickets come back.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use common::report::Row;
use common::time::{Micros, Stage};
use common::wire::Frame;
use common::wire::record::{self, Record};
use kafka::Delivery;

use super::ledger::Settlement;
use super::limit::MessageLimit;
use super::state::{EndRecord, PublisherState, Republish, SendState};
use super::window::InFlightFrame;

pub(super) const TOO_LARGE: &str = "message too large: the topic's max.message.bytes (or the broker's or client's \
     message.max.bytes) is lower than what the topic's configuration says; set --max-message-bytes";

/// The data that comes back with each record's delivery.
#[derive(Debug)]
pub(super) enum Ticket {
    Part(Arc<FrameTicket>),
    /// The end of the session with this number.
    End(usize),
}

#[derive(Debug)]
pub(super) struct FrameTicket {
    session: usize,
    row: Row,
    in_flight: InFlightFrame,
    parts_left: AtomicU32,
    /// The frame, to be published again if it is too large; kept only if every frame has to arrive.
    again: Option<Frame>,
    /// The limit used to split it.
    limit: MessageLimit,
    /// The delivery of the first part that failed, which counts for the frame.
    failed: OnceLock<Delivery>,
}

impl PublisherState {
    /// Enters a frame that is about to be sent, and returns its records with their common ticket. `again` is true if the
    /// frame was refused as too large before.
    pub fn enter(&self, session: usize, frame: &Frame, keep: bool, again: bool) -> (Vec<Record>, Arc<FrameTicket>) {
        let published = frame.meta.stamps.published;
        let enter = |state: &mut SendState| {
            if state.in_flight.is_empty() {
                state.last_answer = published;
            }
            if !again {
                state.ledger.published(session, frame);
                state.sessions[session].unsettled += 1;
            }
            (state.in_flight.enter(frame.payload.len(), published), state.limit)
        };
        let entered = self.wait_and(|state| !state.replacing_client, || true, enter);
        let (in_flight, limit) = entered.expect("a wait that is always wanted ends with what it waits for");
        let records = record::split(frame, limit.value_bytes_max);
        let ticket = FrameTicket {
            session,
            row: Row::new(&frame.meta, frame.payload.len(), &Stage::PRODUCER),
            in_flight,
            parts_left: AtomicU32::new(records.len() as u32),
            again: keep.then(|| frame.clone()),
            limit,
            failed: OnceLock::new(),
        };
        (records, Arc::new(ticket))
    }

    /// Counts a record that is about to be sent.
    pub fn count_record(&self, ticket: &Ticket) {
        let mut state = self.lock();
        state.in_flight_records += 1;
        match ticket {
            Ticket::Part(frame) => state.ledger.split(frame.session, 1),
            Ticket::End(session) => state.sessions[*session].end = EndRecord::InFlight,
        }
    }

    /// Enters the delivery of a record; with a frame's last part, that of the frame.
    pub fn deliver(&self, ticket: Ticket, delivery: Delivery, now: Micros) {
        let mut state = self.lock();
        state.in_flight_records = state.in_flight_records.saturating_sub(1);
        match ticket {
            Ticket::End(session) => {
                let acknowledged = delivery == Delivery::Acknowledged;
                state.sessions[session].end = if acknowledged { EndRecord::Acknowledged } else { EndRecord::Lost };
            }
            Ticket::Part(ticket) => {
                if delivery == Delivery::Acknowledged {
                    state.last_answer = now;
                } else {
                    // The first failure is kept; later ones change nothing.
                    let _ = ticket.failed.set(delivery);
                }
                if ticket.parts_left.fetch_sub(1, Ordering::Relaxed) == 1 {
                    leave(&mut state, &ticket, now);
                }
            }
        }
        self.notify();
    }
}

/// Removes a frame from those in flight, and settles it unless it will be published again.
fn leave(state: &mut SendState, ticket: &FrameTicket, now: Micros) {
    let delivery = ticket.failed.get().unwrap_or(&Delivery::Acknowledged);
    state.in_flight.leave(ticket.in_flight, delivery, now);
    match delivery {
        Delivery::NoTopic => state.topic_gone = true,
        Delivery::TooLarge => state.limit_doubted = true,
        Delivery::Forbidden(why) if state.ledger.books(ticket.session).acknowledged == 0 => {
            state.forbidden = Some(why.clone());
        }
        _ => {}
    }
    let settlement = match (delivery, &ticket.again) {
        (Delivery::TooLarge, Some(frame)) => {
            let (session, frame, limit) = (ticket.session, frame.clone(), ticket.limit);
            state.republish.push_back(Republish { session, frame, limit });
            return;
        }
        (Delivery::Acknowledged, _) => Settlement::Acknowledged(&ticket.row),
        (Delivery::Late, _) => Settlement::Late,
        (Delivery::NoTopic, _) => Settlement::Refused("the topic is gone"),
        (Delivery::TooLarge, None) => Settlement::Refused(TOO_LARGE),
        (Delivery::Refused(why) | Delivery::Forbidden(why), _) => Settlement::Refused(why),
    };
    state.settle_published(ticket.session, settlement, now);
}

impl SendState {
    /// Settles a frame that was published.
    pub fn settle_published(&mut self, session: usize, settlement: Settlement<'_>, now: Micros) {
        self.sessions[session].unsettled -= 1;
        self.ledger.settle(session, settlement, now);
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
