//! One case for each rule: what was seen, and what is said first.

use std::time::Duration;

use super::*;
use crate::clock::Micros;
use crate::frame::{Meta, Origin, Session};
use crate::latency::TimeBase;
use crate::slowest::Tail;
use crate::stamps::Stamps;

const INTERVAL: Duration = Duration::from_micros(33_333);
/// A run in which all is well: capture, encode, publish, broker, reassemble, decode, present.
const USUAL: [u64; 7] = [100, 5000, 20, 1000, 10, 5000, 1000];

fn evidence(stages: &'static [Stage], tail_us: [u64; 7], side: Side) -> Evidence {
    let sum = |us: [u64; 7]| stages.iter().map(|stage| us[*stage as usize]).sum();
    let stages_us = std::array::from_fn(|n| if stages.contains(&Stage::ALL[n]) { tail_us[n] } else { 0 });
    Evidence {
        way: Way {
            stages,
            frames: 600,
            p50_us: sum(USUAL),
            p99_us: sum(tail_us),
            tail: Tail { frames: 6, stages_us },
            usual_us: USUAL,
            base: TimeBase::SameHost,
        },
        interval: Some(INTERVAL),
        superseded: 0,
        client: ClientFacts { tellings: 20, ..ClientFacts::default() },
        properties: Default::default(),
        side,
    }
}

fn viewer(tail_us: [u64; 7]) -> Evidence {
    evidence(&Stage::ALL, tail_us, Side::Viewer { screen: Screen::Shared, display_us: 1000, frame_bytes: 100_000 })
}

