use super::*;

fn snapshot(state: State) -> Snapshot {
    let ms = Duration::from_millis;
    Snapshot {
        state,
        source: Some("lobby".into()),
        size: Some((640, 360)),
        fps: Some(30.0),
        latency: RecentLatency::Known { p50: ms(5), p99: ms(7), stages: Vec::new() },
        base: TimeBase::SameHost,
        shown: 90,
        dropped: 2,
        lost: 1,
    }
}

#[test]
fn each_state_has_its_words() {
    let s = Duration::from_secs;
    let refused = || Some("connection refused".to_owned());
    let check = |state, line: &str, inexact: &str, title: &str| {
        let snapshot = snapshot(state);
        assert_eq!(snapshot.line(true), format!("lobby  {line}  shown 90  dropped 2  lost 1"));
        assert_eq!(snapshot.line(false), format!("lobby  {inexact}  shown 90  dropped 2  lost 1"));
        assert_eq!(snapshot.title(), format!("lobby - {title} - vidcons"));
    };
    let live = "30.0 fps  p50 5.0 p99 7.0 ms";
    check(State::Live { back_after: None }, live, live, "5.0 ms");
    check(State::Live { back_after: Some(s(12)) }, live, live, "5.0 ms");
    check(State::Paused, "paused", "paused", "paused");
    check(State::Silent { age: s(12), why: None }, "no frames for 12 s", "no frames", "no frames for 12 s");
    check(
        State::Silent { age: s(12), why: refused() },
        "no frames for 12 s: connection refused",
        "no frames: connection refused",
        "no frames for 12 s: connection refused",
    );
    check(State::Ended { ago: s(75), why: None }, "ended 1 min 15 s ago", "ended", "ended 1 min 15 s ago");
}

#[test]
fn before_the_first_picture_it_says_what_it_waits_for() {
    let why = Some("no source \"nope\" yet; in topic video: lobby".to_owned());
    let waiting = Snapshot { source: None, size: None, ..snapshot(State::Waiting { why }) };
    assert_eq!(waiting.line(false), "waiting for frames: no source \"nope\" yet; in topic video: lobby");
    assert_eq!(waiting.title(), format!("{} - vidcons", waiting.line(true)));
    assert_eq!(waiting.overlay().len(), 1);
}

#[test]
fn figures_of_a_stream_that_is_not_live_are_grey() {
    use crate::overlay::Tone;
    let tones = |state| snapshot(state).overlay().into_iter().map(|line| line.tone).collect::<Vec<_>>();
    let s = Duration::from_secs;
    assert_eq!(tones(State::Live { back_after: None }), [Tone::Plain; 3]);
    assert_eq!(tones(State::Live { back_after: Some(s(3)) })[1], Tone::Good);
    for state in [State::Paused, State::Silent { age: s(2), why: None }, State::Ended { ago: s(2), why: None }] {
        assert_eq!(tones(state), [Tone::Grey, Tone::Alert, Tone::Grey, Tone::Grey]);
    }
}

#[test]
fn a_latency_by_clocks_that_disagree_is_not_shown() {
    let latency = RecentLatency::ClocksDisagree(Duration::from_millis(3697));
    let disagree = Snapshot { latency, ..snapshot(State::Live { back_after: None }) };
    let words = "30.0 fps  latency unknown: the clocks disagree by at least 3.7 s";
    assert_eq!(disagree.line(true), format!("lobby  {words}  shown 90  dropped 2  lost 1"));
    assert_eq!(disagree.overlay()[1].text, "end to end unknown: the clocks disagree by at least 3.7 s");
    assert_eq!(disagree.title(), "lobby - vidcons");
}
