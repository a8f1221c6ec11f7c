//! Live frames, recorded frames, and pauses.

use super::*;

#[test]
fn the_newest_frame_is_shown_and_older_ones_are_counted() {
    let mut watch = Watch::new();
    for frame in [0, 2, 1] {
        watch.publish(sent("a", frame), Era::Live);
    }
    watch.show();
    watch.live(sent("a", 1));
    watch.live(sent("a", 3));
    assert_eq!(watch.shown(), "a2 a3");
    assert_eq!((watch.lost(Loss::Superseded), watch.lost(Loss::Late)), (2, 0), "a duplicate is no second frame");
    watch.check_books();
}

#[test]
fn a_frame_that_comes_after_a_newer_one_was_shown_is_late() {
    let mut watch = Watch::new();
    for frame in [0, 2, 1, 3] {
        watch.live(sent("a", frame));
    }
    assert_eq!((watch.shown().as_str(), watch.lost(Loss::Late)), ("a0 a2 a3", 1));
    watch.check_books();
}

#[test]
fn live_frames_that_come_during_a_pause_are_counted_as_such() {
    let mut watch = Watch::new();
    watch.frames(0, 3, FRAME);
    watch.command(PlaybackCommand::Pause);
    assert!(watch.engine.wants_records(), "they are read, so that what comes after the pause is new");
    watch.frames(3, 4, FRAME);
    assert_eq!(watch.state(Some("refused")), StreamState::Paused);
    watch.command(PlaybackCommand::Play);
    watch.frames(7, 1, FRAME);
    assert_eq!((watch.shown().as_str(), watch.lost(Loss::Paused)), ("a0 a1 a2 a7", 4));
    assert_eq!(watch.state(None), LIVE);
    watch.check_books();
}

#[test]
fn a_pause_of_history_loses_nothing_and_is_no_silence() {
    let mut watch = Watch::new();
    watch.command(PlaybackCommand::Speed(Speed::Max));
    watch.publish(sent("a", 0), Era::History);
    assert!(!watch.engine.wants_records(), "one frame waits");
    watch.show();
    watch.command(PlaybackCommand::Pause);
    assert!(!watch.engine.wants_records());
    watch.pass(Duration::from_secs(30));
    watch.command(PlaybackCommand::Play);
    assert!(watch.engine.wants_records());
    assert_eq!(watch.state(None), LIVE);
    watch.publish(sent("a", 1), Era::History);
    watch.show();
    assert_eq!((watch.shown().as_str(), watch.lost(Loss::Paused)), ("a0 a1", 0));
    watch.check_books();
}

#[test]
fn recorded_frames_are_shown_when_they_are_due() {
    let mut watch = Watch::new();
    watch.command(PlaybackCommand::Speed(Speed::Times(2.0)));
    let mut frame = 0;
    for ms in 0..100 {
        while watch.engine.wants_records() {
            watch.publish(sent("a", frame), Era::History);
            frame += 1;
            watch.show();
        }
        watch.show();
        assert_eq!(watch.shown.len(), 1 + ms / 20, "after {ms} ms");
        watch.pass(Duration::from_millis(1));
    }
    assert_eq!(watch.shown(), "a0 a1 a2 a3 a4");
    watch.check_books();
    assert_eq!(watch.lost(Loss::Superseded), 1, "the one that was not yet due at the end");
}
