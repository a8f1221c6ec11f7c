use common::books::{FrameInterval, Loss, SourceBooks};
use common::time::Stage;
use common::wire::Tally;

use super::*;
use crate::engine::{SourcePosition, SourceSnapshot};

const LIVE: StreamState = StreamState::Live { back_after: None };

fn silent(seconds: f64, why: Option<&str>) -> StreamState {
    StreamState::Silent { age: Duration::from_secs_f64(seconds), why: why.map(str::to_owned) }
}

fn snapshot(state: StreamState) -> Snapshot<'static> {
    let ms = Duration::from_millis;
    let mut books = SourceBooks { shown: 90, ..SourceBooks::default() };
    [Loss::Superseded, Loss::Superseded, Loss::Unselected].into_iter().for_each(|loss| books.losses.add(loss));
    Snapshot {
        topic: "video",
        state,
        source: Some("lobby"),
        position: None,
        size: Some((640, 360)),
        fps: Some(30.0),
        latency: RecentLatency::Known { p50: ms(5), p99: ms(7), stages: Vec::new() },
        base: TimeBase::SameHost,
        displayed: 90,
        total: SourceSnapshot { books: Box::leak(books.into()), tally: Tally { torn: 1, ..Tally::default() } },
        sources: Default::default(),
        rejected: 0,
        interval: FrameInterval::default(),
        stages: &Stage::ALL,
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
    check(StreamState::Live { back_after: None }, live, live, "5.0 ms");
    check(StreamState::Live { back_after: Some(s(12)) }, live, live, "5.0 ms");
    check(StreamState::Paused, "paused", "paused", "paused");
    check(StreamState::Silent { age: s(12), why: None }, "no frames for 12 s", "no frames", "no frames for 12 s");
    check(
        StreamState::Silent { age: s(12), why: refused() },
        "no frames for 12 s: connection refused",
        "no frames: connection refused",
        "no frames for 12 s: connection refused",
    );
    check(StreamState::Ended { ago: s(75), why: None }, "ended 1 min 15 s ago", "ended", "ended 1 min 15 s ago");
}

#[test]
fn a_source_beside_others_has_its_place() {
    let live = Snapshot {
        position: Some(SourcePosition { number: 2, of: 6 }),
        ..snapshot(StreamState::Live { back_after: None })
    };
    assert!(live.line(true).starts_with("lobby (2 of 6)  30.0 fps  p50 5.0"), "{}", live.line(true));
    assert_eq!(live.title(), "lobby (2 of 6) - 5.0 ms - vidcons");
    assert_eq!(live.overlay()[0].text, "lobby (2 of 6, Tab: next)  640x360  30.0 fps");
    let ended = Snapshot { state: StreamState::Ended { ago: Duration::from_secs(5), why: None }, ..live };
    assert_eq!(ended.title(), "lobby (2 of 6) - ended 5 s ago - vidcons");
}

#[test]
fn before_the_first_picture_the_line_names_the_reason_for_waiting() {
    let why = Some("no source \"nope\" yet; in topic video: lobby".to_owned());
    let waiting = Snapshot { source: None, size: None, ..snapshot(StreamState::Waiting { why }) };
    assert_eq!(waiting.line(false), "waiting for frames: no source \"nope\" yet; in topic video: lobby");
    assert_eq!(waiting.title(), format!("{} - vidcons", waiting.line(true)));
    assert_eq!(waiting.overlay().len(), 1);
}

#[test]
fn figures_of_a_stream_that_is_not_live_are_grey() {
    let tones = |state| snapshot(state).overlay().into_iter().map(|line| line.tone).collect::<Vec<_>>();
    let s = Duration::from_secs;
    assert_eq!(tones(StreamState::Live { back_after: None }), [Tone::Plain; 3]);
    assert_eq!(tones(StreamState::Live { back_after: Some(s(3)) })[1], Tone::Good);
    for state in
        [StreamState::Paused, StreamState::Silent { age: s(2), why: None }, StreamState::Ended { ago: s(2), why: None }]
    {
        assert_eq!(tones(state), [Tone::Grey, Tone::Alert, Tone::Grey, Tone::Grey]);
    }
}

#[test]
fn a_latency_by_clocks_that_disagree_is_not_shown() {
    let latency = RecentLatency::ClocksDisagree(Duration::from_millis(3697));
    let disagree = Snapshot { latency, ..snapshot(StreamState::Live { back_after: None }) };
    let words = "30.0 fps  latency unknown: the clocks disagree by at least 3.7 s";
    assert_eq!(disagree.line(true), format!("lobby  {words}  shown 90  dropped 2  lost 1"));
    assert_eq!(disagree.overlay()[1].text, "end to end unknown: the clocks disagree by at least 3.7 s");
    assert_eq!(disagree.title(), "lobby - vidcons");
}

#[test]
fn figures_and_line_agree() {
    let figures = |state| {
        let figures = ViewerStatus::new(&snapshot(state), 1_500_000);
        serde_json::to_value(figures).expect("it is JSON")
    };
    let live = serde_json::json!({
        "topic": "video", "source": "lobby", "state": "live", "frames": 90, "fps": 30.0, "bytes_per_second": 1_500_000,
        "p50_us": 5000, "p99_us": 7000, "dropped": 2, "lost": 1,
        "drops": {"superseded": 2, "late": 0, "undecodable": 0, "paused": 0, "unselected": 1, "torn": 1, "lost": 0},
    });
    assert_eq!(figures(LIVE), live);
    let silent = figures(silent(12.0, Some("connection refused")));
    assert_eq!((&silent["state"], &silent["state_seconds"]), (&"silent".into(), &12.0.into()));
    assert_eq!((&silent["why"], &silent["fps"]), (&"connection refused".into(), &0.0.into()));
    assert_eq!(silent.get("p50_us"), None, "the last frames' latency is not that of now");
}

#[test]
fn a_status_that_is_rare_covers_the_time_since_the_last_one() {
    use common::time::{Percentiles, PeriodFigures};
    let ms = Duration::from_millis;
    let latency = Some(Percentiles { p50: ms(6), p99: ms(900) });
    let mut rare = snapshot(LIVE);
    rare.cover(&PeriodFigures { fps: 12.5, bytes_per_second: 0, latency });
    assert_eq!(rare.line(false), "lobby  12.5 fps  p50 6.0 p99 900.0 ms  shown 90  dropped 2  lost 1");
}
