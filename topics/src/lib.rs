//! The topics of a Kafka, and the sources in them, found from few of their records.
//!
//! ```text
//! Admin ─topics─▶ list ─▶ a line for each topic and each source
//!                  ▲
//! Tail ─records────┘   the newest of each partition, and then a few from further back
//! ```

mod list;

pub use self::list::{ListOptions, Listed, SourceFigures, Sources, described, for_each_topic, list};
