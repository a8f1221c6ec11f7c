//! The start position of a tail.

/// The position at which reading begins in each partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Position {
    Beginning,
    /// After the last record.
    End,
    /// At the last record.
    Newest,
    At(i64),
    /// This many records before the end.
    Last(i64),
    /// The first record with this timestamp or a later one, in ms since 1970.
    Time(i64),
}
