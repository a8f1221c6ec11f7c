//! Pixels to one plain JPEG and back. Knows nothing of video or Kafka.

/// How much finer luma is than chroma.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Subsampling {
    #[default]
    S420,
    S422,
    S444,
    /// No chroma at all.
    Gray,
}
