//! Several sources and sessions: which one is shown, and when another takes its place.

use super::*;

#[test]
fn of_several_sources_one_is_shown_and_all_are_counted() {
    let mut watch = Watch::new();
    for frame in 0..10 {
        ["b", "a", "c"].into_iter().for_each(|source| watch.live(sent(source, frame)));
        watch.pass(FRAME);
    }
    assert_eq!(watch.shown(), "b0 b1 b2 b3 b4 b5 b6 b7 b8 b9");
    assert_eq!(watch.lost(Loss::Unselected), 20);
    assert_eq!(watch.snapshot(None).position, Some(SourcePosition { number: 2, of: 3 }));
    assert_eq!(watch.command(PlaybackCommand::Select(Direction::Next)).as_deref(), Some("c"));
    for frame in 10..12 {
        ["b", "a", "c"].into_iter().for_each(|source| watch.live(sent(source, frame)));
    }
    assert_eq!(watch.shown(), "c10 c11");
    let snapshot = watch.snapshot(None);
    assert_eq!((snapshot.source, snapshot.total.books.shown, snapshot.sources.len()), (Some("c"), 12, 3));
    watch.check_books();
}

#[test]
fn of_two_sessions_of_one_name_the_later_is_shown_until_it_is_silent() {
    let mut watch = Watch::new();
    for frame in 0..3 {
        watch.live(sent("a", frame).of_session(2));
        watch.live(sent("a", 100 + frame).of_session(1));
        watch.pass(FRAME);
    }
    assert_eq!(watch.shown(), "a0 a1 a2");
    watch.pass(Duration::from_secs(3));
    watch.live(sent("a", 103).of_session(1));
    assert_eq!((watch.shown().as_str(), watch.lost(Loss::Unselected)), ("a103", 3));
    watch.check_books();
}

#[test]
fn a_source_that_dies_falls_silent_and_gives_way_to_another() {
    let mut watch = Watch::new();
    watch.frames(0, 50, FRAME);
    watch.live(sent("b", 0));
    watch.pass(Duration::from_secs(9));
    watch.live(sent("b", 1));
    assert_eq!(watch.state(None), silent(9.0, None));
    watch.pass(Duration::from_secs(2));
    watch.live(sent("b", 2));
    assert_eq!(watch.shown().split(' ').next_back(), Some("b2"));
    assert_eq!((watch.snapshot(None).source, watch.state(None)), (Some("b"), LIVE));
    watch.end(sent("b", 2), Era::Live);
    assert!(watch.engine.live_is_over(), "a dead source is not waited for");
    watch.check_books();
}

#[test]
fn more_sources_than_are_kept_make_room_and_stay_in_the_total() {
    let names: Vec<&'static str> = (0..100).map(|n| &*format!("camera {n:03}").leak()).collect();
    let mut watch = Watch::new();
    for (frame, name) in names.iter().enumerate() {
        // Each lives for a second, and is silent for longer than it takes before it makes room.
        for number in 0..10 {
            watch.live(sent(name, frame as u64 * 10 + number));
            watch.pass(Duration::from_millis(100));
        }
    }
    let snapshot = watch.snapshot(None);
    assert_eq!((snapshot.sources.len(), snapshot.total.tally.whole), (64, 1000));
    assert_eq!(watch.engine.tracks.len(), 64, "no more tracks than sources are kept");
    // One that was removed may come back.
    watch.live(sent(names[0], 5000));
    watch.check_books();
}

#[test]
fn only_requested_sources_are_shown_and_the_first_one_as_soon_as_it_comes() {
    let mut watch = Watch::with(|options| options.sources = vec!["a".to_owned(), "b".to_owned()]);
    watch.live(sent("c", 0));
    let missing = |watch: &Watch| watch.engine.missing_sources().unwrap_or_default();
    assert!(missing(&watch).starts_with(r#"no source "a" or "b"; in topic video: c"#), "{}", missing(&watch));
    watch.live(sent("b", 0));
    watch.live(sent("a", 0));
    watch.live(sent("b", 1));
    assert_eq!((watch.shown().as_str(), missing(&watch).as_str()), ("b0 a0", ""));
    watch.check_books();
}

#[test]
fn figures_are_those_of_the_chosen_source() {
    let mut watch = Watch::new();
    watch.frames(0, 50, FRAME);
    watch.live(sent("b", 0));
    assert_eq!(watch.snapshot(None).fps.map(f64::round), Some(25.0));
    watch.command(PlaybackCommand::Select(Direction::Next));
    let snapshot = watch.snapshot(None);
    assert_eq!((snapshot.source, snapshot.fps, snapshot.latency), (Some("b"), None, RecentLatency::None));
}
