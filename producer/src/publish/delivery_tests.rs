//! Frames and their deliveries, without Kafka.

use std::time::Duration;

use bytes::Bytes;
use common::books::Loss;
use common::time::{ManualClock, Stamps};
use common::wire::{Codec, FrameKind, Meta, Origin, Session};
use reports::recorder::Recorder;

use super::*;
use crate::publish::in_flight::InFlight;

const BYTES: usize = 2500;

fn state() -> PublisherState {
    let limit = MessageLimit { message_bytes_max: 2000, value_bytes_max: 1000 };
    PublisherState::new(limit, InFlight::new(Some(Duration::from_millis(300))))
}

fn frame(number: u64) -> Frame {
    let at = |ms: u64| Micros(1_000_000 + number * 33_000 + ms * 1000);
    let stamps = Stamps { due: at(0), captured: at(1), encoded: at(4), published: at(5), ..Stamps::default() };
    let meta = Meta {
        source: "lobby".into(),
        session: Session { began_ms: 1, salt: 1 },
        frame: number,
        number: None,
        pts: Duration::from_millis(33 * number),
        stamps,
        origin: Origin { boot: "boot".into(), wall_offset_us: 0 },
        codec: Codec::Jpeg,
        key_frame: true,
        width: 16,
        height: 16,
        dropped: 0,
        skipped: 0,
    };
    Frame { meta, payload: Bytes::from(vec![0; BYTES]), kind: FrameKind::Own }
}

/// Publishes a frame, and has each of its parts delivered like this.
fn publish(state: &PublisherState, session: usize, frame: &Frame, every_frame: bool, delivery: &Delivery) {
    state.lock().ledger.captured(session, frame.meta.stamps.captured);
    send(state, session, frame, (every_frame, false), delivery);
}

fn send(state: &PublisherState, session: usize, frame: &Frame, (keep, again): (bool, bool), delivery: &Delivery) {
    let (records, ticket) = state.enter(session, frame, keep, again);
    assert_eq!(records.len(), 3);
    let tickets: Vec<Ticket> = records.iter().map(|_| Ticket::Part(ticket.clone())).collect();
    tickets.iter().for_each(|ticket| state.count_record(ticket));
    let now = frame.meta.stamps.published.plus(Duration::from_millis(2));
    tickets.into_iter().for_each(|ticket| state.deliver(ticket, delivery.clone(), now));
}

#[test]
fn histograms_rows_and_books_hold_the_same_frames_whatever_was_refused_or_late() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = folder.path().join("frames.csv");
    let clock: Arc<dyn common::time::Clock> = Arc::new(ManualClock::default());
    let reports = [csv.display().to_string().parse().expect("it is a name")];
    let state = state();
    let session = state.open_session();
    state.lock().ledger.recorder = Some(Recorder::start("vidtest", &reports, &clock).expect("a thread starts"));
    let refused = Delivery::Refused("not authorized".to_owned());
    for number in 0..20 {
        let delivery = match number % 4 {
            0 => &Delivery::Late,
            1 => &refused,
            _ => &Delivery::Acknowledged,
        };
        publish(&state, session, &frame(number), false, delivery);
    }
    let mut state = state.lock();
    let recorder = state.ledger.recorder.take().expect("it was set");
    let (course, written) = recorder.finish(Micros(9_000_000));
    written.expect("the file is written");
    let books = state.ledger.books(session);
    assert_eq!((books.captured, books.published, books.acknowledged), (20, 20, 10));
    assert_eq!((books.losses.of(Loss::Late), books.losses.of(Loss::Refused)), (5, 5));
    assert!(books.balanced());
    let rows = std::fs::read_to_string(&csv).expect("it is there").lines().count() as u64 - 1;
    let of_timeline = course.timeline.all().map(|second| u64::from(second.frames)).sum::<u64>();
    let of_stage = books.latencies.stage(Stage::Encode).histogram().len();
    let total = books.latencies.total.histogram().len();
    assert_eq!([total, of_stage, books.ack.histogram().len(), rows, of_timeline], [books.acknowledged; 5]);
}

#[test]
fn a_frame_counts_by_its_first_part_that_failed() {
    let state = state();
    let session = state.open_session();
    let (records, ticket) = state.enter(session, &frame(0), false, false);
    let deliveries = [Delivery::Acknowledged, Delivery::Late, Delivery::Refused("no".to_owned())];
    assert_eq!(records.len(), deliveries.len());
    for delivery in deliveries {
        assert_eq!(state.lock().sessions[session].unsettled, 1);
        state.deliver(Ticket::Part(ticket.clone()), delivery, Micros(2_000_000));
    }
    let state = state.lock();
    assert_eq!((state.sessions[session].unsettled, state.in_flight.is_empty()), (0, true));
    let losses = state.ledger.books(session).losses;
    assert_eq!((losses.of(Loss::Late), losses.sum()), (1, 1));
}

#[test]
fn a_frame_that_is_too_large_is_settled_only_after_it_was_published_again() {
    let state = state();
    let session = state.open_session();
    publish(&state, session, &frame(0), true, &Delivery::TooLarge);
    let again = state.lock().republish.pop_front().expect("it has to arrive");
    {
        let state = state.lock();
        assert!(state.limit_doubted);
        assert_eq!((state.sessions[session].unsettled, state.ledger.books(session).losses.sum()), (1, 0));
    }
    send(&state, session, &again.frame, (true, true), &Delivery::Acknowledged);
    let state = state.lock();
    let books = state.ledger.books(session);
    assert_eq!((books.published, books.records, books.acknowledged, books.balanced()), (1, 6, 1, true));
    assert_eq!((books.latencies.total.histogram().len(), state.sessions[session].unsettled), (1, 0));
}

#[test]
fn two_sessions_share_what_is_in_flight_and_have_books_of_their_own() {
    let state = state();
    let (lobby, yard) = (state.open_session(), state.open_session());
    let (_, first) = state.enter(lobby, &frame(0), false, false);
    let (_, second) = state.enter(yard, &frame(0), false, false);
    for (ticket, delivery) in [(second, Delivery::Late), (first, Delivery::Acknowledged)] {
        assert!(!state.lock().in_flight.is_empty());
        (0..3).for_each(|_| state.deliver(Ticket::Part(ticket.clone()), delivery.clone(), Micros(2_000_000)));
    }
    let state = state.lock();
    assert!(state.in_flight.is_empty());
    assert_eq!((state.ledger.books(lobby).acknowledged, state.ledger.books(lobby).losses.sum()), (1, 0));
    assert_eq!((state.ledger.books(yard).acknowledged, state.ledger.books(yard).losses.sum()), (0, 1));
}
