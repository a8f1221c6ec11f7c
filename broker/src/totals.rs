//! Counts of what a broker has done since its start, for the report at its end.

/// Records, and their bytes in the log.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Dropped {
    pub records: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Totals {
    /// Appended to a log.
    pub records_in: u64,
    /// Sent to readers; a record counts for each of them. Of a batch in whose middle a reader begins all records count.
    pub records_out: u64,
    pub connections: u64,
    /// Of those at the same time.
    pub connections_peak: usize,
    /// As there were as many connections as there may be.
    pub turned_away: u64,
    /// By the broker, with a line in the log: for what they sent, as they were silent in the middle of something, or as their
    /// memory was needed.
    pub cut_off: u64,
    /// What was counted in memory at most.
    pub memory_peak: usize,
    /// The oldest records that made room in memory for new ones.
    pub evicted: Dropped,
    /// Records that retention dropped.
    pub expired: Dropped,
}
