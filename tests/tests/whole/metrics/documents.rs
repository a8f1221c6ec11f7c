//! The documents about the figures agree with the programs: the table and the alerts of docs/operate.md, and the dashboard.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use testkit::kafka::only;
use testkit::{BrokerKind, kafka, root, until};

use super::page::{Family, Page};
use super::{CAM, broker, producer, viewer};

fn document(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The section of docs/operate.md under this heading.
fn section(heading: &str) -> String {
    let page = document("docs/operate.md");
    let mut sections = page.split("\n## ");
    sections.find(|section| section.starts_with(heading)).unwrap_or_else(|| panic!("no {heading}")).to_owned()
}

/// All figures of the three programs, by their names.
fn all_figures(stem: &str) -> BTreeMap<String, Family> {
    only(BrokerKind::Embedded, "it is about the documents");
    let kafka = kafka();
    let topic = kafka.topic(stem);
    let (broker, address, broker_at) = broker(&[]);
    let (viewer, viewer_at) = viewer(kafka, &topic, &[]);
    let (producer, producer_at) = producer(kafka, &topic, &[]);
    let card = ["test", "--size", "160x120", "--duration", "0.5", "-b", &address, "-t", "video"];
    testkit::Program::vidprod().args(card).run().ok();
    // So that every figure has a value.
    let shown = |page: &Page| page.get("vidcons_frames_total", &[CAM, ("outcome", "shown")]) > Some(0.0);
    let lag = |page: &Page| page.get("vidcons_consumer_lag_records", &[("topic", &topic)]).is_some();
    let of_viewer =
        until("a frame and the lag", || Some(Page::read(viewer_at)).filter(|page| shown(page) && lag(page)));
    let pages = [of_viewer, Page::read(producer_at), Page::read(broker_at)];
    producer.interrupt().ok();
    viewer.interrupt().ok();
    broker.interrupt().ok();
    pages.into_iter().flat_map(|page| page.0).map(|family| (family.name.clone(), family)).collect()
}

#[test]
fn the_table_of_the_figures_is_that_of_the_programs() {
    let table = section("Figures for Prometheus");
    let row = |line: &str| -> Option<[String; 4]> {
        let cells: Vec<String> =
            line.strip_prefix("| `")?.strip_suffix(" |")?.split(" | ").map(str::to_owned).collect();
        cells.try_into().ok()
    };
    let documented: BTreeSet<[String; 4]> = table.lines().filter_map(row).collect();
    let actual: BTreeSet<[String; 4]> = all_figures("table")
        .into_values()
        .map(|family| {
            let labels: Vec<String> = family.labels().iter().map(|label| format!("`{label}`")).collect();
            [format!("{}`", family.name), family.kind, labels.join(" "), family.help]
        })
        .collect();
    let lines =
        |rows: BTreeSet<&[String; 4]>| rows.iter().map(|row| format!("| `{} |\n", row.join(" | "))).collect::<String>();
    let (missing, wrong) = (actual.difference(&documented).collect(), documented.difference(&actual).collect());
    let (missing, wrong) = (lines(missing), lines(wrong));
    assert!(missing.is_empty() && wrong.is_empty(), "docs/operate.md lacks:\n{missing}and has:\n{wrong}");
}

/// The names of figures in a query; those of the parts of a histogram as that of the histogram.
fn names(query: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = query.split(|c| !is_part(c));
    let ours =
        words.filter(|word| ["vidprod_", "vidcons_", "vidbroker_", "process_"].iter().any(|of| word.starts_with(of)));
    let whole = |word: &str| {
        let parts = ["_bucket", "_count", "_sum"].iter().find_map(|part| word.strip_suffix(part));
        parts.filter(|name| name.ends_with("_seconds")).unwrap_or(word).to_owned()
    };
    ours.map(whole).collect()
}

#[test]
fn the_alerts_and_the_dashboard_use_figures_that_exist() {
    let known: BTreeSet<String> = all_figures("queries").into_keys().collect();
    let alerts = section("Figures for Prometheus");
    let (_, alerts) = alerts.split_once("```yaml\ngroups:\n").expect("there are alerts");
    let alerts = alerts.split("```").next().unwrap_or_default();
    let expressions: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    let dashboard: Value = serde_json::from_str(&document("docs/grafana.json")).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("a list");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries = targets.map(|target| target["expr"].as_str().expect("each target has a query"));
    let mut count = 0;
    for query in queries.chain(expressions.iter().copied()) {
        let used = names(query);
        let unknown: Vec<_> = used.difference(&known).collect();
        assert!(unknown.is_empty(), "{query}: no such figures: {unknown:?}");
        count += used.len();
    }
    assert!(count > 50 && expressions.len() > 5, "{count} figures, {} alerts", expressions.len());
}

#[test]
fn the_dashboard_is_laid_out() {
    let dashboard: Value = serde_json::from_str(&document("docs/grafana.json")).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("a list");
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().expect("a number")).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has its own id");
    let place = |panel: &Value| ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().expect("a number"));
    for (n, panel) in panels.iter().enumerate() {
        let [x, y, width, height] = place(panel);
        assert!(x + width <= 24, "{panel:#}");
        for other in &panels[..n] {
            let [left, top, w, h] = place(other);
            let is_beside = x + width <= left || left + w <= x || y + height <= top || top + h <= y;
            assert!(is_beside, "{} covers {}", panel["title"], other["title"]);
        }
    }
}
