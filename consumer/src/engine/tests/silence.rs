//! When a stream is silent, and when it is live.

use super::*;

#[test]
fn a_stream_is_live_until_no_frame_comes_and_again_when_one_does() {
    let mut watch = Watch::new();
    let s = Duration::from_secs;
    watch.pass(s(9));
    assert_eq!(watch.state(None), StreamState::Waiting { why: None });
    assert_eq!(watch.state(Some("refused")), StreamState::Waiting { why: Some("refused".to_owned()) });
    watch.frames(0, 50, FRAME);
    watch.pass(s(1));
    assert_eq!(watch.state(Some("refused")), LIVE);
    watch.pass(s(1));
    assert_eq!(watch.state(None), silent(2.0, None));
    assert_eq!(watch.state(Some("refused")), silent(2.0, Some("refused")));
    watch.frames(50, 1, s(8));
    watch.pass(s(1));
    assert_eq!(watch.state(None), StreamState::Live { back_after: Some(s(10)) });
    watch.frames(51, 200, FRAME);
    assert_eq!(watch.state(None), LIVE);
}

#[test]
fn a_slow_stream_is_live_between_its_frames_while_there_is_a_connection() {
    let mut watch = Watch::new();
    watch.frames(0, 5, Duration::from_secs(5));
    watch.pass(Duration::from_secs(4));
    assert_eq!(watch.state(None), LIVE);
    assert_eq!(watch.state(Some("refused")), silent(4.0, Some("refused")));
    watch.pass(Duration::from_secs(9));
    assert_eq!(watch.state(None), silent(13.0, None));
}

#[test]
fn a_frame_that_waits_until_it_is_due_is_no_silence() {
    let mut watch = Watch::new();
    watch.command(PlaybackCommand::Speed(Speed::Times(1.0)));
    watch.publish(sent("a", 0), Era::History);
    watch.show();
    watch.publish(Sent { pts: Duration::from_secs(8), ..sent("a", 1) }, Era::History);
    watch.pass(Duration::from_secs(5));
    watch.show();
    assert_eq!((watch.shown().as_str(), watch.state(None)), ("a0", LIVE));
}
