//! Publishing: the frames in flight, the outcome of each frame, and the session.
//!
//! ```text
//! Frame ─SessionWriter─▶ records ─▶ librdkafka ═══▶ broker
//!                          │ a ticket each            │
//!                  in flight (a bound) ◀──delivery────┘─▶ ledger: books, histograms, rows
//! ```

mod delivery;
mod in_flight;
mod ledger;
mod limit;
mod publisher;
mod session;
mod state;
mod topic;
mod window;
#[cfg(test)]
mod window_tests;

pub use self::limit::{LimitTooSmall, MessageLimit};
pub use self::publisher::{CLIENT_ID, DropPolicy, FramePublisher, PublishOptions};
pub use self::session::SessionWriter;
pub use self::topic::{TopicError, TopicKeeper, TopicOptions};
