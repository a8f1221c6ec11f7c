use std::time::Duration;

use common::wire::{Codec, FrameKind, Meta, Session};

use super::*;

fn meta(source: &str, began_ms: u64) -> Meta {
    Meta {
        source: source.into(),
        session: Session { began_ms, salt: 0 },
        frame: 0,
        codec: Codec::Jpeg,
        key_frame: true,
        number: None,
        pts: Duration::ZERO,
        stamps: common::time::Stamps::default(),
        origin: common::wire::Origin { boot: "".into(), wall_offset_us: 0 },
        width: 1,
        height: 1,
        dropped: 0,
        skipped: 0,
    }
}

fn frame(source: &str, began_ms: u64) -> Frame {
    Frame { meta: meta(source, began_ms), payload: Default::default(), kind: FrameKind::Own }
}

/// Checks which of the frames (source, session, second) are taken.
fn check(wanted: &[&str], frames: &[(&str, u64, u64)], taken: &[bool]) {
    let mut tracks = Tracks::new(wanted.iter().map(|w| (*w).to_owned()).collect());
    let got: Vec<bool> = frames
        .iter()
        .map(|&(source, began, s)| tracks.takes(&frame(source, began), true, Micros(s * 1_000_000)))
        .collect();
    assert_eq!(got, taken);
}

#[test]
fn the_first_source_is_shown() {
    check(&[], &[("b", 1, 0), ("a", 1, 0), ("b", 1, 1)], &[true, false, true]);
}

#[test]
fn the_first_one_wanted_is_shown_as_soon_as_it_comes() {
    check(&["a", "b"], &[("c", 1, 0), ("b", 1, 0), ("a", 1, 0), ("b", 1, 1)], &[false, true, true, false]);
}

#[test]
fn of_two_live_sessions_the_later_is_shown() {
    check(&[], &[("a", 1, 0), ("a", 2, 0), ("a", 1, 1), ("a", 2, 1)], &[true, true, false, true]);
}

#[test]
fn a_silent_session_gives_way() {
    check(&[], &[("a", 2, 0), ("a", 1, 1), ("a", 1, 4)], &[true, false, true]);
}

#[test]
fn a_source_that_ended_gives_way_to_one_that_is_live() {
    let mut tracks = Tracks::new(Vec::new());
    assert!(tracks.takes(&frame("a", 1), true, Micros(0)));
    assert!(!tracks.takes(&frame("b", 1), true, Micros(1)));
    assert!(tracks.track(&"a".into()).end(meta("a", 1).session, Micros(1)));
    assert!(tracks.takes(&frame("b", 1), true, Micros(2)));
    assert!(!tracks.takes(&frame("a", 2), true, Micros(3)), "and stays until it ends");
}

#[test]
fn a_source_that_died_gives_way_and_is_not_waited_for() {
    let mut tracks = Tracks::new(Vec::new());
    let s = |seconds: u64| Micros(seconds * 1_000_000);
    assert!(tracks.takes(&frame("a", 1), true, s(0)));
    assert!(!tracks.takes(&frame("b", 1), true, s(9)));
    assert!(tracks.takes(&frame("b", 1), true, s(11)));
    assert!(tracks.track(&"b".into()).end(meta("b", 1).session, Micros(1)));
    assert!(tracks.all_ended(s(11)));
}

#[test]
fn what_was_there_before_us_is_not_waited_for() {
    let mut tracks = Tracks::new(Vec::new());
    tracks.takes(&frame("old", 1), false, Micros(0));
    assert!(!tracks.all_ended(Micros(1)));
    tracks.takes(&frame("a", 1), true, Micros(2));
    tracks.track(&"a".into()).end(meta("a", 1).session, Micros(1));
    assert!(tracks.all_ended(Micros(3)));
}

fn seconds(s: u64) -> Micros {
    Micros(s * 1_000_000)
}

/// Three sources with one frame each; `b` is shown.
fn three() -> Tracks {
    let mut tracks = Tracks::new(Vec::new());
    for source in ["b", "a", "c"] {
        tracks.takes(&frame(source, 1), true, seconds(0));
    }
    tracks
}

fn position(number: usize, of: usize) -> Option<SourcePosition> {
    Some(SourcePosition { number, of })
}

#[test]
fn tab_goes_round_and_shift_tab_back() {
    let mut tracks = three();
    let mut go =
        |direction| tracks.step(direction, seconds(0), seconds(0)).map(ToString::to_string).unwrap_or_default();
    assert_eq!([Direction::Next; 3].map(&mut go), ["c", "a", "b"]);
    assert_eq!([Direction::Previous; 4].map(&mut go), ["a", "c", "b", "a"]);
    assert!(tracks.takes(&frame("a", 1), true, seconds(1)));
}

#[test]
fn sources_that_come_and_go_are_counted() {
    let mut tracks = three();
    assert_eq!(tracks.position(seconds(1)), position(2, 3));
    tracks.takes(&frame("b", 1), true, seconds(9));
    tracks.takes(&frame("d", 1), true, seconds(9));
    assert_eq!(tracks.position(seconds(9)), position(2, 4));
    assert_eq!(tracks.position(seconds(11)), position(1, 2), "a and c are silent");
    tracks.track(&"d".into()).end(meta("d", 1).session, seconds(11));
    assert_eq!(tracks.position(seconds(11)), None, "there is no other");
    assert_eq!(tracks.step(Direction::Next, seconds(11), seconds(11)), None);
    tracks.track(&"b".into()).end(meta("b", 1).session, seconds(12));
    assert!(tracks.takes(&frame("d", 2), true, seconds(12)), "it was not chosen by hand");
    assert_eq!(tracks.position(seconds(12)), None, "one that ended counts no more when another is shown");
}

#[test]
fn a_source_chosen_by_hand_counts_after_its_end() {
    let mut tracks = three();
    tracks.step(Direction::Next, seconds(0), seconds(0));
    tracks.track(&"c".into()).end(meta("c", 1).session, seconds(1));
    assert_eq!(tracks.position(seconds(2)), position(3, 3));
    tracks.step(Direction::Next, seconds(2), seconds(2));
    assert_eq!(tracks.position(seconds(2)), position(1, 2));
}

#[test]
fn what_was_there_before_us_is_counted_once_it_is_live() {
    let mut tracks = three();
    tracks.takes(&frame("old", 1), false, seconds(0));
    assert_eq!(tracks.position(seconds(0)), position(2, 3));
    tracks.takes(&frame("old", 1), true, seconds(1));
    assert_eq!(tracks.position(seconds(1)), position(2, 4));
}

#[test]
fn a_slow_source_counts_between_its_frames() {
    let mut tracks = three();
    tracks.step(Direction::Next, seconds(0), seconds(0));
    for minute in 1..3 {
        tracks.takes(&frame("slow", 1), true, seconds(60 * minute));
    }
    assert_eq!(tracks.position(seconds(180)), position(1, 2));
}
