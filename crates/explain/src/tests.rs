//! One case for each rule: the evidence, and the first finding.

mod advice;
mod producer;
mod viewer;

use std::time::Duration;

use super::*;
use common::books::FrameInterval;
use common::report::{ClientFacts, Waits};
use common::time::{Micros, Stamps, TailStages, TimeBase};
use common::wire::{Codec, Meta, Origin, Session};

const INTERVAL: Duration = Duration::from_micros(33_333);
/// Stage times of a run without problems: capture, encode, publish, broker, reassemble, decode, present.
const USUAL: [u64; 7] = [100, 5000, 20, 1000, 10, 5000, 1000];

fn evidence(stages: &'static [Stage], tail_us: [u64; 7], side: SideFigures) -> Evidence {
    let sum = |us: [u64; 7]| stages.iter().map(|stage| us[*stage as usize]).sum();
    let stages_us = std::array::from_fn(|n| if stages.contains(&Stage::ALL[n]) { tail_us[n] } else { 0 });
    Evidence {
        latency: StageLatencies {
            stages,
            frames: 600,
            p50_us: sum(USUAL),
            p99_us: sum(tail_us),
            tail: TailStages { frames: 6, stages_us },
            median_us: USUAL,
            base: TimeBase::SameHost,
        },
        interval: Some(INTERVAL),
        superseded: 0,
        client: ClientFacts { statistics_read: 20, ..ClientFacts::default() },
        properties: Default::default(),
        context: RunContext { window_size_given: true, bytes_per_second: 50_000_000, ..RunContext::default() },
        side,
    }
}

fn viewer(tail_us: [u64; 7]) -> Evidence {
    evidence(
        &Stage::ALL,
        tail_us,
        SideFigures::Viewer { display: DisplayPath::Shared, display_us: 1000, frame_bytes: 100_000 },
    )
}

fn producer(tail_us: [u64; 7], acknowledge_p99_us: u64) -> Evidence {
    evidence(&Stage::PRODUCER, tail_us, acknowledging([800, acknowledge_p99_us], 1000, false))
}

fn acknowledging([acknowledge_p50_us, acknowledge_p99_us]: [u64; 2], first_us: u64, every_frame: bool) -> SideFigures {
    SideFigures::Producer(ProducerFigures {
        acknowledge_p50_us,
        acknowledge_p99_us,
        first_us,
        every_frame,
        held_back: 0,
    })
}

fn waits(min_us: u64, mean_us: u64, p99_us: u64) -> Waits {
    Waits { count: 600, min_us, mean_us, p99_us }
}

impl Evidence {
    fn with(mut self, change: impl FnOnce(&mut Evidence)) -> Evidence {
        change(&mut self);
        self
    }

    fn set_to(self, properties: &[(&str, &str)]) -> Evidence {
        let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Evidence { properties, ..self }
    }
}

/// Checks the first finding's stage and share, and words that its line contains.
#[track_caller]
fn check(evidence: Evidence, stage: &str, share_us: u64, words: &[&str]) {
    let explained = explain(&evidence);
    let first = explained.findings.first().unwrap_or_else(|| panic!("nothing was found: {}", explained.summary));
    assert_eq!((first.stage.as_str(), first.share_us), (stage, share_us), "{explained:#?}");
    assert!(words.iter().all(|word| explained.summary.contains(word)), "{}", explained.summary);
    assert!(explained.findings.iter().all(|f| f.share_us <= f.of_us), "{explained:#?}");
}

#[track_caller]
fn check_nothing(evidence: Evidence, summary: &str) {
    let explained = explain(&evidence);
    assert_eq!((explained.findings, explained.summary.as_str()), (Vec::new(), summary));
}

#[test]
fn a_run_where_nothing_stands_out_is_reported_so() {
    let usual = viewer([150, 8000, 40, 5000, 20, 7000, 2500]);
    check_nothing(usual, "nothing stands out: p99 is 1.9 x p50, encode and decode are 66 % of it");
    let usual = producer([150, 9000, 40, 0, 0, 0, 0], 5000).with(|e| e.client.round_trip = waits(500, 1500, 5000));
    check_nothing(usual, "nothing stands out: p99 is 1.8 x p50, encode and capture are 99 % of it");
}

#[test]
fn few_frames_say_nothing() {
    let few = viewer([150, 8000, 40, 900_000, 20, 7000, 2500]).with(|e| e.latency.frames = 3);
    check_nothing(few, "3 frames: too few to say");
}

