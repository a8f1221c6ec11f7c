//! The counters and the frames in flight, shared by the threads of a run.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::books::ProducerBooks;
use common::time::Micros;
use common::wire::Frame;
use reports::recorder::Recorder;

use crate::in_flight::InFlight;
use crate::limit::Limit;

/// Time without an answer after which a broker counts as silent.
pub(super) const SILENCE: Duration = Duration::from_secs(1);
/// Interval at which a wait checks if it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(50);

/// The counters and the frames in flight, shared with the thread that receives delivery reports.
#[derive(Debug, Default)]
pub struct Shared {
    state: Mutex<State>,
    pub(super) delivered: Condvar,
}

/// A frame that is to be published again.
#[derive(Debug)]
pub(super) struct Again {
    pub frame: Frame,
    /// The limit that was used to split it.
    pub limit: Limit,
}

#[derive(Debug, Default)]
pub struct State {
    pub books: ProducerBooks,
    pub(super) in_flight: InFlight,
    /// Quality of the newest frame.
    pub quality: u8,
    pub(super) end_open: bool,
    pub(super) end_lost: bool,
    pub(super) in_flight_records: usize,
    /// True if the broker has answered that the topic does not exist.
    pub(super) topic_gone: bool,
    /// The reason why we may not write to the topic. Set only as long as nothing was ever acknowledged.
    pub forbidden: Option<String>,
    /// The topic's message limit, as far as it is known.
    pub limit: Limit,
    /// True if a message was refused as too large, so the limit must be read again.
    pub limit_doubted: bool,
    /// Frames that were refused as too large but have to arrive.
    pub(super) again: VecDeque<Again>,
    /// Time of the broker's last answer, or of the first request since nothing was in flight.
    pub(super) heard: Micros,
    /// Writes the reports that have an entry for each frame or second.
    pub recorder: Option<Recorder>,
}

impl State {
    /// Number of frames dropped so far.
    pub fn dropped(&self) -> u64 {
        self.books.losses.sum()
    }

    /// Time for which the broker has owed us an answer, if it is longer than [`SILENCE`].
    pub fn silence(&self, now: Micros) -> Option<Duration> {
        let silence = now.since(self.heard);
        (!self.in_flight.is_empty() && silence > SILENCE).then_some(silence)
    }

    /// True if the topic should be checked, because a broker said it is gone or because no broker answers. Resets the
    /// former.
    pub fn may_have_no_topic(&mut self, now: Micros) -> bool {
        std::mem::take(&mut self.topic_gone) || self.silence(now).is_some()
    }
}

impl Shared {
    pub(super) fn new(limit: Limit, in_flight: InFlight) -> Shared {
        let state = State { limit, in_flight, ..State::default() };
        Shared { state: Mutex::new(state), delivered: Condvar::new() }
    }

    /// Updates the topic's limit. Returns true if it is lower than before.
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

    /// Keeps the limit because it cannot be read: frames refused for it stay refused.
    pub fn keep_limit(&self) {
        let limit = self.lock().limit;
        self.learn_limit(limit);
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can leave the counters half changed, so a lock poisoned by a panic elsewhere is
        // safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `done`, for as long as `wanted`; returns true if it is done.
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
