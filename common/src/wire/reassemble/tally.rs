//! The sums of the frames seen and expected.

/// Sums over sessions: frames that should have arrived, and those that did.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Frames that arrived whole.
    pub whole: u64,
    /// Frames of which some parts arrived, but not all.
    pub torn: u64,
    /// Frames that never arrived, and were neither dropped nor skipped.
    pub lost: u64,
    /// Frames skipped on purpose: neither expected nor lost.
    pub skipped: u64,
    /// Parts and frames that arrived more than once.
    pub duplicates: u64,
}

impl Tally {
    #[must_use]
    pub fn plus(self, other: Tally) -> Tally {
        Tally {
            whole: self.whole.saturating_add(other.whole),
            torn: self.torn.saturating_add(other.torn),
            lost: self.lost.saturating_add(other.lost),
            skipped: self.skipped.saturating_add(other.skipped),
            duplicates: self.duplicates.saturating_add(other.duplicates),
        }
    }

    /// Number of frames that the producer numbered and that were neither dropped nor skipped.
    pub fn expected(&self) -> u64 {
        self.whole.saturating_add(self.torn).saturating_add(self.lost)
    }
}
