//! The frames in flight, from sending to acknowledgement, and the decision whether another frame may be sent.
//!
//! The frames of a file or pipe are limited by their bytes alone: every one has to arrive, and none can be too old. The
//! frames of a live source are limited by time, with a [`LinkWindow`]: on a link that is slower than the source, the next
//! frame has to wait for everything in flight.

use std::collections::VecDeque;
use std::time::Duration;

use common::time::Micros;
use kafka::Delivery;

use super::window::{InFlightFrame, LinkWindow};

/// Limit for a file or pipe, in bytes. Two of the largest frames are always allowed.
const BYTES_MAX: usize = 4 << 20;
/// Upper limit for a live source, which is limited by time. It bounds the memory, and allows 80 MB/s over a round trip
/// of 200 ms.
const LIVE_BYTES_MAX: usize = 16 << 20;

#[derive(Debug, Default)]
pub struct InFlight {
    /// Oldest first.
    frames: VecDeque<InFlightFrame>,
    bytes: usize,
    largest: usize,
    /// Size of the last frame, used as an estimate of the next.
    last: usize,
    number: u64,
    /// `None` if only bytes are limited.
    window: Option<LinkWindow>,
}

impl InFlight {
    /// `time` is the time that a live source's frames may take; `None` if every frame has to arrive.
    pub fn new(time: Option<Duration>) -> InFlight {
        InFlight { window: time.map(LinkWindow::new), ..InFlight::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub fn frames_and_bytes(&self) -> (usize, usize) {
        (self.frames.len(), self.bytes)
    }

    /// True if another frame may be sent. One frame is always allowed.
    pub fn has_room(&self, now: Micros) -> bool {
        let Some(oldest) = self.frames.front() else { return true };
        match &self.window {
            None => self.bytes + self.largest <= BYTES_MAX.max(2 * self.largest),
            Some(window) => {
                let bytes_max = window.bytes().min(LIVE_BYTES_MAX.max(2 * self.largest));
                // Rounds to whole frames, so the window is exceeded or missed by half a frame at most.
                let fits = self.bytes + self.last / 2 <= bytes_max;
                (fits || self.frames.len() == 1 && window.wants_together(now))
                    && now.since(oldest.at) <= window.patience()
                    && !window.wants_alone(now)
            }
        }
    }

    /// Adds a frame that is sent.
    pub fn enter(&mut self, bytes: usize, now: Micros) -> InFlightFrame {
        self.number += 1;
        self.bytes += bytes;
        self.largest = self.largest.max(bytes);
        self.last = bytes;
        let frame = InFlightFrame { number: self.number, at: now, bytes, in_flight: self.bytes };
        self.frames.push_back(frame);
        if let Some(window) = &mut self.window {
            window.sent(&frame);
        }
        frame
    }

    /// Removes a frame that was delivered, or could not be.
    pub fn leave(&mut self, frame: InFlightFrame, delivery: &Delivery, now: Micros) {
        // Brokers answer in order, so this is nearly always the first.
        let Some(index) = self.frames.iter().position(|other| other.number == frame.number) else { return };
        self.frames.remove(index);
        self.bytes -= frame.bytes;
        let Some(window) = &mut self.window else { return };
        match delivery {
            Delivery::Acknowledged => window.acknowledged(&frame, now),
            Delivery::Late => window.timed_out(),
            // The broker's answer to a frame that it refuses shows nothing about the rate of the link.
            Delivery::NoTopic | Delivery::TooLarge | Delivery::Refused(_) | Delivery::Forbidden(_) => {}
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
        file.leave(frames[1], &Delivery::Late, START);
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
        live.leave(frame, &Delivery::Late, START.plus(Duration::from_secs(2)));
        assert!(live.is_empty() && live.has_room(START.plus(Duration::from_secs(2))));
    }

    #[test]
    fn an_unanswered_frame_holds_others_back() {
        let mut live = InFlight::new(Some(Duration::from_millis(300)));
        for n in 0..10 {
            let at = START.plus(Duration::from_millis(33 * n));
            let frame = live.enter(1000, at);
            live.leave(frame, &Delivery::Acknowledged, at.plus(Duration::from_millis(2)));
        }
        let silent = START.plus(Duration::from_secs(1));
        live.enter(1000, silent);
        assert!(live.has_room(silent.plus(Duration::from_millis(299))));
        assert!(!live.has_room(silent.plus(Duration::from_millis(301))));
    }
}
