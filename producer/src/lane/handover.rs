//! The queue between the two threads of a lane: the captured picture between them, and pictures whose memory is free.

use std::sync::{Mutex, PoisonError};

use common::latest::Latest;

use crate::picture::{CapturedPicture, Picture};

#[derive(Default)]
pub(super) struct Handover {
    pub queue: Latest<CapturedPicture>,
    /// Pictures that were encoded or superseded, whose memory is reused.
    spare: Mutex<Vec<Picture>>,
}

impl Handover {
    pub fn recycle(&self, picture: Picture) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(picture);
    }

    pub fn spare(&self) -> Picture {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }
}

/// Closes the queue when a thread ends, even by a panic.
pub(super) struct CloseOnDrop<'a>(pub &'a Handover);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.queue.close();
    }
}
