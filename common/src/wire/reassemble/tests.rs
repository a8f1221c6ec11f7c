use proptest::prelude::*;

use super::*;
use crate::wire::record::tests::{frame, meta};
use crate::wire::record::{self, Record};

fn parts(number: u64, bytes: usize, most: usize) -> Vec<Part> {
    record::split(&frame(number, bytes), most).iter().map(part).collect()
}

fn part(record: &Record) -> Part {
    match record::read(record) {
        Ok(Incoming::Part(part)) => part,
        other => panic!("{other:?}"),
    }
}

struct Link {
    to: Reassembler,
    now: Micros,
    got: Vec<u64>,
}

impl Link {
    fn new(limits: Limits) -> Link {
        Link { to: Reassembler::new(limits), now: Micros(0), got: Vec::new() }
    }

    fn push(&mut self, part: Part) {
        self.now = self.now.plus(Duration::from_millis(1));
        let number = part.meta.frame;
        if let Ok(Pushed::Frame(got)) = self.to.push(Incoming::Part(part), self.now) {
            assert_eq!(got.payload, frame(number, got.payload.len()).payload, "the bytes are those that were sent");
            self.got.push(number);
        }
        self.to.check_invariants();
    }

    /// Pushes a frame of one part, with the running counts of frames left out before it.
    fn push_frame(&mut self, number: u64, dropped: u64, skipped: u64) {
        let mut part = parts(number, 3, 3).remove(0);
        (part.meta.dropped, part.meta.skipped) = (dropped, skipped);
        self.push(part);
    }

    fn end(&mut self, captured: u64, superseded: u64, skipped: u64) {
        let (end, mut meta) = (End { captured, superseded, ..End::default() }, meta(captured - 1));
        meta.skipped = skipped;
        self.to.push(Incoming::End(meta, end, None), self.now).expect("an end is taken");
        self.to.check_invariants();
    }
}

/// Sends the parts `(frame, part)` of frames with three parts each, and compares the result with `whole` (in order) and
/// the sums `torn`, `lost`, `duplicates`.
fn check(sent: &[(u64, usize)], whole: &[u64], (torn, lost, duplicates): (u64, u64, u64)) {
    let mut link = Link::new(Limits::default());
    sent.iter().for_each(|&(number, index)| link.push(parts(number, 9, 3).remove(index)));
    link.to.expire(Micros(u64::MAX));
    assert_eq!(link.got, whole);
    assert_eq!(link.to.total(), Tally { whole: whole.len() as u64, torn, lost, duplicates, skipped: 0 });
    assert_eq!(link.to.held_bytes(), 0);
}

#[test]
fn parts_in_order_make_a_frame() {
    check(&[(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)], &[0, 1], (0, 0, 0));
}

#[test]
fn parts_out_of_order_make_a_frame() {
    check(&[(4, 0), (4, 1), (4, 2), (5, 2), (5, 0), (5, 1)], &[4, 5], (0, 0, 0));
}

#[test]
fn copies_are_counted_and_change_nothing() {
    check(&[(0, 0), (0, 0), (0, 1), (0, 2), (0, 2)], &[0], (0, 0, 2));
}

