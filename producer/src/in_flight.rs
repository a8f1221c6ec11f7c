//! The frames in flight, from handed over to acknowledged, and whether there is room for another.
//!
//! A file's or pipe's frames are bounded in bytes alone: each of them has to arrive, and none is too old. A live source's
//! are bounded in time, by a [`Window`]: on a link that is slower than the source, what is in flight is what the next
//! frame waits for.

mod window;
#[cfg(test)]
mod window_tests;

use std::collections::VecDeque;
use std::time::Duration;

use common::clock::Micros;

use window::Window;

/// Of a file's or pipe's frames: this much, and never less than two of the largest.
const BYTES_MAX: usize = 4 << 20;
/// Of a live source's it is time that counts. This bounds the memory: 80 MB/s over a round trip of 200 ms.
const LIVE_BYTES_MAX: usize = 16 << 20;

/// A frame that was handed over, with what its acknowledgement is judged by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Departure {
    number: u64,
    pub at: Micros,
    bytes: usize,
    /// All that was in flight then, this frame included.
    in_flight: usize,
}

impl Departure {
    /// Nothing else was in flight.
    fn is_alone(&self) -> bool {
        self.in_flight == self.bytes
    }
}

/// What became of a frame that was in flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    Acknowledged,
    /// Nothing was heard of it.
    TimedOut,
    /// It was answered, and says nothing of how much the link carries.
    Refused,
}

#[derive(Debug, Default)]
pub struct InFlight {
    /// Oldest first.
    frames: VecDeque<Departure>,
    bytes: usize,
    largest: usize,
    /// The last frame's size: what the next is likely to have.
    last: usize,
    number: u64,
    /// `None`: bounded in bytes alone.
    window: Option<Window>,
}

impl InFlight {
    /// `time`: how long a live source's frames may take; `None` where every frame has to arrive.
    pub fn new(time: Option<Duration>) -> InFlight {
        InFlight { window: time.map(Window::new), ..InFlight::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether another frame may be handed over. One always may.
    pub fn has_room(&self, now: Micros) -> bool {
        let Some(oldest) = self.frames.front() else { return true };
        match &self.window {
            None => self.bytes + self.largest <= BYTES_MAX.max(2 * self.largest),
            Some(window) => {
                let bytes_max = window.bytes().min(LIVE_BYTES_MAX.max(2 * self.largest));
                // Rounded to whole frames: half a frame more is no worse than half a frame less.
                let fits = self.bytes + self.last / 2 <= bytes_max;
                (fits || self.frames.len() == 1 && window.wants_together(now))
                    && now.since(oldest.at) <= window.patience()
                    && !window.wants_alone(now)
            }
        }
    }

    /// A frame is handed over.
    pub fn enter(&mut self, bytes: usize, now: Micros) -> Departure {
        self.number += 1;
        self.bytes += bytes;
        self.largest = self.largest.max(bytes);
        self.last = bytes;
        let departure = Departure { number: self.number, at: now, bytes, in_flight: self.bytes };
        self.frames.push_back(departure);
        if let Some(window) = &mut self.window {
            window.sent(&departure);
        }
        departure
    }

    /// It is known what became of it.
    pub fn leave(&mut self, departure: Departure, fate: Fate, now: Micros) {
        // Nearly always the first: a broker answers in order.
        let Some(index) = self.frames.iter().position(|frame| frame.number == departure.number) else { return };
        self.frames.remove(index);
        self.bytes -= departure.bytes;
        let Some(window) = &mut self.window else { return };
        match fate {
            Fate::Acknowledged => window.acknowledged(&departure, now),
            Fate::TimedOut => window.timed_out(),
            Fate::Refused => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Micros = Micros(1_000_000);

    #[test]
    fn a_files_frames_are_bounded_in_bytes_however_long_they_take() {
        let mut file = InFlight::new(None);
        let mut frames = Vec::new();
        while file.has_room(START.plus(Duration::from_secs(60))) {
            frames.push(file.enter(1 << 20, START));
        }
        assert_eq!(frames.len(), 4);
        file.leave(frames[1], Fate::TimedOut, START);
        assert!(file.has_room(START));
    }

    #[test]
    fn two_frames_may_be_in_flight_however_large_they_are() {
        let mut file = InFlight::new(None);
        file.enter(20 << 20, START);
        assert!(file.has_room(START));
        file.enter(20 << 20, START);
        assert!(!file.has_room(START));
    }

    #[test]
    fn one_live_frame_always_has_room() {
        let mut live = InFlight::new(Some(Duration::from_millis(300)));
        assert!(live.has_room(START));
        let frame = live.enter(20 << 20, START);
        assert!(!live.has_room(START));
        live.leave(frame, Fate::TimedOut, START.plus(Duration::from_secs(2)));
        assert!(live.is_empty() && live.has_room(START.plus(Duration::from_secs(2))));
    }

    #[test]
    fn a_frame_that_nobody_answers_holds_others_back() {
        let mut live = InFlight::new(Some(Duration::from_millis(300)));
        for n in 0..10 {
            let at = START.plus(Duration::from_millis(33 * n));
            let frame = live.enter(1000, at);
            live.leave(frame, Fate::Acknowledged, at.plus(Duration::from_millis(2)));
        }
        let silent = START.plus(Duration::from_secs(1));
        live.enter(1000, silent);
        assert!(live.has_room(silent.plus(Duration::from_millis(299))));
        assert!(!live.has_room(silent.plus(Duration::from_millis(301))));
    }
}
