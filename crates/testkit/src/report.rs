//! The JSON reports, read by field names as a script would.

use std::path::Path;

use serde_json::Value;

#[derive(Clone, Debug)]
pub struct JsonReport(pub Value);

impl JsonReport {
    pub fn read(path: &Path) -> JsonReport {
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("no report at {}: {e}", path.display()));
        JsonReport(
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{} is not JSON: {e}\n{text}", path.display())),
        )
    }

    /// The number at a path such as `frames.shown`, `counts.rejected`, `frames.lost.torn`.
    #[track_caller]
    pub fn number(&self, path: &str) -> u64 {
        let value = path.split('.').try_fold(&self.0, |value, name| value.get(name));
        value.and_then(Value::as_u64).unwrap_or_else(|| panic!("no number {path} in {:#}", self.0))
    }

    /// The part of the report for one source.
    #[track_caller]
    pub fn source(&self, name: &str) -> JsonReport {
        let source = self.0.get("sources").and_then(|all| all.get(name));
        JsonReport(source.unwrap_or_else(|| panic!("no source {name} in {:#}", self.0)).clone())
    }

    #[track_caller]
    pub fn lost(&self) -> u64 {
        let lost = self.0["frames"]["lost"].as_object().unwrap_or_else(|| panic!("no frames.lost in {:#}", self.0));
        lost.values().map(|n| n.as_u64().expect("losses are counts")).sum()
    }

    /// Checks that the counts balance, by the report's own field and by its figures, in total and for each source.
    #[track_caller]
    pub fn assert_books_balance(&self) {
        self.assert_one_balances();
        let sources = self.0["sources"].as_object().unwrap_or_else(|| panic!("no sources in {:#}", self.0));
        for name in sources.keys() {
            self.source(name).assert_one_balances();
        }
    }

    #[track_caller]
    fn assert_one_balances(&self) {
        assert_eq!(self.0["balanced"], Value::Bool(true), "{:#}", self.0);
        let (left, right) = if self.0["frames"].get("captured").is_some() {
            (self.number("frames.captured"), self.number("frames.acknowledged"))
        } else {
            (self.number("frames.expected"), self.number("frames.shown"))
        };
        assert_eq!(left, right + self.lost(), "the books of {:#}", self.0);
    }

    /// Checks that the stages add up to the total: every stage has a figure for each measured frame, and the means add
    /// up.
    #[track_caller]
    pub fn assert_stages_tile(&self) {
        let latency = &self.0["latency_us"];
        let total = latency["total"]["mean"].as_f64().unwrap_or_else(|| panic!("no total in {latency:#}"));
        let stages = latency["stages"].as_object().unwrap_or_else(|| panic!("no stages in {latency:#}"));
        let sum: f64 = stages.values().map(|s| s["mean"].as_f64().unwrap_or_default()).sum();
        // A histogram keeps three digits, so each mean is wrong by up to a thousandth.
        assert!(
            (sum - total).abs() <= total * 0.01 + 5.0,
            "the stages' means add up to {sum}, not {total}: {latency:#}"
        );
    }
}
