//! Accounting: the outcome of each frame, for producers and viewers.

mod interval;
mod ledger;

pub use self::interval::FrameInterval;
pub use self::ledger::{Loss, Losses, ProducerBooks, SourceBooks};
