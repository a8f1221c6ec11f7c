//! A page of figures, as the reference parser of OpenMetrics reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::Value;
use testkit::http::get;
use testkit::media::folder;
use testkit::{Program, RunningProgram, python, root};

/// Names and values of labels.
pub type Labels = BTreeMap<String, String>;

/// All figures under one name.
#[derive(Debug)]
pub struct Family {
    pub name: String,
    pub kind: String,
    pub help: String,
    samples: Vec<(String, Labels, f64)>,
}

/// A page that was read.
#[derive(Debug)]
pub struct Page(pub Vec<Family>);

impl Page {
    /// Reads the page of a program.
    #[track_caller]
    pub fn read(at: SocketAddr) -> Page {
        let answer = get(at, "/metrics", &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let kind = answer.header("content-type").expect("it has a type");
        assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
        Page::parse(&answer.text())
    }

    #[track_caller]
    fn parse(text: &str) -> Page {
        let folder = folder();
        let file = testkit::kafka::write(folder.path(), "page", text.as_bytes());
        let script = root().join("tests/clients/openmetrics.py");
        let parsed = Program::at(python()).arg("-B").arg(script).arg(file).run().ok().text();
        let parsed: Vec<Value> = serde_json::from_str(&parsed).expect("the script prints JSON");
        Page(parsed.iter().map(Family::new).collect())
    }

    /// The value of a figure with these labels and no others.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels: Labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut samples = self.0.iter().flat_map(|family| &family.samples);
        samples.find(|(known, with, _)| known == name && *with == labels).map(|(_, _, value)| *value)
    }

    /// The same; it has to be there.
    #[track_caller]
    pub fn number(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.get(name, labels).unwrap_or_else(|| panic!("no {name} {labels:?} in {self:#?}"))
    }

    /// The values that may only grow: counters, and the sums, counts and buckets of histograms.
    pub fn growing(&self) -> BTreeMap<(String, Labels), f64> {
        let growing = self.0.iter().filter(|family| family.kind == "counter" || family.kind == "histogram");
        let samples = growing.flat_map(|family| &family.samples);
        samples.map(|(name, labels, value)| ((name.clone(), labels.clone()), *value)).collect()
    }

    /// The largest latency of the bucket that holds the middle one, and the largest of the bucket below, in seconds.
    pub fn middle_bucket(&self, name: &str, of: &[(&str, &str)]) -> (f64, f64) {
        let bucket = format!("{name}_bucket");
        let matches = |labels: &Labels| of.iter().all(|(name, value)| labels.get(*name).is_some_and(|v| v == value));
        let samples = self.0.iter().flat_map(|family| &family.samples);
        let buckets = samples.filter(|(name, labels, _)| *name == bucket && matches(labels));
        let mut buckets: Vec<(f64, f64)> =
            buckets.map(|(_, labels, count)| (labels["le"].parse().expect("a bound"), *count)).collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let half = buckets.last().expect("there are buckets").1 / 2.0;
        let middle = buckets.iter().position(|(_, count)| *count >= half).expect("the last one holds all");
        (middle.checked_sub(1).map_or(0.0, |below| buckets[below].0), buckets[middle].0)
    }
}

impl Family {
    fn new(of: &Value) -> Family {
        let text = |of: &Value, name: &str| of[name].as_str().unwrap_or_default().to_owned();
        let samples = of["samples"].as_array().expect("a list").iter().map(|sample| {
            let labels = serde_json::from_value(sample["labels"].clone()).expect("labels are texts");
            (text(sample, "name"), labels, text(sample, "value").parse().expect("a number"))
        });
        let samples = samples.collect();
        Family { name: text(of, "name"), kind: text(of, "type"), help: text(of, "help"), samples }
    }

    /// The names of its labels, without the bounds of buckets.
    pub fn labels(&self) -> BTreeSet<String> {
        let labels = self.samples.iter().flat_map(|(_, labels, _)| labels.keys().cloned());
        labels.filter(|label| label != "le").collect()
    }
}

/// Waits until a program has logged where its figures are, behind these words.
#[track_caller]
pub fn address(program: &mut RunningProgram, words: &str) -> SocketAddr {
    program.until("the address of the figures", |program| {
        let stderr = program.stderr();
        let (_, rest) = stderr.split_once(&format!("{words}: http://"))?;
        rest.split_once('/')?.0.parse().ok()
    })
}
