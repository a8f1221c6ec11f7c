//! A page of figures for Prometheus.

mod encode;
mod metric;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use common::time::Distribution;

use self::encode::{Family, Value};

pub use self::encode::MetricsFormat;
pub use self::metric::Metric;

/// A page of figures, in the order in which they are declared.
#[derive(Clone, Debug)]
pub struct MetricsPage(Vec<Family>);

/// The names and values of a figure's labels.
type Labels<'a> = &'a [(&'static str, &'a str)];

impl MetricsPage {
    /// A page that describes these figures, even those that have no value yet.
    pub fn new(metrics: &[Metric]) -> MetricsPage {
        MetricsPage(metrics.iter().map(|metric| Family { metric: *metric, values: Vec::new() }).collect())
    }

    /// Adds the value of a counter.
    pub fn count(&mut self, metric: &Metric, labels: Labels<'_>, count: u64) {
        self.enter(metric, labels, Value::Count(count));
    }

    /// Adds the value of a counter that is no whole number.
    pub fn sum(&mut self, metric: &Metric, labels: Labels<'_>, sum: f64) {
        self.enter(metric, labels, Value::Sum(sum));
    }

    /// Adds the value of a gauge.
    pub fn number(&mut self, metric: &Metric, labels: Labels<'_>, number: f64) {
        self.enter(metric, labels, Value::Number(number));
    }

    /// Adds the value of a histogram.
    pub fn distribution(&mut self, metric: &Metric, labels: Labels<'_>, distribution: Distribution) {
        self.enter(metric, labels, Value::Distribution(distribution));
    }

    /// Adds a text, which is the value of a label.
    pub fn info(&mut self, metric: &Metric, labels: Labels<'_>) {
        self.enter(metric, labels, Value::Info);
    }

    fn enter(&mut self, metric: &Metric, labels: Labels<'_>, value: Value) {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        match self.0.iter_mut().find(|family| family.metric.name() == metric.name()) {
            Some(family) => family.values.push((labels, value)),
            None => self.0.push(Family { metric: *metric, values: vec![(labels, value)] }),
        }
    }

    /// The page as text.
    pub fn text(self, format: MetricsFormat) -> String {
        encode::encode(self.0, format)
    }

    /// The answer to a request.
    pub fn response(self, format: MetricsFormat) -> Response {
        ([(CONTENT_TYPE, format.content_type())], self.text(format)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use common::time::Latency;

    use super::*;

    const FRAMES: Metric = Metric::counter("frames_total", "Frames.");
    const AGE: Metric = Metric::histogram("age_seconds", "Age.");
    const LAG: Metric = Metric::gauge("lag_bytes", "Lag.");
    const CPU: Metric = Metric::counter("cpu_seconds_total", "Processor time.");
    const BUILD: Metric = Metric::info("build_info", "Version.");

    fn page() -> MetricsPage {
        let mut page = MetricsPage::new(&[BUILD, FRAMES, AGE, LAG]);
        let mut latency = Latency::default();
        [400, 900, 6_500, 9_000_000].into_iter().for_each(|us| latency.record(Duration::from_micros(us)));
        page.count(&FRAMES, &[("outcome", "shown")], 5);
        page.distribution(&AGE, &[("source", "a\"b")], latency.distribution());
        page.count(&FRAMES, &[("outcome", "late")], 1);
        page.sum(&CPU, &[], 1.5);
        page.info(&BUILD, &[("version", "1.2")]);
        page
    }

    #[track_caller]
    fn check(format: MetricsFormat, expected: &[&str]) {
        let text = page().text(format);
        let lines: Vec<&str> = text.lines().collect();
        for block in expected {
            let block: Vec<&str> = block.lines().collect();
            assert!(lines.windows(block.len()).any(|lines| lines == block), "{block:#?} in {text}");
        }
    }

    #[test]
    fn figures_of_one_name_stand_together_and_buckets_add_up() {
        check(
            MetricsFormat::OpenMetrics,
            &[
                "# TYPE frames counter\nframes_total{outcome=\"shown\"} 5\nframes_total{outcome=\"late\"} 1",
                "# TYPE build info\nbuild_info{version=\"1.2\"} 1",
                "# UNIT age_seconds seconds\nage_seconds_sum{source=\"a\\\"b\"} 9.0078",
                "age_seconds_count{source=\"a\\\"b\"} 4",
                "age_seconds_bucket{le=\"0.0005\",source=\"a\\\"b\"} 1",
                "age_seconds_bucket{le=\"0.001\",source=\"a\\\"b\"} 2",
                "age_seconds_bucket{le=\"0.008\",source=\"a\\\"b\"} 3",
                "age_seconds_bucket{le=\"5.0\",source=\"a\\\"b\"} 3",
                "age_seconds_bucket{le=\"+Inf\",source=\"a\\\"b\"} 4",
                "# UNIT cpu_seconds seconds\ncpu_seconds_total 1.5",
            ],
        );
    }

    #[test]
    fn a_figure_without_a_value_is_described() {
        check(MetricsFormat::OpenMetrics, &["# HELP lag_bytes Lag.\n# TYPE lag_bytes gauge\n# UNIT lag_bytes bytes"]);
    }

    #[test]
    fn older_scrapers_get_the_older_format() {
        check(MetricsFormat::Plain, &["# TYPE frames_total counter\nframes_total{outcome=\"shown\"} 5"]);
        let accepted = |header| MetricsFormat::accepted(header);
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
        for header in [None, Some("*/*"), Some(prometheus)] {
            assert_eq!(accepted(header), MetricsFormat::OpenMetrics, "{header:?}");
        }
        assert_eq!(accepted(Some("text/plain;version=0.0.4")), MetricsFormat::Plain);
    }
}
