//! Clocks, the timestamps and stages of a frame, and figures over time: latencies, rates, percentiles, timelines.

mod breakdown;
pub mod clock;
pub mod latency;
pub mod period;
pub mod rate;
mod slowest;
mod stamps;
mod timeline;

pub use self::breakdown::StageBreakdown;
pub use self::clock::{Clock, ManualClock, Micros, SystemClock};
pub use self::latency::{Distribution, Latencies, Latency, Recent, RecentLatency, TimeBase};
pub use self::period::{Percentiles, Period, PeriodFigures};
pub use self::rate::{PerSecond, Rate};
pub use self::slowest::{Slowest, TailStages};
pub use self::stamps::{Stage, Stamps, Tiles};
pub use self::timeline::{Second, Timeline};

/// A speed of playback: a multiple of the source's own pace, or as fast as possible.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Speed {
    Times(f64),
    Max,
}
