//! Frames, their conversion to Kafka records and back, and the reassembly of frames that were split.
//!
//! ```text
//! Frame ─split─▶ Record …  ═══▶  Record … ─read─▶ Part … ─reassemble─▶ Frame
//! ```

mod frame;
mod headers;
mod ranges;
pub mod reassemble;
pub mod record;

pub use self::frame::{End, Frame, Kind, Meta, Origin, Session, jpeg_size};
pub use self::headers::Headers;
pub use self::reassemble::{Ended, Limits, Pushed, Reassembler, Sighting, Tally};
pub use self::record::{Incoming, Part, Record, Rejected};
