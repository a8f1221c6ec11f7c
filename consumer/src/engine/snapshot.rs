//! The present state of an engine. Status line, title, overlay and reports are all made from it.

use std::collections::BTreeMap;
use std::time::Duration;

use common::books::{FrameInterval, Loss, SourceBooks};
use common::report::{Sums, viewer_losses};
use common::time::{RecentLatency, Stage, TimeBase};
use common::wire::Tally;

use super::tracks::SourcePosition;

/// The state of the shown stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StreamState {
    /// No picture has arrived yet.
    Waiting {
        /// The reason, if known.
        why: Option<String>,
    },
    /// Frames arrive.
    Live {
        /// Length of a silence that has just ended.
        back_after: Option<Duration>,
    },
    /// The user has paused.
    Paused,
    /// No frame has arrived for a while.
    Silent {
        /// Time since the last frame.
        age: Duration,
        /// The reason, if known.
        why: Option<String>,
    },
    /// The session ended.
    Ended {
        /// Time since its end.
        ago: Duration,
        /// The reason why no other session can be seen, if known.
        why: Option<String>,
    },
}

/// The present state of an engine. It borrows the books, because a copy of their histograms would cost more than all else
/// here.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    /// Name of the topic.
    pub topic: &'a str,
    /// State of the shown stream.
    pub state: StreamState,
    /// The source that is shown, or will be.
    pub source: Option<&'a str>,
    /// Its position among the live sources, if there are others.
    pub position: Option<SourcePosition>,
    /// Size of the picture on the screen.
    pub size: Option<(usize, usize)>,
    /// Frame rate of the last frames.
    pub fps: Option<f64>,
    /// Latency of the same frames.
    pub latency: RecentLatency,
    /// The way in which the clocks of producer and viewer are compared for this source.
    pub base: TimeBase,
    /// Number of all pictures put on the screen, including repeated ones.
    pub displayed: u64,
    /// The counts of all sources together.
    pub total: SourceSnapshot<'a>,
    /// The counts of each source, by its name.
    pub sources: BTreeMap<&'a str, SourceSnapshot<'a>>,
    /// Number of records that are invalid, or no frames.
    pub rejected: u64,
    /// Frame interval of the source that is shown.
    pub interval: FrameInterval,
    /// The stages that a shown frame goes through.
    pub stages: &'static [Stage],
}

/// The two counts of a source: of the frames that its producer numbered, and of those that arrived.
#[derive(Clone, Copy, Debug)]
pub struct SourceSnapshot<'a> {
    /// The frames that arrived: shown, or lost for a reason.
    pub books: &'a SourceBooks,
    /// The frames that should have arrived.
    pub tally: Tally,
}

impl SourceSnapshot<'_> {
    /// True if each frame that arrived was counted exactly once.
    pub fn is_balanced(&self) -> bool {
        self.books.balanced(&self.tally)
    }

    /// Number of frames that arrived and were to be shown, but were not.
    pub fn dropped(&self) -> u64 {
        self.books.losses.sum() - self.books.losses.of(Loss::Unselected)
    }

    /// Number of frames that never arrived completely.
    pub fn lost(&self) -> u64 {
        self.tally.lost.saturating_add(self.tally.torn)
    }

    /// Number of frames that were not shown, by reason.
    pub fn losses(&self) -> BTreeMap<String, u64> {
        viewer_losses(self.books, &self.tally)
    }
}

impl Snapshot<'_> {
    /// True if each frame that arrived was counted exactly once, for every source and in total.
    pub fn is_balanced(&self) -> bool {
        self.total.is_balanced() && self.sources.values().all(SourceSnapshot::is_balanced)
    }

    /// The figures for the report: of all sources, and of each.
    pub fn sums(&self) -> (Sums, BTreeMap<String, Sums>) {
        let of = |source: &SourceSnapshot<'_>| Sums::viewer(source.books, &source.tally, self.stages);
        let mut total = of(&self.total);
        total.counts.rejected = self.rejected;
        total.balanced = self.is_balanced();
        (total, self.sources.iter().map(|(name, source)| ((*name).to_owned(), of(source))).collect())
    }
}
