//! How many bytes of a live source may be in flight, so that each takes about the wanted time. Time is an argument.
//!
//! A frame that was sent with `b` bytes in flight (itself included) and acknowledged `t` later shows that the link carries
//! `b / t`: all of them arrived in that time. The window is what a link of that rate carries in the wanted time. Where
//! frames take less than that time, the window is larger than what was in flight, and so it grows with what is sent until
//! they take that long, or until the source sends no more: then it stays as it is, since a source that sends little says
//! nothing of the link. Where they take longer, it shrinks.
//!
//! The wanted time is never less than a frame takes that is in flight alone, and some more if that is for the distance: a
//! smaller window leaves the link idle.

use std::time::Duration;

use common::clock::Micros;

use super::Departure;

/// Before anything was acknowledged: four frames of 720p at 2 Mbit/s take half a second.
const START_BYTES: usize = 128 << 10;
/// The first acknowledgement may take that long: the connection and the topic's leader may still be looked for.
const START_PATIENCE: Duration = Duration::from_secs(1);
/// A link has shown that it carries a rate for that long. Unsteady links are late now and then, not slow.
const RATE_KEPT: Duration = Duration::from_secs(1);
const RATE_SLOTS: usize = 4;
/// What takes that many times as long as is wanted is no jitter: the link has become slower.
const SLOWER: u32 = 2;
/// A frame alone takes as long as the quickest of that many: a broker may be slow once.
const ALONE_KEPT: usize = 4;
/// Beyond what a frame alone takes, for the window to grow where that is for the distance.
const MARGIN_MAX: Duration = Duration::from_millis(150);
/// Where it decides how much is in flight, what a frame alone takes is measured that often: the link must be empty for it.
const MEASURE_EVERY: Duration = Duration::from_secs(10);
/// Where frames are in flight one at a time, two are tried after that many, and not more often than that: only so it shows
/// whether it is the distance that takes the time.
const TRY_AFTER_FRAMES: u32 = 10;
const TRY_EVERY: Duration = Duration::from_secs(3);
/// Two that take that long each would be too old.
const TRY_TOOK_MAX: Duration = Duration::from_millis(700);

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Window {
    wanted: Duration,
    bytes: f64,
    /// No frame took too long yet: the window doubles with each round trip.
    starting: bool,
    rates: RecentMax,
    /// What frames took that were in flight alone, the last one first. Others can only show that it is less.
    alone: [Option<Duration>; ALONE_KEPT],
    alone_bytes: usize,
    alone_at: Micros,
    together_at: Micros,
    /// What the last frame took.
    took: Option<Duration>,
}

impl Window {
    pub(super) fn new(wanted: Duration) -> Window {
        Window {
            wanted,
            bytes: START_BYTES as f64,
            starting: true,
            rates: RecentMax::default(),
            alone: [None; ALONE_KEPT],
            alone_bytes: 0,
            alone_at: Micros(0),
            together_at: Micros(0),
            took: None,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes as usize
    }

    /// How long frames may take.
    pub(super) fn time(&self) -> Duration {
        let Some(alone) = self.alone.iter().flatten().min() else { return self.wanted };
        let sending = Duration::from_secs_f64(self.alone_bytes as f64 / self.rates.max().max(1.0));
        let distance = alone.saturating_sub(sending);
        self.wanted.max(*alone + (distance / 2).min(MARGIN_MAX))
    }

    /// Behind a frame that takes longer than that, no other is sent.
    pub(super) fn patience(&self) -> Duration {
        if self.took.is_some() { self.time() } else { self.time().max(START_PATIENCE) }
    }

    /// Whether the next frame is to be in flight alone.
    pub(super) fn wants_alone(&self, now: Micros) -> bool {
        self.time() > self.wanted && now.since(self.alone_at) > MEASURE_EVERY
    }

    /// Whether a second frame is to be in flight, even if it does not fit.
    pub(super) fn wants_together(&self, now: Micros) -> bool {
        let Some(took) = self.took.filter(|took| *took <= TRY_TOOK_MAX) else { return false };
        now.since(self.together_at) > TRY_EVERY.max(TRY_AFTER_FRAMES * took)
    }

    pub(super) fn sent(&mut self, frame: &Departure) {
        if frame.is_alone() {
            self.alone_at = frame.at;
        } else {
            self.together_at = frame.at;
        }
    }

    pub(super) fn acknowledged(&mut self, frame: &Departure, now: Micros) {
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

    /// One frame at a time, until it is known again what the link carries: it may still be busy with this one.
    pub(super) fn timed_out(&mut self) {
        self.bytes = 0.0;
        self.starting = true;
        self.took = None;
    }
}

/// The largest value of the last [`RATE_KEPT`], or the last one if that is longer ago.
#[derive(Clone, PartialEq, Default, Debug)]
struct RecentMax {
    /// The newest first.
    slots: [f64; RATE_SLOTS],
    /// Of the newest slot.
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
