//! The explanation of p99 in a report. The `explain` crate finds it.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use super::ClientFacts;
use crate::words::ms;

/// Largest number of findings in the text; scripts get all of them.
const SHOWN_MAX: usize = 3;

/// One reason why the slow frames are slow.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Name of a stage, or `acknowledge`.
    pub stage: String,
    /// Time that this reason accounts for, in µs.
    pub share_us: u64,
    /// The whole time: the mean of the slowest hundredth of frames, or the time to the acknowledgement at p99.
    pub of_us: u64,
    /// True if frames at p50 have it too. Then it is reported even if the slowest frames have another reason.
    #[serde(default)]
    pub always: bool,
    pub cause: String,
    pub evidence: String,
    pub advice: String,
}

/// The explanation of p99, with the largest reason first.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Explain {
    /// The explanation in one line, even if nothing stands out.
    pub summary: String,
    pub findings: Vec<Finding>,
    /// Figures of the Kafka client, if it reported any.
    pub client: ClientFacts,
    /// True if the explanation is to be printed too.
    #[serde(skip)]
    pub printed: bool,
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { stage, share_us, of_us, cause, evidence, advice, always: _ } = self;
        let place = match stage.as_str() {
            "capture" => "between due and captured",
            "encode" => "between captured and encoded",
            "publish" => "between encoded and published",
            "broker" => "between published and received",
            "reassemble" => "putting parts together",
            "decode" => "decoding",
            "present" => "presenting",
            _ => "between published and acknowledged",
        };
        write!(f, "{} of {} ms at p99 are {place}: {cause} ({evidence}): {advice}", ms(*share_us), ms(*of_us))
    }
}

impl Display for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.findings.is_empty() {
            return writeln!(f, "  why p99  {}", self.summary);
        }
        for (n, finding) in self.findings.iter().take(SHOWN_MAX).enumerate() {
            writeln!(f, "  {}  {finding}", if n == 0 { "why p99" } else { "       " })?;
        }
        Ok(())
    }
}