#[test]
fn a_frame_is_torn_when_a_newer_one_completes() {
    check(&[(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (0, 2)], &[1], (1, 0, 1));
}

#[test]
fn a_frame_is_torn_when_its_deadline_passes() {
    check(&[(0, 0), (0, 1)], &[], (1, 0, 0));
}

#[test]
fn a_gap_is_lost() {
    check(&[(0, 0), (0, 1), (0, 2), (3, 0), (3, 1), (3, 2)], &[0, 3], (0, 2, 0));
}

#[test]
fn a_frame_that_was_joined_in_its_middle_is_not_counted() {
    check(&[(7, 1), (7, 2), (8, 0), (8, 1), (8, 2)], &[8], (0, 0, 0));
    check(&[(7, 1), (7, 2)], &[], (0, 0, 0));
    check(&[(7, 1), (7, 0), (7, 2), (9, 0), (9, 1), (9, 2)], &[7, 9], (0, 1, 0));
}

#[test]
fn what_the_producer_dropped_is_not_lost() {
    let mut link = Link::new(Limits::default());
    for (number, dropped) in [(10, 4), (13, 5), (14, 5)] {
        link.push_frame(number, dropped, 0);
    }
    assert_eq!(link.to.total(), Tally { whole: 3, lost: 1, ..Tally::default() });
    link.end(20, 8, 0);
    assert_eq!(link.to.total(), Tally { whole: 3, lost: 3, ..Tally::default() }, "10..=19 less 4 dropped, 3 whole");
}

/// Checks the sums (lost, skipped) after whole frames given as (number, dropped, skipped).
fn check_skipped(frames: &[(u64, u64, u64)], (lost, skipped): (u64, u64)) {
    let mut link = Link::new(Limits::default());
    frames.iter().for_each(|&(number, dropped, skipped)| link.push_frame(number, dropped, skipped));
    let expected = Tally { whole: frames.len() as u64, lost, skipped, ..Tally::default() };
    assert_eq!(link.to.total(), expected, "{frames:?}");
}

#[test]
fn what_was_skipped_on_purpose_is_neither_lost_nor_expected() {
    check_skipped(&[(0, 0, 0), (4, 0, 3), (5, 0, 3), (9, 0, 6)], (0, 6));
    check_skipped(&[(0, 0, 0), (4, 0, 2), (5, 0, 2)], (1, 2));
    check_skipped(&[(0, 0, 0), (9, 3, 4), (12, 4, 5)], (1, 5));
    // Frames skipped before the first one seen are not counted.
    check_skipped(&[(10, 0, 7), (12, 0, 8)], (0, 1));
    // Frames arrive out of order.
    check_skipped(&[(12, 0, 8), (10, 0, 7), (15, 0, 9), (14, 0, 9)], (0, 2));
}

#[test]
fn a_detector_that_is_started_again_counts_from_zero() {
    check_skipped(&[(0, 0, 0), (4, 0, 3), (9, 0, 0), (12, 0, 2)], (4, 5));
}

#[test]
fn a_lie_about_what_was_skipped_hides_no_more_than_is_missing() {
    check_skipped(&[(0, 0, 0), (4, 0, u64::MAX), (5, u64::MAX, 1)], (3, 0));
    check_skipped(&[(50, 0, 0), (54, 0, 54), (55, 0, 0), (56, 0, 56)], (0, 3));
    check_skipped(&[(50, 0, 9), (51, 0, 0)], (0, 0));
}

#[test]
fn the_end_of_a_session_contains_the_final_skipped_count() {
    let mut link = Link::new(Limits::default());
    link.push_frame(0, 0, 0);
    link.push_frame(4, 1, 2);
    link.end(10, 2, 6);
    assert_eq!(link.to.total(), Tally { whole: 2, skipped: 6, ..Tally::default() }, "10 less 2 dropped, 6 skipped");
    let mut link = Link::new(Limits::default());
    link.push_frame(4, 0, 3);
    link.end(10, 0, 0);
    assert_eq!(link.to.total(), Tally { whole: 1, lost: 5, ..Tally::default() }, "an end without the count");
}

#[test]
fn one_number_astray_is_rejected_and_a_confirmed_jump_is_accepted() {
    let mut link = Link::new(Limits::default());
    for number in [0, 1, 5_000_000, 2, 3, 90_000, 90_001] {
        link.push(parts(number, 3, 3).remove(0));
    }
    assert_eq!(link.got, [0, 1, 2, 3, 90_001]);
}

#[test]
fn a_long_gap_that_was_counted_is_accepted_at_once() {
    let mut link = Link::new(Limits::default());
    link.push(parts(10, 3, 3).remove(0));
    link.push_frame(5000, 4980, 0);
    assert_eq!(link.got, [10, 5000]);
    assert_eq!(link.to.total().lost, 9);
    link.push_frame(90_000, 4980, 84_990);
    assert_eq!(link.got, [10, 5000, 90_000]);
    assert_eq!(link.to.total().lost, 18);
    link.push_frame(900_000, 4980, 900_000);
    assert_eq!(link.got, [10, 5000, 90_000], "more were not numbered");
}

#[test]
fn an_end_that_lies_loses_nothing() {
    let mut link = Link::new(Limits::default());
    link.push(parts(0, 3, 3).remove(0));
    link.end(1 << 40, 0, 0);
    assert_eq!(link.to.total(), Tally { whole: 1, ..Tally::default() });
}

#[test]
fn sources_are_bounded_and_silent_ones_make_room() {
    let mut link = Link::new(Limits { sources_max: 2, ..Limits::default() });
    let mut of = |name: &str, later_s: u64| {
        let mut part = parts(0, 3, 3).remove(0);
        part.meta.source = name.into();
        link.now = link.now.plus(Duration::from_secs(later_s));
        let result = link.to.push(Incoming::Part(part), link.now);
        link.to.check_invariants();
        result
    };
    assert!(of("a", 0).is_ok());
    assert!(of("b", 0).is_ok());
    assert_eq!(of("c", 1), Err(Rejected::TooManySources(2)));
    assert!(of("a", 3).is_ok());
    assert!(of("c", 3).is_ok(), "b was silent for long enough");
    assert_eq!(link.to.total().whole, 3, "what made room is still counted");
}

#[test]
fn memory_is_bounded_and_the_oldest_goes_first() {
    let mut link = Link::new(Limits { bytes_max: 10_000, ..Limits::default() });
    for number in 0..8 {
        link.push(parts(number, 4000, 2000).remove(0));
    }
    assert!(link.to.held_bytes() <= 10_000);
    link.push(parts(7, 4000, 2000).remove(1));
    assert_eq!(link.got, [7]);
    assert_eq!(link.to.push(Incoming::Part(parts(9, 20_000, 2000).remove(0)), link.now), Err(Rejected::OverBound));
}

/// A link that loses, delays, duplicates and interleaves parts, always in the same way for the same seed. Before the
/// link some frames are dropped and some skipped. Returns the link, the number of frames that it carried whole, and the
/// counts (dropped, skipped) at each frame and at the end.
fn lossy(seed: u64, frames: u64) -> (Link, u64, Vec<(u64, u64)>) {
    let mut state = seed;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut link = Link::new(Limits { bytes_max: 4000, ..Limits::default() });
    let mut on_the_way: Vec<Part> = Vec::new();
    let mut sent_whole = 0;
    let mut counts = vec![(0, 0)];
    for number in 0..frames {
        let (dropped, skipped) = counts[number as usize];
        let fate = random(6);
        counts.push((dropped + u64::from(fate == 0), skipped + u64::from(fate == 1)));
        if fate < 2 {
            continue;
        }
        let mut lost = false;
        for mut part in parts(number, 1 + random(400) as usize, 100) {
            (part.meta.dropped, part.meta.skipped) = (dropped, skipped);
            match random(20) {
                0 => lost = true,
                1 => on_the_way.extend([part.clone(), part]),
                _ => on_the_way.push(part),
            }
        }
        sent_whole += u64::from(!lost);
        while on_the_way.len() > random(8) as usize {
            let next = random(3).min(on_the_way.len() as u64 - 1);
            link.push(on_the_way.remove(next as usize));
        }
    }
    on_the_way.into_iter().for_each(|part| link.push(part));
    let (dropped, skipped) = counts[frames as usize];
    link.end(frames, dropped, skipped);
    (link, sent_whole, counts)
}

proptest! {
    #[test]
    fn the_books_balance_over_a_lossy_link(seed in any::<u64>()) {
        let (link, sent_whole, counts) = lossy(seed, 60);
        let tally = link.to.total();
        prop_assert_eq!(tally.whole, link.got.len() as u64);
        prop_assert!(tally.whole <= sent_whole);
        let mut once = link.got.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), link.got.len(), "no frame comes out twice");
        // Frames before the first one seen are not counted.
        let first = link.to.session("clip", meta(0).session).and_then(SessionState::first_number).unwrap_or(60) as usize;
        let (dropped, skipped) = (counts[60].0 - counts[first].0, counts[60].1 - counts[first].1);
        prop_assert_eq!(tally.skipped, skipped);
        prop_assert_eq!(tally.expected() + dropped + skipped, 60 - first as u64);
    }

    #[test]
    fn false_counts_and_lengths_do_no_harm(
        sent in prop::collection::vec((0u64..6, 0u32..4, 1u32..5, 1usize..12, 0u64..3, 0u64..6), 0..60)
    ) {
        let mut link = Link::new(Limits { bytes_max: 700, sources_max: 3, sessions_max: 2, ..Limits::default() });
        for (number, index, count, bytes, session, left_out) in sent {
            let mut record = record::split(&frame(number, bytes.div_ceil(count as usize)), 12).remove(0);
            let lies = [
                ("part", format!("{index}/{count}")),
                ("bytes", bytes.to_string()),
                ("session", format!("{}-1", session + 1)),
                ("dropped", (left_out / 2).to_string()),
                ("skipped", left_out.to_string()),
            ];
            record.headers.retain(|(name, _)| lies.iter().all(|(lie, _)| lie != name));
            for (name, value) in lies {
                record.headers.push((name.into(), value.into()));
            }
            let Ok(Incoming::Part(part)) = record::read(&record) else { continue };
            link.now = link.now.plus(Duration::from_millis(1));
            let _ = link.to.push(Incoming::Part(part), link.now);
            link.to.check_invariants();
        }
    }
}