#[test]
fn a_permanent_cause_is_named_beside_that_of_a_single_slow_frame() {
    let far = producer(USUAL, 700_000).with(|e| {
        e.side = acknowledging([64_000, 700_000], 1000, true);
        e.client.round_trip = waits(60_000, 65_000, 100_000);
    });
    let stalled = |usual: [u64; 7]| {
        viewer([100, 5000, 20, 70_000, 10, 400_000, 6000]).with(|e| {
            e.latency.median_us = usual;
            e.latency.p50_us = usual.iter().sum();
        })
    };
    let waits = [100, 5000, 20, 65_000, 10, 5000, 1000];
    let sent_on = stalled(waits);
    let small = stalled(waits).set_to(&[("fetch.max.bytes", "20000")]);
    let scaled = stalled([100, 5000, 20, 1000, 10, 5000, 6000]).with(|e| {
        e.side = SideFigures::Viewer { display: DisplayPath::Scaled, display_us: 1000, frame_bytes: 100_000 }
    });
    let all = [(far, "far away"), (sent_on, "viewer's side"), (small, "less than a frame"), (scaled, "are scaled")];
    for (evidence, cause) in all {
        let findings = explain(&evidence).findings;
        assert!(findings.iter().any(|f| f.always && f.cause.contains(cause)), "no {cause} in {findings:#?}");
    }
}

#[test]
fn quotas_and_broken_connections_are_named() {
    let throttled = |e: &mut Evidence| e.client.throttled = Waits { count: 3, ..waits(10_000, 30_000, 70_000) };
    check(producer(USUAL, 100_000).with(throttled), "acknowledge", 90_000, &["throttles", "70 ms at a time", "quota"]);
    check(viewer([100, 5000, 20, 95_000, 10, 5000, 1000]).with(throttled), "broker", 90_000, &["throttles"]);
    // Requests behind a delayed one wait too. That is neither a slow broker nor a narrow connection.
    let held_up = producer(USUAL, 2_000_000).with(|e| {
        e.client.throttled = Waits { count: 9, ..waits(100_000, 240_000, 250_000) };
        e.client.round_trip = waits(300, 700_000, 1_250_000);
        e.client.queued = waits(10, 900_000, 1_900_000);
        e.side = acknowledging([1_000_000, 2_000_000], 1000, false);
    });
    check(held_up.clone(), "acknowledge", 2_000_000, &["throttles", "250 ms at a time"]);
    assert_eq!(explain(&held_up).findings.len(), 1);
    let broken = |e: &mut Evidence| e.client.disconnects = 2;
    check(producer(USUAL, 100_800).with(broken), "acknowledge", 100_000, &["2 connections broke"]);
    // Records that waited for the new connection waited in the client, but most records did not.
    let live = producer(USUAL, 950_800).with(broken).with(|e| {
        e.client.queued = waits(5, 17_000, 900_000);
        e.client.round_trip = waits(400, 1000, 3000);
    });
    check(live, "acknowledge", 950_000, &["2 connections broke"]);
    check(viewer([100, 5000, 20, 95_000, 10, 5000, 1000]).with(broken), "broker", 94_000, &["2 connections broke"]);
}

#[test]
fn a_stage_that_is_slow_now_and_then_is_named_with_its_figures() {
    let busy = viewer([100, 5000, 20, 1000, 10, 30_000, 1000]);
    check(busy, "decode", 25_000, &["now and then", "5.0 ms at p50, 30 in the 6 slowest", "processor"]);
}

#[test]
fn windows_of_the_client_add_up() {
    let mut all = Waits::default();
    all.enter(Waits { count: 0, min_us: 0, mean_us: 0, p99_us: 0 });
    all.enter(Waits { count: 10, min_us: 50, mean_us: 100, p99_us: 200 });
    all.enter(Waits { count: 30, min_us: 70, mean_us: 300, p99_us: 150 });
    assert_eq!(all, Waits { count: 40, min_us: 50, mean_us: 250, p99_us: 200 });
}

#[test]
fn the_rhythm_is_that_of_the_frames_numbered() {
    let meta = |began_ms, frame, due_us| Meta {
        source: "A".into(),
        session: Session { began_ms, salt: 0 },
        frame,
        codec: Codec::Jpeg,
        key_frame: true,
        number: None,
        pts: Duration::ZERO,
        stamps: Stamps { due: Micros(due_us), ..Stamps::default() },
        origin: Origin { boot: "".into(), wall_offset_us: 0 },
        width: 1,
        height: 1,
        dropped: 0,
        skipped: 0,
    };
    let mut interval = FrameInterval::default();
    interval.enter(&meta(1, 10, 1000));
    assert_eq!(interval.interval(), None);
    interval.enter(&meta(1, 14, 1400));
    assert_eq!(interval.interval(), Some(Duration::from_micros(100)), "also where some were not shown");
    interval.enter(&meta(2, 0, 9000));
    assert_eq!(interval.interval(), None, "another session has its own");
}

#[test]
fn findings_are_read_back_from_a_report() {
    let explained = explain(&viewer([100, 5000, 20, 61_000, 10, 5000, 1000]));
    let json = serde_json::to_string(&explained).unwrap();
    assert_eq!(serde_json::from_str::<Explain>(&json).unwrap(), explained);
    assert!(explained.to_string().starts_with("  why p99  61 of 72 ms"), "{explained}");
}
