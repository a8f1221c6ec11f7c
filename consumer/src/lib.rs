//! Watches video in a Kafka topic.
//!
//! ```text
//! broker ═══▶ TopicReader ─TopicRecord─▶ Engine ─PendingFrame─▶ Viewport (a window, or headless)
//!                                          │   └──────────────▶ FileOutputs (lines, JPEGs, pictures)
//!                                          └─ Snapshot ─▶ status line, title, overlay, report
//! ```

pub mod canvas;
pub mod engine;
pub mod files;
pub mod reader;
pub mod status;
#[cfg(feature = "window")]
pub mod window;

pub use common::time::{Clock, Micros, SystemClock};

pub use self::engine::{Engine, EngineOptions};
pub use self::reader::{ReadError, ReaderOptions, TopicReader};
