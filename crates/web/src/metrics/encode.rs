//! Figures as text, in the format of OpenMetrics or in Prometheus' older one.

use std::fmt;
use std::sync::Mutex;

use common::time::Distribution;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, prometheus_text, text};
use prometheus_client::registry::Registry;

use super::metric::Metric;

/// The format of a page of figures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetricsFormat {
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Plain,
}

impl MetricsFormat {
    /// The format that a client accepts, by its header `Accept`.
    pub fn accepted(header: Option<&str>) -> MetricsFormat {
        let accepts = |kind: &str| header.is_some_and(|header| header.contains(kind));
        if accepts("text/plain") && !accepts("application/openmetrics-text") {
            return MetricsFormat::Plain;
        }
        MetricsFormat::OpenMetrics
    }

    pub fn content_type(self) -> &'static str {
        match self {
            MetricsFormat::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            MetricsFormat::Plain => prometheus_text::CONTENT_TYPE,
        }
    }
}

pub type Labels = Vec<(&'static str, String)>;

/// A metric, with the value for each set of labels.
#[derive(Clone, Debug)]
pub struct Family {
    pub metric: Metric,
    pub values: Vec<(Labels, Value)>,
}

#[derive(Clone, Debug)]
pub enum Value {
    Count(u64),
    /// A counter that is no whole number.
    Sum(f64),
    Number(f64),
    Distribution(Distribution),
    Info,
}

/// The figures as text.
pub fn encode(families: Vec<Family>, format: MetricsFormat) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(Mutex::new(families))));
    let mut text = String::new();
    let written = match format {
        MetricsFormat::OpenMetrics => text::encode(&mut text, &registry),
        MetricsFormat::Plain => prometheus_text::encode(&mut text, &registry),
    };
    written.expect("a string takes all that is written");
    text
}

/// A collector must be `Sync`, which the figures are only behind a lock.
#[derive(Debug)]
struct Families(Mutex<Vec<Family>>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let families = self.0.lock().map_err(|_| fmt::Error)?;
        for Family { metric, values } in families.iter() {
            let unit = metric.unit();
            let mut all = encoder.encode_descriptor(metric.stem(), metric.help(), unit.as_ref(), metric.kind())?;
            for (labels, value) in values {
                let labels = &labels[..];
                if matches!(value, Value::Info) {
                    all.encode_info(&labels)?;
                    continue;
                }
                let mut one = all.encode_family(&labels)?;
                match value {
                    Value::Count(count) => one.encode_counter::<NoLabelSet, _, u64>(count, None)?,
                    Value::Sum(sum) => one.encode_counter::<NoLabelSet, _, u64>(sum, None)?,
                    Value::Number(number) => one.encode_gauge(number)?,
                    Value::Distribution(distribution) => {
                        let seconds =
                            |bound: Option<std::time::Duration>| bound.map_or(f64::INFINITY, |b| b.as_secs_f64());
                        let buckets: Vec<(f64, u64)> =
                            distribution.buckets().map(|(bound, count)| (seconds(bound), count)).collect();
                        let (sum, count) = (distribution.sum().as_secs_f64(), distribution.count());
                        one.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
                    }
                    Value::Info => {}
                }
            }
        }
        Ok(())
    }
}
