//! The books and what is in flight, shared by the threads of a run.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::clock::Micros;
use common::frame::Frame;
use common::ledger::ProducerBooks;
use shell::recorder::Recorder;

use crate::in_flight::InFlight;
use crate::limit::Limit;

/// A broker that answers nothing for that long is said to be silent.
pub(super) const SILENCE: Duration = Duration::from_secs(1);
/// A wait looks up that often whether it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(50);

/// The books and what is in flight, shared with the thread that hears of deliveries.
#[derive(Debug, Default)]
pub struct Shared {
    state: Mutex<State>,
    pub(super) delivered: Condvar,
}

/// A frame to be published again.
#[derive(Debug)]
pub(super) struct Again {
    pub frame: Frame,
    /// The limit that it was split by.
    pub limit: Limit,
}

#[derive(Debug, Default)]
pub struct State {
    pub books: ProducerBooks,
    pub(super) in_flight: InFlight,
    /// Of the newest frame.
    pub quality: u8,
    pub(super) end_open: bool,
    pub(super) end_lost: bool,
    pub(super) in_flight_records: usize,
    /// The broker says that the topic is gone.
    pub(super) topic_gone: bool,
    /// We may not write to the topic, and nothing was ever acknowledged: why.
    pub forbidden: Option<String>,
    /// Of the topic, as far as it is known.
    pub limit: Limit,
    /// A message was refused as too large: the limit is to be asked again.
    pub limit_doubted: bool,
    /// Frames that were refused as too large, and have to arrive.
    pub(super) again: VecDeque<Again>,
    /// When the broker was last heard of, or first had something to answer.
    pub(super) heard: Micros,
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
    pub(super) fn new(limit: Limit, in_flight: InFlight) -> Shared {
        let state = State { limit, in_flight, ..State::default() };
        Shared { state: Mutex::new(state), delivered: Condvar::new() }
    }

    /// What the topic's limit is now. Returns whether that is lower than it was.
    pub fn learn_limit(&self, limit: Limit) -> bool {
        let mut state = self.lock();
        state.limit_doubted = false;
        let lower = limit.value_bytes_max < state.limit.value_bytes_max;
        if lower {
            state.limit = limit;
        }
        self.delivered.notify_all();
        lower
    }

    /// The limit stays what it is, as it cannot be learned: what was refused for it is refused for good.
    pub fn keep_limit(&self) {
        let limit = self.lock().limit;
        self.learn_limit(limit);
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        // Counters are whole between any two lines, also where a panic elsewhere poisoned the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `done`, while `wanted`; returns whether it is done.
    pub(super) fn wait(&self, done: impl Fn(&State) -> bool, wanted: impl Fn() -> bool) -> bool {
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