/// Checks the sums after a member of a group pushed these frames (number and stretch of reading).
fn check_group(frames: &[(u64, u64)], (whole, torn, lost, duplicates): (u64, u64, u64, u64)) {
    let mut link = Link::new(Limits::default());
    for &(number, stretch) in frames {
        let part = parts(number, 3, 3).remove(0);
        link.to.resume(&part.meta.source, part.meta.session, stretch, link.now);
        link.push(part);
    }
    assert_eq!(link.to.total(), Tally { whole, torn, lost, duplicates, skipped: 0 }, "{frames:?}");
}

#[test]
fn what_another_member_of_the_group_took_is_not_lost() {
    check_group(&[(0, 0), (1, 0), (7, 1), (8, 1)], (4, 0, 0, 0));
    check_group(&[(0, 0), (1, 0), (5000, 1), (5001, 1)], (4, 0, 0, 0));
    check_group(&[(0, 3), (1, 3), (3, 3)], (3, 0, 1, 0));
    check_group(&[(0, 0), (2, 0), (7, 1), (9, 1)], (4, 0, 2, 0));
    // The previous member had not committed all that it read.
    check_group(&[(0, 0), (1, 0), (7, 1), (8, 1), (1, 1), (2, 1)], (5, 0, 4, 1));
}

#[test]
fn a_frame_of_which_another_member_took_the_rest_is_torn() {
    let mut link = Link::new(Limits::default());
    let mut push = |number: u64, index: usize, stretch: u64| {
        let part = parts(number, 9, 3).remove(index);
        link.to.resume(&part.meta.source, part.meta.session, stretch, link.now);
        link.push(part);
    };
    [(0, 0, 0), (0, 1, 0), (0, 2, 0), (1, 0, 0)].into_iter().for_each(|(n, i, s)| push(n, i, s));
    // Reading began in the middle of frame 5, which the other member counts.
    [(5, 2, 1), (6, 0, 1), (6, 1, 1), (6, 2, 1)].into_iter().for_each(|(n, i, s)| push(n, i, s));
    assert_eq!(link.to.total(), Tally { whole: 2, torn: 1, ..Tally::default() });
}
