//! Accounting: what each frame came to, on both sides.

mod interval;
mod ledger;

pub use self::interval::FrameInterval;
pub use self::ledger::{Loss, Losses, ProducerBooks, SourceBooks};