fn producer(tail_us: [u64; 7], acknowledge_p99_us: u64) -> Evidence {
    evidence(
        &Stage::PRODUCER,
        tail_us,
        Side::Producer { acknowledge_p50_us: 800, acknowledge_p99_us, first_us: 1000, every_frame: false },
    )
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

/// The first finding's stage and share, and words that its line holds.
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
fn where_nothing_stands_out_that_is_said() {
    let usual = viewer([150, 8000, 40, 5000, 20, 7000, 2500]);
    check_nothing(usual, "nothing stands out: p99 is 1.9 x p50, encode and decode are 66 % of it");
    let usual = producer([150, 9000, 40, 0, 0, 0, 0], 5000).with(|e| e.client.round_trip = waits(500, 1500, 5000));
    check_nothing(usual, "nothing stands out: p99 is 1.8 x p50, encode and capture are 99 % of it");
}

#[test]
fn few_frames_say_nothing() {
    let few = viewer([150, 8000, 40, 900_000, 20, 7000, 2500]).with(|e| e.way.frames = 3);
    check_nothing(few, "3 frames are too few to say");
}

#[test]
fn a_linger_is_named_with_what_it_cost() {
    let slow = producer(USUAL, 51_000).set_to(&[("linger.ms", "50")]);
    let words = ["51 ms at p99 are between published and acknowledged", "linger.ms=50 was set", "set it to 0"];
    check(slow.clone(), "acknowledge", 50_000, &words);
    let counted = slow.with(|e| e.client.queued = waits(100, 30_000, 49_000));
    check(counted, "acknowledge", 49_000, &["linger.ms=50", "30 ms in the client"]);
    check_nothing(
        producer(USUAL, 1500).set_to(&[("linger.ms", "0")]),
        "nothing stands out: p99 is 1.0 x p50, encode and capture are 99 % of it",
    );
}

#[test]
fn a_broker_far_away_is_told_from_a_slow_one() {
    let trip = |min, mean, p99| producer(USUAL, 64_000).with(|e| e.client.round_trip = waits(min, mean, p99));
    check(trip(60_000, 61_000, 63_000), "acknowledge", 61_000, &["far away", "60 at least", "nearer"]);
    check(trip(400, 5000, 63_000), "acknowledge", 63_000, &["slow to answer", "disks"]);
}

#[test]
fn a_full_connection_is_named() {
    let full = producer(USUAL, 300_000).with(|e| e.client.unsent = waits(10, 90_000, 280_000));
    check(full, "acknowledge", 280_000, &["more is published than the connection takes", "--quality"]);
    // Where records wait for longer than requests take, these are large and so they are long.
    let piled_up = producer(USUAL, 2_300_000).with(|e| {
        e.side = Side::Producer {
            acknowledge_p50_us: 1_000_000,
            acknowledge_p99_us: 2_300_000,
            first_us: 1000,
            every_frame: false,
        };
        e.client.queued = waits(20, 770_000, 1_990_000);
        e.client.round_trip = waits(300, 300_000, 1_530_000);
    });
    check(piled_up.clone(), "acknowledge", 2_300_000, &["more is published", "up to 1990 ms in the client"]);
    assert_eq!(explain(&piled_up).findings.len(), 1);
    // The first records wait for the connection.
    for round_trip in [waits(500, 36_000, 141_000), waits(500, 2000, 141_000)] {
        let at_first = producer(USUAL, 530_000).with(|e| {
            e.client.queued = waits(40, 29_000, 498_000);
            e.client.round_trip = round_trip;
        });
        check(at_first, "acknowledge", 141_000, &["slow to answer"]);
    }
    // Of a file's records the client does not tell what they wait.
    let file = |acknowledge_p50_us| {
        producer(USUAL, 4_600_000).with(|e| {
            e.side =
                Side::Producer { acknowledge_p50_us, acknowledge_p99_us: 4_600_000, first_us: 1000, every_frame: true };
            e.client.round_trip = waits(300, 450_000, 2_800_000);
        })
    };
    check(file(3_000_000), "acknowledge", 4_600_000, &["more is published than the connection takes"]);
    check(file(500_000), "acknowledge", 2_800_000, &["slow to answer"]);
}

#[test]
fn a_start_that_takes_long_is_named_where_the_frames_are_few() {
    let started = |frames| {
        producer(USUAL, 700_000).with(|e| {
            e.way.frames = frames;
            e.side = Side::Producer {
                acknowledge_p50_us: 800,
                acknowledge_p99_us: 700_000,
                first_us: 710_000,
                every_frame: true,
            };
        })
    };
    let words = ["the connection was still being made", "710 ms, and 22 frames were due by then"];
    check(started(100), "acknowledge", 700_000, &words);
    assert!(explain(&started(10_000)).findings.is_empty(), "they are not what makes p99");
}

#[test]
fn what_is_always_so_is_named_beside_one_frame_that_was_slow_for_another_reason() {
    let far = producer(USUAL, 700_000).with(|e| {
        e.side = Side::Producer {
            acknowledge_p50_us: 64_000,
            acknowledge_p99_us: 700_000,
            first_us: 1000,
            every_frame: true,
        };
        e.client.round_trip = waits(60_000, 65_000, 100_000);
    });
    let stalled = |usual: [u64; 7]| {
        viewer([100, 5000, 20, 70_000, 10, 400_000, 6000]).with(|e| {
            e.way.usual_us = usual;
            e.way.p50_us = usual.iter().sum();
        })
    };
    let waits = [100, 5000, 20, 65_000, 10, 5000, 1000];
    let sent_on = stalled(waits);
    let small = stalled(waits).set_to(&[("fetch.max.bytes", "20000")]);
    let scaled = stalled([100, 5000, 20, 1000, 10, 5000, 6000])
        .with(|e| e.side = Side::Viewer { screen: Screen::Scaled, display_us: 1000, frame_bytes: 100_000 });
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
    // What comes after what was held up waits, too: that is no slow broker and no narrow connection.
    let held_up = producer(USUAL, 2_000_000).with(|e| {
        e.client.throttled = Waits { count: 9, ..waits(100_000, 240_000, 250_000) };
        e.client.round_trip = waits(300, 700_000, 1_250_000);
        e.client.queued = waits(10, 900_000, 1_900_000);
        e.side = Side::Producer {
            acknowledge_p50_us: 1_000_000,
            acknowledge_p99_us: 2_000_000,
            first_us: 1000,
            every_frame: false,
        };
    });
    check(held_up.clone(), "acknowledge", 2_000_000, &["throttles", "250 ms at a time"]);
    assert_eq!(explain(&held_up).findings.len(), 1);
    let broken = |e: &mut Evidence| e.client.disconnects = 2;
    check(producer(USUAL, 100_800).with(broken), "acknowledge", 100_000, &["2 connections broke"]);
    // What waited for the new connection waited in the client, but most never did.
    let live = producer(USUAL, 950_800).with(broken).with(|e| {
        e.client.queued = waits(5, 17_000, 900_000);
        e.client.round_trip = waits(400, 1000, 3000);
    });
    check(live, "acknowledge", 950_000, &["2 connections broke"]);
    check(viewer([100, 5000, 20, 95_000, 10, 5000, 1000]).with(broken), "broker", 94_000, &["2 connections broke"]);
}

#[test]
fn an_encoder_that_cannot_keep_up_has_the_lateness_behind_it_too() {
    let slow = producer([500_000, 45_000, 20, 0, 0, 0, 0], 1000).with(|e| {
        e.way.usual_us[Stage::Encode as usize] = 40_000;
        e.superseded = 7;
    });
    check(slow, "encode", 545_000, &["a frame is due every 33 ms", "7 frames were given up", "--size"]);
}

#[test]
fn a_source_that_stalls_is_named() {
    let late = explain(&producer([6000, 5000, 20, 0, 0, 0, 0], 1000));
    assert!(!late.summary.contains("stalls"), "{}", late.summary);
    check(producer([300_000, 5000, 20, 0, 0, 0, 0], 1000), "capture", 300_000, &["the source stalls", "pipe"]);
}

#[test]
fn settings_that_make_a_fetch_wait_are_named() {
    let slow = |broker_us| viewer([100, 5000, 20, broker_us, 10, 5000, 1000]);
    let set = slow(320_000).set_to(&[("fetch.min.bytes", "1000000")]);
    check(set, "broker", 320_000, &["fetch.min.bytes=1000000", "500 ms", "set it to 1"]);
    let set = slow(45_000).set_to(&[("fetch.min.bytes", "1000000"), ("fetch.wait.max.ms", "40")]);
    check(set, "broker", 40_000, &["40 ms"]);
    let full = [("fetch.queue.backoff.ms", "300"), ("queued.max.messages.kbytes", "1")];
    let words = ["fetch.queue.backoff.ms=300 was set with queued.max.messages.kbytes=1", "leave both"];
    check(slow(280_000).set_to(&full), "broker", 280_000, &words);
    let given_up = |e: &mut Evidence| e.superseded = 400;
    check(slow(8000).set_to(&full).with(given_up), "broker", 8000, &["400 frames were given up"]);
    // It was set, and it never came to that.
    let set = explain(&slow(8000).set_to(&full));
    assert!(set.findings.is_empty(), "{set:#?}");
}

#[test]
fn fetches_smaller_than_a_frame_are_named() {
    let small = [("max.partition.fetch.bytes", "20000")];
    let slow = viewer([100, 5000, 20, 30_000, 10, 5000, 1000]);
    check(slow.set_to(&small), "broker", 30_000, &["max.partition.fetch.bytes=20000", "less than a frame"]);
}

#[test]
fn a_broker_far_from_the_viewer_is_named() {
    let far = viewer([100, 5000, 20, 70_000, 10, 5000, 1000]).with(|e| e.client.round_trip.min_us = 60_000);
    check(far, "broker", 60_000, &["far away", "60 ms"]);
}

#[test]
fn what_is_not_the_viewers_is_sent_on() {
    let broker = viewer([100, 5000, 20, 61_000, 10, 5000, 1000]);
    check(broker, "broker", 61_000, &["61 of 72 ms", "nothing on the viewer's side", "vidprod --explain"]);
    let before = viewer([40_000, 5000, 20, 1000, 10, 5000, 1000]);
    check(before, "capture", 45_020, &["before publishing", "vidprod --explain"]);
}

#[test]
fn clocks_that_may_differ_are_named() {
    let two = viewer([100, 5000, 20, 61_000, 10, 5000, 1000]).with(|e| e.way.base = TimeBase::WallClocks);
    check(two, "broker", 61_000, &["wall clocks", "NTP"]);
}

#[test]
fn a_decoder_that_cannot_keep_up_is_named() {
    let slow = viewer([100, 5000, 20, 1000, 10, 45_000, 1000]).with(|e| {
        e.way.usual_us[Stage::Decode as usize] = 40_000;
        e.superseded = 3;
    });
    check(slow.clone(), "decode", 45_000, &["33 ms", "3 frames were given up", "--size"]);
    let queued = slow.with(|e| {
        e.client.fetched_max = 30;
        e.way.tail.stages_us[Stage::Broker as usize] = 500_000;
    });
    check(queued, "decode", 545_000, &["decoding"]);
}

#[test]
fn the_way_that_pictures_take_to_the_screen_is_named() {
    let on = |screen: Screen, present_us: u64| {
        viewer([100, 5000, 20, 1000, 10, 5000, present_us])
            .with(|e| e.side = Side::Viewer { screen, display_us: 1000, frame_bytes: 100_000 })
    };
    check(on(Screen::Sent, 6000), "present", 6000, &["socket", "shared memory"]);
    check(on(Screen::Scaled, 6000), "present", 6000, &["scaled", "--window-size"]);
    check(on(Screen::Shared, 20_000), "present", 19_000, &["now and then"]);
    assert!(explain(&on(Screen::Shared, 6000)).findings.is_empty());
    let cannot_keep_up = on(Screen::Sent, 45_000).with(|e| {
        e.way.usual_us[Stage::Present as usize] = 40_000;
        e.client.fetched_max = 30;
        e.way.tail.stages_us[Stage::Broker as usize] = 500_000;
    });
    check(cannot_keep_up, "present", 545_000, &["socket"]);
}

#[test]
fn a_display_that_is_slow_to_answer_is_named_where_frames_wait_for_it() {
    let held_up = |e: &mut Evidence| {
        e.side = Side::Viewer { screen: Screen::Shared, display_us: 90_000, frame_bytes: 100_000 };
        e.superseded = 8;
    };
    let words = ["the display is slow to answer", "90 ms again and again", "8 frames were given up"];
    check(viewer([100, 5000, 20, 95_000, 10, 5000, 1000]).with(held_up), "broker", 90_000, &words);
    assert!(explain(&viewer(USUAL).with(held_up)).findings.is_empty(), "no frame waited");
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
        number: None,
        pts: Duration::ZERO,
        stamps: Stamps { due: Micros(due_us), ..Stamps::default() },
        origin: Origin { boot: "".into(), wall_offset_us: 0 },
        width: 1,
        height: 1,
        dropped: 0,
    };
    let mut rhythm = Rhythm::default();
    rhythm.enter(&meta(1, 10, 1000));
    assert_eq!(rhythm.interval(), None);
    rhythm.enter(&meta(1, 14, 1400));
    assert_eq!(rhythm.interval(), Some(Duration::from_micros(100)), "also where some were not shown");
    rhythm.enter(&meta(2, 0, 9000));
    assert_eq!(rhythm.interval(), None, "another session has its own");
}

#[test]
fn what_was_found_is_read_back_from_a_report() {
    let explained = explain(&viewer([100, 5000, 20, 61_000, 10, 5000, 1000]));
    let json = serde_json::to_string(&explained).unwrap();
    assert_eq!(serde_json::from_str::<Explain>(&json).unwrap(), explained);
    assert!(explained.to_string().starts_with("  why p99  61 of 72 ms"), "{explained}");
}
