//! The capture thread: takes pictures from the source and hands each over when it is due.

use std::sync::PoisonError;

use common::books::Loss;
use common::time::Micros;

use super::{LOOK_UP, OnDrop, Run};
use crate::encode::Shot;
use crate::options::Options;
use crate::pace::{Pace, Pacer};
use crate::source::{Source, SourceTiming};

impl Run {
    /// Takes pictures from the source, waits until each is due, and hands it over to the encoder.
    pub(super) fn capture(&self, mut source: Source, options: &Options) -> anyhow::Result<()> {
        let _close = OnDrop(|| self.queue.close());
        let kind = source.about().timing;
        // A file applies the duration itself, because it may be played several times.
        let duration = options.source.duration.filter(|_| kind != SourceTiming::File);
        let mut pacer = match (kind, options.pace) {
            (SourceTiming::File, pace) => Some(Pacer::new(pace)),
            // A pipe and a camera set their own pace, unless the user gives a rate for the pipe.
            (SourceTiming::Pipe, pace @ Pace::Rate(_)) => Some(Pacer::new(pace)),
            _ => None,
        };
        for frame in 0.. {
            let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            let asked = self.clock.now();
            let Some(shot) = source.next(spare)? else { break };
            let took = self.clock.now().since(asked);
            if duration.is_some_and(|d| shot.pts >= d) {
                break;
            }
            let due = match &mut pacer {
                Some(pacer) => pacer.due(shot.pts, self.clock.now()),
                None => shot.due.unwrap_or_else(|| self.clock.now()),
            };
            if !self.sleep_until(due) {
                break;
            }
            let captured = shot.captured.unwrap_or_else(|| self.clock.now());
            let shot = Shot { picture: shot.picture, frame, number: shot.number, pts: shot.pts, due, captured };
            if !self.hand_over(shot) || !pacer.as_mut().is_none_or(|pacer| self.sleep_until(pacer.rest(took))) {
                break;
            }
        }
        Ok(())
    }

    /// Returns false if the program is to end before that time.
    fn sleep_until(&self, due: Micros) -> bool {
        while !self.shutdown.asked() {
            let now = self.clock.now();
            if due <= now {
                return true;
            }
            self.clock.sleep_until(due.min(now.plus(LOOK_UP)));
        }
        false
    }

    /// Returns false if the encoder takes no more frames.
    fn hand_over(&self, shot: Shot) -> bool {
        let captured_at = shot.captured;
        if self.every_frame {
            let refused = self.queue.send_wait(shot);
            if refused.is_none() {
                self.shared.lock().books.capture(captured_at);
            }
            return refused.is_none();
        }
        let displaced = {
            // Counted before the encoder can see the new frame, as its record says how many frames were dropped before
            // it.
            let mut state = self.shared.lock();
            state.books.capture(captured_at);
            // A picture that is not encoded yet depends on no other.
            let displaced = self.queue.send(shot, true);
            displaced.iter().for_each(|_| state.books.losses.add(Loss::Superseded));
            displaced
        };
        if let Some(displaced) = displaced {
            self.recycle(displaced.picture);
        }
        !self.queue.is_closed()
    }
}
