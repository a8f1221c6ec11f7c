//! The input of an engine: its settings, and records with their position.

use common::time::{Clock, Stage};
use common::wire::{Origin, Record};

/// The stages of a frame that is decoded and not presented.
pub const HEADLESS_STAGES: &[Stage] =
    &[Stage::Capture, Stage::Encode, Stage::Publish, Stage::Broker, Stage::Reassemble, Stage::Decode];

/// The settings of an engine.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Name of the topic, for messages.
    pub topic: String,
    /// The sources to show: the first one that is there. Empty for any source.
    pub sources: Vec<String>,
    /// The clock of the times that the engine is given.
    pub clock: Origin,
    /// The stages that a shown frame goes through. Their sum is its latency.
    pub stages: &'static [Stage],
    /// Number of shown frames that are left out of the histograms, because the programs warm up.
    pub warmup_frames: u64,
    /// True if other members of a group may read the records between two of ours. Those do not count as lost.
    pub is_shared: bool,
    /// True if frames are printed as they arrive, and counted for that.
    pub prints: bool,
}

impl EngineOptions {
    /// Shows any source of this topic. `clock` is the clock of the times that the engine gets.
    pub fn new(topic: &str, clock: &dyn Clock) -> EngineOptions {
        EngineOptions {
            topic: topic.to_owned(),
            sources: Vec::new(),
            clock: Origin { boot: clock.boot_id().into(), wall_offset_us: clock.wall_offset_us() },
            stages: HEADLESS_STAGES,
            warmup_frames: 0,
            is_shared: false,
            prints: false,
        }
    }
}

/// A record with its position in the topic.
#[derive(Clone, PartialEq, Debug)]
pub struct TopicRecord {
    /// The record.
    pub record: Record,
    /// Number of its partition.
    pub partition: i32,
    /// Its offset in the partition.
    pub offset: i64,
    /// When it was published.
    pub era: Era,
}

/// When a record was published, compared with our start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Era {
    /// Before we joined the live stream. Its age is no latency.
    BeforeUs,
    /// At any time, because recorded frames are read.
    History,
    /// After we joined the live stream.
    Live,
}
