//! Causes found by vidcons' rules.

use super::*;

#[test]
fn settings_that_make_a_fetch_wait_are_named() {
    let slow = |broker_us| viewer([100, 5000, 20, broker_us, 10, 5000, 1000]);
    let set = slow(320_000).set_to(&[("fetch.min.bytes", "1000000")]);
    check(set, "broker", 320_000, &["fetch.min.bytes=1000000", "500 ms", "set it to 1"]);
    let set = slow(45_000).set_to(&[("fetch.min.bytes", "1000000"), ("fetch.wait.max.ms", "40")]);
    check(set, "broker", 40_000, &["40 ms"]);
    let full = [("fetch.queue.backoff.ms", "300"), ("queued.max.messages.kbytes", "1")];
    let words = ["fetch.queue.backoff.ms=300 was set with queued.max.messages.kbytes=1", "omit both"];
    check(slow(280_000).set_to(&full), "broker", 280_000, &words);
    let dropped_words = |e: &mut Evidence| e.superseded = 400;
    check(slow(8000).set_to(&full).with(dropped_words), "broker", 8000, &["400 frames were given up"]);
    // The property was set, but had no effect.
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
fn causes_on_the_producers_side_are_passed_on() {
    let broker = viewer([100, 5000, 20, 61_000, 10, 5000, 1000]);
    check(broker, "broker", 61_000, &["61 of 72 ms", "nothing on the viewer's side", "vidprod --explain"]);
    let before = viewer([40_000, 5000, 20, 1000, 10, 5000, 1000]);
    check(before, "capture", 45_020, &["before publishing", "vidprod --explain"]);
}

#[test]
fn clocks_that_may_differ_are_named() {
    let two = viewer([100, 5000, 20, 61_000, 10, 5000, 1000]).with(|e| e.latency.base = TimeBase::WallClocks);
    check(two, "broker", 61_000, &["wall clocks", "NTP"]);
}

#[test]
fn a_decoder_that_cannot_keep_up_is_named() {
    let slow = viewer([100, 5000, 20, 1000, 10, 45_000, 1000]).with(|e| {
        e.latency.median_us[Stage::Decode as usize] = 40_000;
        e.superseded = 3;
    });
    check(slow.clone(), "decode", 45_000, &["33 ms", "3 frames were given up", "--size"]);
    let queued = slow.with(|e| {
        e.client.fetched_max = 30;
        e.latency.tail.stages_us[Stage::Broker as usize] = 500_000;
    });
    check(queued, "decode", 545_000, &["decoding"]);
}

#[test]
fn the_way_that_pictures_take_to_the_screen_is_named() {
    let on = |display: DisplayPath, present_us: u64| {
        viewer([100, 5000, 20, 1000, 10, 5000, present_us])
            .with(|e| e.side = SideFigures::Viewer { display, display_us: 1000, frame_bytes: 100_000 })
    };
    check(on(DisplayPath::Sent, 6000), "present", 6000, &["socket", "shared memory"]);
    check(on(DisplayPath::Scaled, 6000), "present", 6000, &["scaled", "--window-size"]);
    check(on(DisplayPath::Shared, 20_000), "present", 19_000, &["now and then"]);
    assert!(explain(&on(DisplayPath::Shared, 6000)).findings.is_empty());
    let cannot_keep_up = on(DisplayPath::Sent, 45_000).with(|e| {
        e.latency.median_us[Stage::Present as usize] = 40_000;
        e.client.fetched_max = 30;
        e.latency.tail.stages_us[Stage::Broker as usize] = 500_000;
    });
    check(cannot_keep_up, "present", 545_000, &["socket"]);
}

#[test]
fn a_display_that_is_slow_to_answer_is_named_where_frames_wait_for_it() {
    let held_up = |e: &mut Evidence| {
        e.side = SideFigures::Viewer { display: DisplayPath::Shared, display_us: 90_000, frame_bytes: 100_000 };
        e.superseded = 8;
    };
    let words = ["the display is slow to answer", "90 ms again and again", "8 frames were given up"];
    check(viewer([100, 5000, 20, 95_000, 10, 5000, 1000]).with(held_up), "broker", 90_000, &words);
    assert!(explain(&viewer(USUAL).with(held_up)).findings.is_empty(), "no frame waited");
}
