//! The broker's counts since its start, for the report at its end.

/// Number of records dropped, and their bytes in the log.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Dropped {
    pub records: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Totals {
    /// Number of records appended to a log.
    pub records_in: u64,
    /// Number of records sent to readers, counted for each reader. If a reader begins in the middle of a batch, all
    /// records of the batch count.
    pub records_out: u64,
    pub connections: u64,
    /// Largest number of simultaneous connections.
    pub connections_peak: usize,
    /// Number of connections refused because of the limit on connections.
    pub turned_away: u64,
    /// Number of connections closed by the broker, each with a log line: because of invalid requests, silence in the
    /// middle of a request or answer, or because their memory was needed.
    pub cut_off: u64,
    /// Largest amount of counted memory.
    pub memory_peak: usize,
    /// Oldest records, dropped to make room in memory for new ones.
    pub evicted: Dropped,
    /// Records dropped by retention.
    pub expired: Dropped,
}
