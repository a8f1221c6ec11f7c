//! The description of a figure.

use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

/// A figure that a program serves, under the name that queries use. The name ends with the unit and, for a counter, with
/// `_total`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metric {
    name: &'static str,
    help: &'static str,
    kind: MetricKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum MetricKind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

impl Metric {
    /// A sum that only grows. Its name ends with `_total`.
    pub const fn counter(name: &'static str, help: &'static str) -> Metric {
        Metric { name, help, kind: MetricKind::Counter }
    }

    /// A state, which can rise and fall.
    pub const fn gauge(name: &'static str, help: &'static str) -> Metric {
        Metric { name, help, kind: MetricKind::Gauge }
    }

    /// A distribution of latencies. Its name ends with `_seconds`.
    pub const fn histogram(name: &'static str, help: &'static str) -> Metric {
        Metric { name, help, kind: MetricKind::Histogram }
    }

    /// A text, in a label. Its name ends with `_info`.
    pub const fn info(name: &'static str, help: &'static str) -> Metric {
        Metric { name, help, kind: MetricKind::Info }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn help(&self) -> &'static str {
        self.help
    }

    pub(super) fn kind(&self) -> MetricType {
        match self.kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
            MetricKind::Histogram => MetricType::Histogram,
            MetricKind::Info => MetricType::Info,
        }
    }

    /// The name without its unit and the ending of its kind, which the encoder adds.
    pub(super) fn stem(&self) -> &'static str {
        let name = self.without_ending();
        self.unit().and_then(|unit| name.strip_suffix(unit.as_str())).map_or(name, |stem| stem.trim_end_matches('_'))
    }

    pub(super) fn unit(&self) -> Option<Unit> {
        let name = self.without_ending();
        [Unit::Seconds, Unit::Bytes].into_iter().find(|unit| name.ends_with(&format!("_{}", unit.as_str())))
    }

    fn without_ending(&self) -> &'static str {
        let ending = match self.kind {
            MetricKind::Counter => "_total",
            MetricKind::Info => "_info",
            MetricKind::Gauge | MetricKind::Histogram => "",
        };
        self.name.strip_suffix(ending).unwrap_or(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_with_its_unit_and_its_kind() {
        let check = |metric: Metric, stem: &str, unit: Option<&str>| {
            assert_eq!(metric.stem(), stem);
            assert_eq!(metric.unit().as_ref().map(Unit::as_str), unit, "{stem}");
        };
        check(Metric::counter("a_received_bytes_total", ""), "a_received", Some("bytes"));
        check(Metric::counter("a_frames_total", ""), "a_frames", None);
        check(Metric::histogram("a_latency_seconds", ""), "a_latency", Some("seconds"));
        check(Metric::gauge("a_lag_records", ""), "a_lag_records", None);
        check(Metric::info("a_build_info", ""), "a_build", None);
    }
}
