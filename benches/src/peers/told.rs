//! What a consumer tells of itself: vidcons' report, and the same few fields from the Python scripts.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use common::report::Summary;
use common::stamps::Stage;
use serde::Deserialize;

#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Told {
    pub frames: Frames,
    pub latency_us: Latencies,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Frames {
    pub shown: u64,
    /// By reason.
    #[serde(default)]
    pub lost: BTreeMap<String, u64>,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Latencies {
    pub total: Summary,
    #[serde(default)]
    pub stages: BTreeMap<String, Summary>,
}

impl Told {
    pub fn read(file: &Path) -> anyhow::Result<Told> {
        let text = std::fs::read_to_string(file).context("the consumer left no report")?;
        serde_json::from_str(&text).context("the consumer's report does not read")
    }

    /// captured → decoded, without a screen.
    ///
    /// The Python scripts time just that. vidcons tells due → decoded: what every frame spent at least on being
    /// captured is taken off, so that this is never less than it was.
    pub fn captured_to_decoded(&self) -> Summary {
        let Summary { count, min, mean, p50, p90, p99, p999, max } = self.latency_us.total;
        let capture = self.latency_us.stages.get(Stage::Capture.name()).map_or(0, |stage| stage.min);
        let less = |us: u64| us.saturating_sub(capture);
        Summary {
            count,
            min: less(min),
            mean: (mean - capture as f64).max(0.0),
            p50: less(p50),
            p90: less(p90),
            p99: less(p99),
            p999: less(p999),
            max: less(max),
        }
    }

    /// `2 superseded, 1 lost`; empty if none was.
    pub fn losses(&self) -> String {
        let some = self.frames.lost.iter().filter(|(_, count)| **count > 0);
        some.map(|(reason, count)| format!("{count} {reason}")).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_never_less_than_it_was() {
        let summary = |us: u64| {
            let values = ["min", "mean", "p50", "p90", "p99", "p999", "max"].map(|name| format!(r#""{name}":{us}"#));
            format!(r#"{{"count":3,{}}}"#, values.join(","))
        };
        let (total, capture) = (summary(5000), summary(400));
        let lost = r#"{"superseded":2,"late":0}"#;
        let latency = format!(r#"{{"total":{total},"stages":{{"capture":{capture}}}}}"#);
        let text = format!(r#"{{"frames":{{"shown":3,"lost":{lost}}},"latency_us":{latency}}}"#);
        let told: Told = serde_json::from_str(&text).unwrap();
        assert_eq!((told.captured_to_decoded().p99, told.losses().as_str()), (4600, "2 superseded"));
        let told: Told =
            serde_json::from_str(&format!(r#"{{"frames":{{"shown":3}},"latency_us":{{"total":{total}}}}}"#)).unwrap();
        assert_eq!((told.captured_to_decoded().p50, told.losses().as_str()), (5000, ""));
    }
}
