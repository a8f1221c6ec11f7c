//! A page of figures in the format of OpenMetrics, which Prometheus reads.

use std::fmt;
use std::sync::Mutex;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use common::time::Latency;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Upper bounds of the buckets of a latency, in ms.
const BUCKETS_MS: [f64; 17] =
    [0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 33.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 5000.0];

/// The kind of a figure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum FigureKind {
    /// A sum that only grows.
    Counter,
    /// A state.
    Gauge,
    /// A distribution of latencies.
    Histogram,
}

/// Figures under one name, each with its labels.
#[derive(Clone, Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    kind: FigureKind,
    figures: Vec<(Labels, Value)>,
}

type Labels = Vec<(&'static str, String)>;

#[derive(Clone, Debug)]
enum Value {
    Count(u64),
    Number(f64),
    /// Sum in seconds, number of values, and how many are in each bucket.
    Latency {
        sum: f64,
        count: u64,
        buckets: Vec<(f64, u64)>,
    },
}

/// A page of figures, in the order in which they are entered.
#[derive(Clone, Debug, Default)]
pub struct MetricsPage(Vec<Family>);

impl MetricsPage {
    /// Adds a counter. Its name gets the ending `_total`.
    pub fn counter(&mut self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)], count: u64) {
        self.enter(name, help, None, FigureKind::Counter, labels, Value::Count(count));
    }

    /// Adds a state. Its name gets the unit as its ending.
    pub fn gauge(
        &mut self,
        name: &'static str,
        help: &'static str,
        unit: Option<Unit>,
        labels: &[(&'static str, &str)],
        value: f64,
    ) {
        self.enter(name, help, unit, FigureKind::Gauge, labels, Value::Number(value));
    }

    /// Adds a latency. Its name gets the ending `_seconds`.
    pub fn latency(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        latency: &Latency,
    ) {
        let histogram = latency.histogram();
        let bounds = BUCKETS_MS.into_iter().map(|ms| ms / 1000.0).chain([f64::INFINITY]);
        let mut buckets: Vec<(f64, u64)> = bounds.map(|bound| (bound, 0)).collect();
        let mut sum = 0.0;
        for value in histogram.iter_recorded() {
            let (seconds, count) = (value.value_iterated_to() as f64 / 1e6, u64::from(value.count_at_value()));
            let bucket = buckets.partition_point(|(bound, _)| *bound < seconds);
            buckets[bucket].1 += count;
            sum += seconds * count as f64;
        }
        let value = Value::Latency { sum, count: histogram.len(), buckets };
        self.enter(name, help, Some(Unit::Seconds), FigureKind::Histogram, labels, value);
    }

    fn enter(
        &mut self,
        name: &'static str,
        help: &'static str,
        unit: Option<Unit>,
        kind: FigureKind,
        labels: &[(&'static str, &str)],
        value: Value,
    ) {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        match self.0.iter_mut().find(|family| family.name == name) {
            Some(family) => family.figures.push((labels, value)),
            None => self.0.push(Family { name, help, unit, kind, figures: vec![(labels, value)] }),
        }
    }

    /// The page as text.
    pub fn text(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Page(Mutex::new(self.0))));
        let mut text = String::new();
        text::encode(&mut text, &registry).expect("a string takes all that is written");
        text
    }
}

impl IntoResponse for MetricsPage {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, FORMAT)], self.text()).into_response()
    }
}

#[derive(Debug)]
struct Page(Mutex<Vec<Family>>);

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let families = self.0.lock().map_err(|_| fmt::Error)?;
        for family in families.iter() {
            let kind = match family.kind {
                FigureKind::Counter => MetricType::Counter,
                FigureKind::Gauge => MetricType::Gauge,
                FigureKind::Histogram => MetricType::Histogram,
            };
            let mut all = encoder.encode_descriptor(family.name, family.help, family.unit.as_ref(), kind)?;
            for (labels, value) in &family.figures {
                let labels = &labels[..];
                let mut one = all.encode_family(&labels)?;
                match value {
                    Value::Count(count) => one.encode_counter::<NoLabelSet, _, u64>(count, None)?,
                    Value::Number(number) => one.encode_gauge(number)?,
                    Value::Latency { sum, count, buckets } => {
                        one.encode_histogram::<NoLabelSet>(*sum, *count, buckets, None)?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn figures_of_one_name_stand_together_and_buckets_add_up() {
        let mut page = MetricsPage::default();
        let mut latency = Latency::default();
        [400, 900, 6_500, 9_000_000].into_iter().for_each(|us| latency.record(Duration::from_micros(us)));
        page.counter("frames", "Frames.", &[("outcome", "shown")], 5);
        page.latency("age", "Age.", &[("source", "a\"b")], &latency);
        page.counter("frames", "Frames.", &[("outcome", "lost")], 1);
        page.gauge("lag", "Lag.", None, &[], 0.5);
        let text = page.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2..4], ["frames_total{outcome=\"shown\"} 5", "frames_total{outcome=\"lost\"} 1"], "{text}");
        for line in [
            "age_seconds_count{source=\"a\\\"b\"} 4",
            "age_seconds_bucket{le=\"0.0005\",source=\"a\\\"b\"} 1",
            "age_seconds_bucket{le=\"0.001\",source=\"a\\\"b\"} 2",
            "age_seconds_bucket{le=\"0.007\",source=\"a\\\"b\"} 3",
            "age_seconds_bucket{le=\"5.0\",source=\"a\\\"b\"} 3",
            "age_seconds_bucket{le=\"+Inf\",source=\"a\\\"b\"} 4",
            "lag 0.5",
            "# EOF",
        ] {
            assert!(lines.contains(&line), "{line} in {text}");
        }
    }
}
