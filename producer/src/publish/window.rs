//! The window: number of bytes that a live source may have in flight, so that each frame takes about the wanted time.
//! Time is an argument.
//!
//! A frame that was sent with `b` bytes in flight (itself included) and acknowledged `t` later shows a link rate of `b
//! / t`: all those bytes arrived in that time. The window is the number of bytes that a link of that rate carries in
//! the wanted time. If frames take less than the wanted time, the window is larger than the bytes in flight, and grows
//! until frames take that long or the source sends no more. A source that sends little shows nothing about the link, so
//! the window then stays as it is. If frames take longer, the window shrinks.
//!
//! The wanted time is at least the time of a frame that is in flight alone, plus a margin if that time is due to
//! distance: a smaller window would leave the link idle.

use std::time::Duration;

use common::time::Micros;

/// LinkWindow before the first acknowledgement: four frames of 720p, which take half a second at 2 Mbit/s.
const START_BYTES: usize = 128 << 10;
/// Time that the first acknowledgement may take: the client may still be connecting, or looking for the topic's leader.
const START_PATIENCE: Duration = Duration::from_secs(1);
/// Time for which a measured rate counts. An unsteady link is late now and then, but not slow.
const RATE_KEPT: Duration = Duration::from_secs(1);
const RATE_SLOTS: usize = 4;
/// A frame that takes this many times the wanted time is not due to jitter: the link has become slower.
const SLOWER: u32 = 2;
/// Number of lone frames whose minimum counts as the time of a frame alone. A broker may be slow once.
const ALONE_KEPT: usize = 4;
/// Largest margin added to the time of a lone frame if that time is due to distance, so that the window can grow.
const MARGIN_MAX: Duration = Duration::from_millis(150);
/// Interval at which the time of a lone frame is measured again, if it determines the window. The link must be empty
/// for that.
const MEASURE_EVERY: Duration = Duration::from_secs(10);
/// If frames are in flight one at a time, two are tried after this many frames, and not before [`TRY_EVERY`] has
/// passed. Only this shows if the time is due to distance.
const TRY_AFTER_FRAMES: u32 = 10;
const TRY_EVERY: Duration = Duration::from_secs(3);
/// If frames take longer than this, two in flight would be too old.
const TRY_TOOK_MAX: Duration = Duration::from_millis(700);

/// A frame at the moment when it is handed over, with the figures needed to judge its acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InFlightFrame {
    pub number: u64,
    pub at: Micros,
    pub bytes: usize,
    /// Bytes in flight at that moment, including this frame.
    pub in_flight: usize,
}

impl InFlightFrame {
    /// True if nothing else was in flight.
    fn is_alone(&self) -> bool {
        self.in_flight == self.bytes
    }
}

#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct LinkWindow {
    wanted: Duration,
    bytes: f64,
    /// True until a frame takes too long; until then the window doubles with each round trip.
    starting: bool,
    rates: RecentMax,
    /// Times of frames that were in flight alone, the latest first. Other frames can only show that the time is
    /// shorter.
    alone: [Option<Duration>; ALONE_KEPT],
    alone_bytes: usize,
    alone_at: Micros,
    together_at: Micros,
    /// Time that the last frame took.
    took: Option<Duration>,
}

impl LinkWindow {
    pub(super) fn new(wanted: Duration) -> LinkWindow {
        LinkWindow { wanted, bytes: START_BYTES as f64, starting: true, ..LinkWindow::default() }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes as usize
    }

    /// The time that frames may take.
    pub(super) fn time(&self) -> Duration {
        let Some(alone) = self.alone.iter().flatten().min() else { return self.wanted };
        let sending = Duration::from_secs_f64(self.alone_bytes as f64 / self.rates.max().max(1.0));
        let distance = alone.saturating_sub(sending);
        self.wanted.max(*alone + (distance / 2).min(MARGIN_MAX))
    }

    /// Time after which no further frame is sent behind one that is still unanswered.
    pub(super) fn patience(&self) -> Duration {
        if self.took.is_some() { self.time() } else { self.time().max(START_PATIENCE) }
    }

    /// True if the next frame is to be in flight alone, for a measurement.
    pub(super) fn wants_alone(&self, now: Micros) -> bool {
        self.time() > self.wanted && now.since(self.alone_at) > MEASURE_EVERY
    }

    /// True if a second frame is to be sent even if it does not fit into the window.
    pub(super) fn wants_together(&self, now: Micros) -> bool {
        let Some(took) = self.took.filter(|took| *took <= TRY_TOOK_MAX) else { return false };
        now.since(self.together_at) > TRY_EVERY.max(TRY_AFTER_FRAMES * took)
    }

    pub(super) fn sent(&mut self, frame: &InFlightFrame) {
        if frame.is_alone() {
            self.alone_at = frame.at;
        } else {
            self.together_at = frame.at;
        }
    }

    pub(super) fn acknowledged(&mut self, frame: &InFlightFrame, now: Micros) {
        let took = now.since(frame.at).max(Duration::from_micros(1));
        self.took = Some(took);
        if frame.is_alone() {
            self.alone.rotate_right(1);
            self.alone[0] = Some(took);
            self.alone_bytes = frame.bytes;
        } else {
            self.alone.iter_mut().flatten().for_each(|alone| *alone = took.min(*alone));
        }
        let rate = frame.in_flight as f64 / took.as_secs_f64();
        if took > SLOWER * self.time() {
            self.rates = RecentMax::default();
        }
        self.rates.enter(rate, now);
        let time = self.time().as_secs_f64();
        if took.as_secs_f64() <= time {
            let doubled = if self.starting { 2.0 * frame.in_flight as f64 } else { 0.0 };
            self.bytes = self.bytes.max(rate * time).max(doubled);
        } else {
            self.starting = false;
            self.bytes = self.bytes.min(self.rates.max() * time);
        }
    }

    /// Allows one frame at a time until the rate is known again: the link may still be busy with the frame that timed
    /// out.
    pub(super) fn timed_out(&mut self) {
        self.bytes = 0.0;
        self.starting = true;
        self.took = None;
    }
}

/// The largest value of the last [`RATE_KEPT`], or the latest value if that is older.
#[derive(Clone, PartialEq, Default, Debug)]
struct RecentMax {
    /// The latest first.
    slots: [f64; RATE_SLOTS],
    /// Start of the latest slot.
    since: Micros,
}

impl RecentMax {
    fn enter(&mut self, value: f64, now: Micros) {
        let slot = RATE_KEPT / RATE_SLOTS as u32;
        let passed = now.since(self.since).as_micros() / slot.as_micros();
        if passed > 0 {
            let passed = passed.min(RATE_SLOTS as u128) as usize;
            self.slots.rotate_right(passed);
            self.slots[..passed].fill(0.0);
            self.since = now;
        }
        self.slots[0] = self.slots[0].max(value);
    }

    fn max(&self) -> f64 {
        self.slots.iter().copied().fold(0.0, f64::max)
    }
}
