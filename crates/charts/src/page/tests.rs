use common::report::Finding;

use super::*;
use crate::testing::with_figure;

/// The page for an XML parser, which is stricter than a browser: without its doctype, and with its head's elements closed.
fn as_xml(page: &str) -> String {
    let page = page.trim_start_matches("<!DOCTYPE html>");
    let (head, rest) = page.split_once("<title>").expect("a page has a title");
    format!("{}<title>{rest}", head.replace("\">", "\"/>").replacen("lang=\"en\"/>", "lang=\"en\">", 1))
}

fn page() -> String {
    let mut page = String::new();
    with_figure(300, |figure| page = crate::html(figure).expect("it is drawn"));
    page
}

#[test]
fn the_page_is_well_formed_and_complete() {
    let page = page();
    roxmltree::Document::parse(&as_xml(&page)).expect("it is XML");
    for said in [
        "vidcons video",
        "2023-11-14 22:13:20 UTC",
        "same host: exact",
        "&lt;lobby&gt; &amp; &quot;hall&quot;",
        "reassemble",
        "superseded",
        "desk",
        "a, b",
        "nothing stands out &amp; all is well",
        "299 of 300 agreed with their headers, 0 disagreed, 1 unreadable, largest difference 7 us",
    ] {
        assert!(page.contains(said), "no {said}");
    }
    assert!(!page.contains(&css(INK)), "ink that does not turn light on dark");
}

#[test]
fn a_page_whose_clocks_disagree_has_no_latency() {
    with_figure(300, |figure| {
        let mut report = figure.report.clone();
        report.sums.latency_us.clocks_disagree_us = Some(3_697_000);
        report.sums.counts.untiled = 299;
        let page = crate::html(&Figure { report: &report, ..*figure }).expect("it is drawn");
        roxmltree::Document::parse(&as_xml(&page)).expect("it is XML");
        let line = "The latency is unknown: the clocks disagree by at least 3.7 s (299 of 300 frames";
        assert!(page.contains(line), "{page}");
        assert!(!page.contains("<svg") && !page.contains("p99.9"), "{page}");
    });
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let page = page().replace("http://www.w3.org/2000/svg", "");
    for reference in ["http:", "https:", "src=", "href", "@import", "url(", "<script", "<link"] {
        assert!(!page.contains(reference), "{reference}");
    }
}

#[test]
fn a_missing_figure_is_a_dash() {
    let check = |value: Value, expected: &str| assert_eq!(text(&value), expected);
    check(serde_json::json!(null), "–");
    check(serde_json::json!([]), "–");
    check(serde_json::json!({}), "–");
    check(serde_json::json!({ "acks": "all", "linger.ms": 0 }), "acks=all, linger.ms=0");
}

/// A screen reader announces the charts; rows and columns have headers; scrollable parts can have the focus.
#[test]
fn the_charts_are_described_for_screen_readers() {
    let page = as_xml(&page());
    let page = roxmltree::Document::parse(&page).expect("it is XML");
    let named = |tag: &'static str| page.descendants().filter(move |node| node.has_tag_name(tag));
    let svg = page.descendants().find(|node| node.tag_name().name() == "svg").expect("there are charts");
    assert_eq!((svg.attribute("role"), svg.attribute("aria-label")), (Some("img"), Some(CHARTS)));
    assert!(named("th").all(|head| head.has_attribute("scope")));
    let scrolls = |node: &roxmltree::Node<'_, '_>| node.attribute("class") == Some("wide");
    assert!(named("div").any(|node| scrolls(&node) && node.children().any(|child| child == svg)));
    assert!(named("div").filter(scrolls).all(|node| node.attribute("tabindex") == Some("0")));
}

#[test]
fn why_is_a_line_or_a_list() {
    let why = |explain: Explain| why(&explain).into_string();
    let nothing = Explain { summary: "nothing stands out: p99 < 2 x p50".to_owned(), ..Explain::default() };
    assert_eq!(why(nothing), "<h2>Why p99</h2><p>nothing stands out: p99 &lt; 2 x p50</p>");
    let finding = Finding {
        always: false,
        stage: "decode".to_owned(),
        share_us: 5_200,
        of_us: 20_000,
        cause: "it is slow".to_owned(),
        evidence: "a & b".to_owned(),
        advice: "less of it".to_owned(),
    };
    let found = Explain { findings: vec![finding.clone(), finding], ..Explain::default() };
    assert_eq!(
        why(found).matches("<li>5.2 of 20 ms at p99 are decoding: it is slow (a &amp; b): less of it</li>").count(),
        2
    );
}
