//! The sums of what was seen: the left side of the books.

/// Sums over sessions: what should have come, and what did. The left side of the books.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Frames that arrived whole.
    pub whole: u64,
    /// Frames of which a part arrived, and not all.
    pub torn: u64,
    /// Frames that never arrived, and that nobody dropped or skipped.
    pub lost: u64,
    /// Frames that were left out on purpose: not expected, and not lost.
    pub skipped: u64,
    /// Parts and frames that came once more.
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

    /// Every frame that the producer numbered and that nobody dropped or skipped.
    pub fn expected(&self) -> u64 {
        self.whole.saturating_add(self.torn).saturating_add(self.lost)
    }
}
