//! The input of the charts, and their error.

use std::fmt::Display;

use common::report::Report;
use common::time::{Latencies, Latency, Stage, StageBreakdown, Timeline};

/// The data of a picture.
#[derive(Clone, Copy, Debug)]
pub struct Figure<'a> {
    pub report: &'a Report,
    pub latencies: &'a Latencies,
    /// published → acknowledged (vidprod).
    pub acknowledge: Option<&'a Latency>,
    pub stages: &'a [Stage],
    pub timeline: &'a Timeline,
    pub breakdown: &'a StageBreakdown,
}

#[derive(Debug, thiserror::Error)]
#[error("drawing the charts: {0}")]
pub struct ChartError(String);

impl ChartError {
    pub(crate) fn new(error: impl Display) -> ChartError {
        ChartError(error.to_string())
    }
}
