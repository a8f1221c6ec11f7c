use common::time::{Clock, ManualClock};
use reports::recorder::Recorder;

use super::*;
use crate::select::Selection;
use crate::viewer::HEADLESS_STAGES;
use crate::viewer::tests::frame;

/// A viewer of source `a`, with a clock that a test moves.
struct Watched {
    viewer: Viewer,
    clock: Arc<ManualClock>,
    next: u64,
}

impl Watched {
    fn new() -> Watched {
        let clock = Arc::new(ManualClock::default());
        clock.advance(Duration::from_secs(100));
        let viewer = Viewer::new(Selection::new(&[]), HEADLESS_STAGES, 0, Recorder::idle(), clock.clone());
        Watched { viewer, clock, next: 0 }
    }

    /// Shows `n` frames, each `interval` after the one before.
    fn frames(&mut self, n: u64, interval: Duration) {
        for _ in 0..n {
            self.clock.advance(interval);
            let held = self.viewer.admit(frame("a", self.next), TimeBase::SameHost, false).expect("it is shown");
            self.viewer.shown(held, 1, 1);
            self.next += 1;
        }
    }

    fn state_after(&self, seconds: f64, conditions: Conditions<'_>) -> State {
        self.clock.advance(Duration::from_secs_f64(seconds));
        Snapshot::take(&self.viewer, &Reassembler::default(), conditions, self.clock.now()).state
    }
}

const FRAME: Duration = Duration::from_millis(40);
const LIVE: State = State::Live { back_after: None };
const CALM: Conditions<'static> = Conditions { cause: None, missing: None, held: false };
const REFUSED: Conditions<'static> = Conditions { cause: Some("refused"), missing: None, held: false };

fn silent(seconds: f64, why: Option<&str>) -> State {
    State::Silent { age: Duration::from_secs_f64(seconds), why: why.map(str::to_owned) }
}

#[test]
fn a_stream_is_live_until_no_frame_comes_and_again_when_one_does() {
    let mut watched = Watched::new();
    let missing = Conditions { missing: Some("no source"), ..REFUSED };
    assert_eq!(watched.state_after(9.0, CALM), State::Waiting { why: None });
    assert_eq!(watched.state_after(0.0, REFUSED), State::Waiting { why: Some("refused".to_owned()) });
    assert_eq!(watched.state_after(0.0, missing), State::Waiting { why: Some("no source".to_owned()) });
    watched.frames(50, FRAME);
    assert_eq!(watched.state_after(1.0, REFUSED), LIVE);
    assert_eq!(watched.state_after(1.0, CALM), silent(2.0, None));
    assert_eq!(watched.state_after(0.0, REFUSED), silent(2.0, Some("refused")));
    assert_eq!(watched.state_after(0.0, Conditions { held: true, ..CALM }), LIVE, "a frame waits until it is due");
    watched.frames(1, Duration::from_secs(8));
    assert_eq!(watched.state_after(1.0, CALM), State::Live { back_after: Some(Duration::from_secs(10)) });
    watched.frames(200, FRAME);
    assert_eq!(watched.state_after(0.0, CALM), LIVE);
}

#[test]
fn a_slow_stream_is_live_between_its_frames_while_there_is_a_connection() {
    let mut watched = Watched::new();
    watched.frames(5, Duration::from_secs(5));
    assert_eq!(watched.state_after(4.0, CALM), LIVE);
    assert_eq!(watched.state_after(0.0, REFUSED), silent(4.0, Some("refused")));
    assert_eq!(watched.state_after(9.0, CALM), silent(13.0, None));
}

#[test]
fn a_pause_and_an_end_are_no_silence() {
    let mut watched = Watched::new();
    watched.frames(50, FRAME);
    watched.viewer.paused = true;
    assert_eq!(watched.state_after(30.0, REFUSED), State::Paused);
    watched.viewer.paused = false;
    let session = frame("a", 0).meta.session;
    watched.viewer.selection.ended("a", session, watched.clock.now());
    assert_eq!(watched.state_after(3.0, CALM), State::Ended { ago: Duration::from_secs(3), why: None });
}

fn snapshot(state: State) -> Snapshot {
    let ms = Duration::from_millis;
    Snapshot {
        state,
        source: Some("lobby".into()),
        place: None,
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
fn a_source_beside_others_has_its_place() {
    let live = Snapshot { place: Some(Place { number: 2, of: 6 }), ..snapshot(State::Live { back_after: None }) };
    assert!(live.line(true).starts_with("lobby (2 of 6)  30.0 fps  p50 5.0"), "{}", live.line(true));
    assert_eq!(live.title(), "lobby (2 of 6) - 5.0 ms - vidcons");
    assert_eq!(live.overlay()[0].text, "lobby (2 of 6, Tab: next)  640x360  30.0 fps");
    let ended = Snapshot { state: State::Ended { ago: Duration::from_secs(5), why: None }, ..live };
    assert_eq!(ended.title(), "lobby (2 of 6) - ended 5 s ago - vidcons");
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

#[test]
fn the_figures_say_what_the_line_says() {
    let losses = || [("superseded".to_owned(), 2), ("torn".to_owned(), 1)].into();
    let figures = |state| {
        let figures = Figures::new(snapshot(state), "video", 1_500_000, losses());
        serde_json::to_value(figures).expect("it is JSON")
    };
    let live = serde_json::json!({
        "topic": "video", "source": "lobby", "state": "live", "frames": 90, "fps": 30.0, "bytes_per_second": 1_500_000,
        "p50_us": 5000, "p99_us": 7000, "dropped": 2, "lost": 1, "drops": {"superseded": 2, "torn": 1},
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
