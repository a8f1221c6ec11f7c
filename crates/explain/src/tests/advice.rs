//! Tests that advice is possible in the setting of the run.

use super::*;

/// Words that only fit another kind of broker or source, or another place.
const DISKS: [&str; 2] = ["disk", "replicas"];
const NETWORK: [&str; 1] = ["network"];
const CAMERA: [&str; 2] = ["camera", "pipe"];

/// Checks that the advice of all findings contains these words and none of those.
#[track_caller]
fn check_advice(evidence: &Evidence, words: &[&str], impossible: &[&str]) {
    let findings = explain(evidence).findings;
    let advice: Vec<String> = findings.into_iter().map(|finding| finding.advice).collect();
    let advice = advice.join("\n");
    assert!(words.iter().all(|word| advice.contains(word)), "no {words:?} in: {advice}");
    assert!(!impossible.iter().any(|word| advice.contains(word)), "some of {impossible:?} in: {advice}");
}

fn embedded(e: &mut Evidence) {
    e.context.embedded_broker = true;
    loopback(e);
}

fn loopback(e: &mut Evidence) {
    (e.client.loopback, e.client.brokers) = (true, 1);
}

/// Evidence of answers that are slow now and then.
fn slow_answers() -> Evidence {
    producer(USUAL, 64_000).with(|e| e.client.round_trip = waits(400, 5000, 63_000))
}

#[test]
fn an_embedded_broker_has_neither_disks_nor_replicas() {
    check_advice(&slow_answers(), &["disks", "replicas"], &[]);
    check_advice(&slow_answers().with(embedded), &["this machine's processor", "in memory"], &DISKS);
    let elsewhere = slow_answers().with(|e| e.context.embedded_broker = true);
    check_advice(&elsewhere, &["processor of the broker's machine"], &DISKS);
    check_advice(&slow_answers().with(|e| e.client.brokers = 1), &["the broker's disk and load"], &["replicas"]);
}

#[test]
fn a_source_is_not_blamed_for_what_another_kind_may_have() {
    let late = |source: SourceKind| producer([300_000, 5000, 20, 0, 0, 0, 0], 1000).with(|e| e.context.source = source);
    check_advice(&late(SourceKind::TestCard), &["processor"], &["camera", "pipe", "network", "disk"]);
    check_advice(&late(SourceKind::File), &["disk"], &["camera", "pipe", "network"]);
    check_advice(&late(SourceKind::Pipe), &["writes into the pipe"], &["camera", "network", "disk"]);
    check_advice(&late(SourceKind::Camera), &["light"], &["pipe", "network", "disk"]);
    check_advice(&late(SourceKind::Network), &["network"], &["pipe", "disk"]);
    // A busy machine delays a test card too, but by less than a stall.
    let now_and_then = producer([9000, 5000, 20, 0, 0, 0, 0], 1000).with(|e| {
        e.context.source = SourceKind::TestCard;
        e.latency.p50_us = 5000;
    });
    check_advice(&now_and_then, &["draws the test card"], &CAMERA);
}

#[test]
fn a_viewer_sends_questions_about_the_source_to_vidprod() {
    let late = viewer([40_000, 5000, 20, 1000, 10, 5000, 1000]);
    check_advice(&late, &["vidprod --explain"], &CAMERA);
}

#[test]
fn no_network_is_blamed_on_one_machine() {
    let slow_way = producer([100, 5000, 40_000, 0, 0, 0, 0], 1000);
    check_advice(&slow_way, &["look at the network"], &[]);
    check_advice(&slow_way.with(embedded), &["this machine's processor"], &NETWORK);
    let full = producer(USUAL, 300_000).with(|e| e.client.unsent = waits(10, 90_000, 280_000));
    check_advice(&full, &["faster network"], &[]);
    check_advice(&full.with(loopback), &["--quality", "on this machine"], &NETWORK);
    let far = producer(USUAL, 64_000).with(|e| e.client.round_trip = waits(60_000, 61_000, 63_000));
    check_advice(&far, &["quicker network"], &[]);
    check_advice(&far.with(loopback), &["tunnel"], &NETWORK);
    let far = viewer([100, 5000, 20, 70_000, 10, 5000, 1000]).with(|e| e.client.round_trip.min_us = 60_000);
    check_advice(&far.with(loopback), &["tunnel"], &NETWORK);
}

#[test]
fn connections_that_break_are_looked_for_where_they_can_be() {
    let broken = || producer(USUAL, 100_800).with(|e| e.client.disconnects = 2);
    check_advice(&broken(), &["the network", "the broker's log"], &[]);
    check_advice(&broken().with(loopback), &["was restarted", "the broker's log"], &NETWORK);
    check_advice(&broken().with(embedded), &["was restarted", "what the embedded broker prints"], &["log"]);
}

#[test]
fn a_rate_that_any_wired_network_carries_is_no_reason() {
    let slow_way = producer([100, 5000, 40_000, 0, 0, 0, 0], 1000).with(|e| e.context.bytes_per_second = 700_000);
    check_advice(&slow_way, &["the broker's machine", "0.7 MB/s is little for a network"], &["look at the network"]);
}

#[test]
fn a_window_size_that_was_not_given_is_not_blamed() {
    let scaled = viewer([100, 5000, 20, 1000, 10, 5000, 6000]).with(|e| {
        e.side = SideFigures::Viewer { display: DisplayPath::Scaled, display_us: 1000, frame_bytes: 100_000 }
    });
    check_advice(&scaled, &["omit --window-size"], &[]);
    check_advice(&scaled.with(|e| e.context.window_size_given = false), &["the window", "--size"], &["--window-size"]);
}
