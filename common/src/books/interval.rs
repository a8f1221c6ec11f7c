//! The time between frames, by their due times.

use std::time::Duration;

use crate::time::Micros;
use crate::wire::{Meta, Session};

/// The time between the due times of a session's frames.
#[derive(Clone, Copy, Default, Debug)]
pub struct FrameInterval {
    session: Option<Session>,
    first: (u64, Micros),
    last: (u64, Micros),
}

impl FrameInterval {
    pub fn enter(&mut self, meta: &Meta) {
        self.last = (meta.frame, meta.stamps.due);
        if self.session.replace(meta.session) != Some(meta.session) {
            self.first = self.last;
        }
    }

    pub fn interval(&self) -> Option<Duration> {
        let frames = u32::try_from(self.last.0.checked_sub(self.first.0)?).ok().filter(|n| *n > 0)?;
        Some(self.last.1.since(self.first.1) / frames).filter(|interval| !interval.is_zero())
    }
}
