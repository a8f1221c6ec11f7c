//! The ledger: the outcome of each frame of each session.
//!
//! ```text
//! a frame's end ─Settlement─▶ Ledger ─▶ books, histograms ─▶ report, status
//!                                    └▶ Row ─▶ CSV, interval log, timeline
//! ```
//! Each captured frame is settled exactly once, and all figures about acknowledged frames are made from that one event.
//! So the histograms, the rows of the report files and the books hold the same frames, regardless of those that were refused or late.

use common::books::{Loss, ProducerBooks};
use common::report::Row;
use common::time::{Micros, Stage};
use common::wire::Frame;
use reports::recorder::Recorder;

const LATE: &str = "the broker did not answer in time";

/// The outcome of a captured frame.
#[derive(Debug)]
pub(super) enum Settlement<'a> {
    /// The broker has acknowledged all its parts. The row lacks only the time that this took.
    Acknowledged(&'a Row),
    /// A newer frame took its place before it was encoded.
    Superseded,
    /// No answer came in time, or there was no time left to send it.
    Late,
    /// The broker or the client refused it, for this reason.
    Refused(&'a str),
}

/// The books of all sessions, and the files with a row for each frame.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    sessions: Vec<ProducerBooks>,
    /// Gets a row of each acknowledged frame.
    pub recorder: Option<Recorder>,
}

impl Ledger {
    /// Opens the books of a session, and returns its number.
    pub fn open(&mut self) -> usize {
        self.sessions.push(ProducerBooks::default());
        self.sessions.len() - 1
    }

    pub fn books(&self, session: usize) -> &ProducerBooks {
        &self.sessions[session]
    }

    /// Number of acknowledged frames of all sessions.
    pub fn acknowledged(&self) -> u64 {
        self.sessions.iter().map(|books| books.acknowledged).sum()
    }

    /// Number of frames that a session has dropped so far.
    pub fn dropped(&self, session: usize) -> u64 {
        self.sessions[session].losses.sum()
    }

    pub fn captured(&mut self, session: usize, at: Micros) {
        self.sessions[session].capture(at);
    }

    /// Counts a frame that has to wait for acknowledgements of others.
    pub fn held_back(&mut self, session: usize) {
        self.sessions[session].held_back += 1;
    }

    /// Counts a frame that is sent for the first time.
    pub fn published(&mut self, session: usize, frame: &Frame) {
        let (books, bytes) = (&mut self.sessions[session], frame.payload.len() as u64);
        books.encoded += 1;
        books.published += 1;
        books.published_at = frame.meta.stamps.published;
        books.bytes += bytes;
        books.frame_bytes_max = books.frame_bytes_max.max(bytes);
        books.interval.enter(&frame.meta);
    }

    /// Counts the records that a frame was split into.
    pub fn split(&mut self, session: usize, records: usize) {
        self.sessions[session].records += records as u64;
    }

    /// Enters the outcome of a frame. This is the only place where a frame gets into histograms and rows.
    pub fn settle(&mut self, session: usize, settlement: Settlement<'_>, now: Micros) {
        let books = &mut self.sessions[session];
        match settlement {
            Settlement::Acknowledged(row) => {
                acknowledge(books, row, now);
                if let Some(recorder) = &mut self.recorder {
                    recorder.record(Row { acknowledge: Some(now.since(row.stamps.published)), ..row.clone() }, now);
                }
            }
            Settlement::Superseded => books.losses.add(Loss::Superseded),
            Settlement::Late => {
                books.losses.add(Loss::Late);
                books.last_failure = Some(LATE.to_owned());
            }
            Settlement::Refused(why) => refuse(books, why),
        }
    }
}

fn acknowledge(books: &mut ProducerBooks, row: &Row, now: Micros) {
    let took = now.since(row.stamps.published);
    if books.acknowledged == 0 {
        books.ack_first = took;
    }
    books.acknowledged += 1;
    books.acknowledged_capture = books.acknowledged_capture.max(row.stamps.captured);
    books.ack.record(took);
    books.latencies.record(&row.stamps, &Stage::PRODUCER, row.base);
}

fn refuse(books: &mut ProducerBooks, why: &str) {
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
