//! Frames, their conversion to Kafka records and back, and the reassembly of frames that were split.
//!
//! ```text
//! Frame ─split─▶ Record …  ═══▶  Record … ─read─▶ Part … ─reassemble─▶ Frame
//! ```

mod codec;
mod drop_rule;
mod frame;
mod headers;
mod ranges;
pub mod reassemble;
pub mod record;

pub use self::codec::Codec;
pub use self::drop_rule::DropRule;
pub use self::frame::{End, Frame, FrameKind, Meta, Origin, Session};
pub use self::headers::Headers;
pub use self::reassemble::{Ended, Limits, Pushed, Reassembler, SessionState, Tally};
pub use self::record::{Incoming, Part, Record, Rejected};
