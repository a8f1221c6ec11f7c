//! Causes found by vidprod's rules.

use super::*;

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
fn a_distant_broker_is_distinguished_from_a_slow_one() {
    let trip = |min, mean, p99| producer(USUAL, 64_000).with(|e| e.client.round_trip = waits(min, mean, p99));
    check(trip(60_000, 61_000, 63_000), "acknowledge", 61_000, &["far away", "60 at least", "nearer"]);
    check(trip(400, 5000, 63_000), "acknowledge", 63_000, &["slow to answer", "disks"]);
}

#[test]
fn a_full_connection_is_named() {
    let full = producer(USUAL, 300_000).with(|e| e.client.unsent = waits(10, 90_000, 280_000));
    check(full, "acknowledge", 280_000, &["more is published than the connection takes", "--quality"]);
    // If records wait longer than requests take, the requests are large and therefore slow.
    let piled_up = producer(USUAL, 2_300_000).with(|e| {
        e.side = acknowledging([1_000_000, 2_300_000], 1000, false);
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
    // For records of a file the client does not report how long they wait.
    let file = |acknowledge_p50_us| {
        producer(USUAL, 4_600_000).with(|e| {
            e.side = acknowledging([acknowledge_p50_us, 4_600_000], 1000, true);
            e.client.round_trip = waits(300, 450_000, 2_800_000);
        })
    };
    check(file(3_000_000), "acknowledge", 4_600_000, &["more is published than the connection takes"]);
    check(file(500_000), "acknowledge", 2_800_000, &["slow to answer"]);
}

#[test]
fn a_link_that_holds_a_live_source_back_is_named() {
    let narrow = producer(USUAL, 320_000).with(|e| {
        e.superseded = 280;
        e.client.round_trip = waits(4000, 270_000, 320_000);
        if let SideFigures::Producer(figures) = &mut e.side {
            figures.held_back = e.latency.frames - 10;
        }
    });
    let words = ["more is published than the connection takes", "frames waited until others", "280 more were dropped"];
    check(narrow.clone(), "acknowledge", 320_000, &words);
    assert_eq!(explain(&narrow).findings.len(), 1);
}

#[test]
fn a_start_that_takes_long_is_named_where_the_frames_are_few() {
    let started = |frames| {
        producer(USUAL, 700_000).with(|e| {
            e.latency.frames = frames;
            e.side = acknowledging([800, 700_000], 710_000, true);
        })
    };
    let words = ["the connection was still being made", "710 ms, and 22 frames were due by then"];
    check(started(100), "acknowledge", 700_000, &words);
    assert!(explain(&started(10_000)).findings.is_empty(), "they are not what makes p99");
}

#[test]
fn an_encoder_that_cannot_keep_up_has_the_lateness_behind_it_too() {
    let slow = producer([500_000, 45_000, 20, 0, 0, 0, 0], 1000).with(|e| {
        e.latency.median_us[Stage::Encode as usize] = 40_000;
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
