//! The state that the threads of a publisher share: the frames in flight, and the ledger.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::time::Micros;
use common::wire::Frame;

use super::in_flight::InFlight;
use super::ledger::Ledger;
use super::limit::MessageLimit;

/// Time without an answer after which a broker counts as silent.
pub(super) const SILENCE: Duration = Duration::from_secs(1);
/// Interval at which a wait checks if it is still wanted.
const CHECK_EVERY: Duration = Duration::from_millis(50);

/// The state behind its lock. The lock is held for a few counters at a time, never while something is sent.
#[derive(Debug)]
pub(super) struct PublisherState {
    state: Mutex<SendState>,
    changed: Condvar,
}

/// A frame that was refused as too large and has to arrive, so it is published again.
#[derive(Debug)]
pub(super) struct Republish {
    pub session: usize,
    pub frame: Frame,
    /// The limit that was used to split it.
    pub limit: MessageLimit,
}

/// The record that ends a session.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum EndRecord {
    #[default]
    NotSent,
    /// The session had no frame, or its writer is gone.
    NotNeeded,
    InFlight,
    Acknowledged,
    Lost,
}

/// The unsettled frames of a session, and its end record.
#[derive(Default, Debug)]
pub(super) struct OpenSession {
    /// Number of frames that were published and are not settled, including those that will be published again.
    pub unsettled: usize,
    pub end: EndRecord,
}

#[derive(Default, Debug)]
pub(super) struct SendState {
    pub ledger: Ledger,
    pub in_flight: InFlight,
    /// One for each session, by its number in the ledger.
    pub sessions: Vec<OpenSession>,
    pub in_flight_records: usize,
    /// The limit that frames are split by, and the topic's limit as far as it is known, which may be lower.
    pub limit: MessageLimit,
    pub topic_limit: MessageLimit,
    /// True while the client is replaced because of a lower limit; nothing may be sent then.
    pub replacing_client: bool,
    /// True if a message was refused as too large, so that the topic's limit must be read again.
    pub limit_doubted: bool,
    pub republish: VecDeque<Republish>,
    /// True if the broker has answered that the topic does not exist.
    pub topic_gone: bool,
    /// The reason why we may not write to the topic. Set only as long as nothing was ever acknowledged.
    pub forbidden: Option<String>,
    /// Time of the broker's last answer, or of the first request since nothing was in flight.
    pub last_answer: Micros,
}

impl SendState {
    /// Time for which the broker has owed us an answer, if it is longer than [`SILENCE`].
    pub fn silence(&self, now: Micros) -> Option<Duration> {
        let silence = now.since(self.last_answer);
        (!self.in_flight.is_empty() && silence > SILENCE).then_some(silence)
    }

    /// True if a session other than this one is not at its end.
    pub fn others_are_open(&self, session: usize) -> bool {
        let is_open = |(n, open): (usize, &OpenSession)| n != session && open.end == EndRecord::NotSent;
        self.sessions.iter().enumerate().any(is_open)
    }
}

impl PublisherState {
    pub fn new(limit: MessageLimit, in_flight: InFlight) -> PublisherState {
        let state = SendState { limit, topic_limit: limit, in_flight, ..SendState::default() };
        PublisherState { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub fn open_session(&self) -> usize {
        let mut state = self.lock();
        state.sessions.push(OpenSession::default());
        state.ledger.open()
    }

    /// Updates the topic's limit. Returns true if it is lower than before.
    pub fn learn_limit(&self, limit: MessageLimit) -> bool {
        let mut state = self.lock();
        state.limit_doubted = false;
        let lower = limit.value_bytes_max < state.topic_limit.value_bytes_max;
        if lower {
            state.topic_limit = limit;
        }
        self.changed.notify_all();
        lower
    }

    /// Keeps the limit because it cannot be read: frames refused for it stay refused.
    pub fn keep_limit(&self) {
        self.lock().limit_doubted = false;
        self.changed.notify_all();
    }

    pub fn lock(&self) -> MutexGuard<'_, SendState> {
        // No code that holds the lock can leave the counters half changed, so a lock poisoned by a panic elsewhere is
        // safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all that wait for a change.
    pub fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits until `done`, for as long as `wanted`; returns true if it is done.
    pub fn wait(&self, done: impl Fn(&SendState) -> bool, wanted: impl Fn() -> bool) -> bool {
        self.wait_and(done, wanted, |_| ()).is_some()
    }

    /// Waits until `done`, for as long as `wanted`, and then calls `act` under the same lock.
    pub fn wait_and<R>(
        &self,
        done: impl Fn(&SendState) -> bool,
        wanted: impl Fn() -> bool,
        act: impl FnOnce(&mut SendState) -> R,
    ) -> Option<R> {
        let mut state = self.lock();
        while !done(&state) {
            if !wanted() {
                return None;
            }
            state = self.changed.wait_timeout(state, CHECK_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(act(&mut state))
    }
}
