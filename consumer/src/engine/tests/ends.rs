//! The end of a session, for viewers that watched it and for viewers that start later.

use super::*;

#[test]
fn a_session_that_ends_is_no_silence_and_the_next_one_is_shown() {
    let mut watch = Watch::new();
    watch.frames(0, 5, FRAME);
    watch.end(sent("a", 4), Era::Live);
    assert!(watch.engine.live_is_over());
    watch.pass(Duration::from_secs(3));
    assert_eq!(watch.state(None), StreamState::Ended { ago: Duration::from_secs(3), why: None });
    watch.live(sent("a", 0).of_session(2));
    assert_eq!(watch.shown(), "a0 a1 a2 a3 a4 a0");
    assert_eq!(watch.state(None), StreamState::Live { back_after: Some(Duration::from_secs(3)) });
    watch.check_books();
}

#[test]
fn a_viewer_that_comes_after_the_end_sees_the_last_picture_once() {
    let mut watch = Watch::new();
    watch.end(sent("a", 9), Era::BeforeUs);
    watch.show();
    watch.end(sent("a", 9), Era::BeforeUs);
    watch.end(sent("b", 9), Era::BeforeUs);
    watch.show();
    assert_eq!(watch.shown(), "a9");
    let snapshot = watch.snapshot(None);
    assert_eq!((snapshot.displayed, snapshot.total.books.shown), (1, 0), "a repeated picture is no frame");
    assert!(matches!(snapshot.state, StreamState::Ended { .. }));
    assert!(!watch.engine.live_is_over(), "it was over before");
    watch.live(sent("b", 0).of_session(2));
    assert_eq!(watch.shown(), "b0");
    watch.check_books();
}

#[test]
fn the_last_picture_of_a_session_that_was_seen_is_not_repeated() {
    let mut watch = Watch::new();
    watch.publish(sent("a", 9), Era::BeforeUs);
    watch.show();
    watch.end(sent("a", 9), Era::BeforeUs);
    watch.show();
    assert_eq!(watch.shown(), "a9");
    watch.check_books();
}
