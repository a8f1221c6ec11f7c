//! The engine is fed records of imaginary producers, and a clock that the tests move.

use cli::values::Speed;
use common::time::{Clock, ManualClock, RecentLatency, Stamps};
use common::wire::{Codec, Record, Session, record};

use super::*;

const FRAME: Duration = Duration::from_millis(40);
const LIVE: StreamState = StreamState::Live { back_after: None };

/// An engine, its clock, and what it has shown.
struct Watch {
    engine: Engine,
    clock: ManualClock,
    offset: i64,
    shown: Vec<(String, u64)>,
}

/// A frame of a source, in the session that began at `session`.
#[derive(Clone, Copy)]
struct Sent {
    source: &'static str,
    session: u64,
    frame: u64,
    pts: Duration,
}

fn sent(source: &'static str, frame: u64) -> Sent {
    Sent { source, session: 1, frame, pts: FRAME * frame as u32 }
}

impl Sent {
    fn of_session(self, session: u64) -> Sent {
        Sent { session, ..self }
    }

    fn meta(self, published: Micros) -> Meta {
        Meta {
            source: self.source.into(),
            session: Session { began_ms: self.session, salt: 0 },
            frame: self.frame,
            codec: Codec::Jpeg,
            key_frame: true,
            number: None,
            pts: self.pts,
            stamps: Stamps { due: published, captured: published, encoded: published, published, ..Stamps::default() },
            origin: Origin { boot: "here".into(), wall_offset_us: 0 },
            width: 1,
            height: 1,
            dropped: 0,
            skipped: 0,
        }
    }
}

impl Watch {
    fn new() -> Watch {
        Watch::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut EngineOptions)) -> Watch {
        let clock = ManualClock::default();
        clock.advance(Duration::from_secs(100));
        let mut options = EngineOptions::new("video", &clock);
        options.clock = Origin { boot: "here".into(), wall_offset_us: 0 };
        change(&mut options);
        Watch { engine: Engine::new(options, clock.now()), clock, offset: 0, shown: Vec::new() }
    }

    fn command(&mut self, command: PlaybackCommand) -> Option<String> {
        self.engine.command(command, self.clock.now()).map(str::to_owned)
    }

    fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        self.engine.tick(self.clock.now(), || None);
    }

    fn push(&mut self, record: Record, era: Era) {
        let record = TopicRecord { record, partition: 0, offset: self.offset, era };
        self.offset += 1;
        let now = self.clock.now();
        self.engine.push(&record, now, || now, |_| ());
    }

    fn publish(&mut self, sent: Sent, era: Era) {
        let jpeg = bytes::Bytes::from_static(&[0xff, 0xd8, 0xff, 0xd9]);
        let frame = Frame { meta: sent.meta(self.clock.now()), payload: jpeg, kind: FrameKind::Own };
        record::split(&frame, 1000).into_iter().for_each(|record| self.push(record, era));
    }

    /// The end of a session whose last frame is this.
    fn end(&mut self, last: Sent, era: Era) {
        let jpeg = bytes::Bytes::from_static(&[0xff, 0xd8, 0xff, 0xd9]);
        let counts = End { captured: last.frame + 1, acknowledged: last.frame + 1, ..End::default() };
        self.push(record::end(&last.meta(self.clock.now()), Some(jpeg), &counts), era);
    }

    /// Shows the next frame, if one is due.
    fn show(&mut self) {
        let now = self.clock.now();
        let Some(mut next) = self.engine.next(now) else { return };
        next.frame.meta.stamps.decoded = now;
        let meta = &next.frame.meta;
        self.shown.push((meta.source.to_string(), meta.frame));
        self.engine.shown(next, (64, 36), now);
    }

    /// A live frame that is published now, and shown if it is to be.
    fn live(&mut self, sent: Sent) {
        self.publish(sent, Era::Live);
        self.show();
    }

    /// The next `n` frames of source `a` from number `first` on, each `interval` after the one before.
    fn frames(&mut self, first: u64, n: u64, interval: Duration) {
        for frame in first..first + n {
            self.clock.advance(interval);
            self.live(sent("a", frame));
        }
    }

    fn state(&self, cause: Option<&str>) -> StreamState {
        self.snapshot(cause).state
    }

    fn snapshot(&self, cause: Option<&str>) -> Snapshot<'_> {
        self.engine.snapshot(cause.map(str::to_owned), self.clock.now())
    }

    /// The frames shown since the last call, as in `a0 a1 b7`.
    fn shown(&mut self) -> String {
        let shown: Vec<String> = self.shown.drain(..).map(|(source, frame)| format!("{source}{frame}")).collect();
        shown.join(" ")
    }

    fn check_books(&mut self) {
        self.engine.finish();
        let snapshot = self.snapshot(None);
        let of = |source: &SourceSnapshot<'_>| (source.losses(), source.books.shown, source.tally);
        assert!(snapshot.is_balanced(), "total {:?}", of(&snapshot.total));
        self.engine.assembly.reassembler().check_invariants();
    }

    fn lost(&self, loss: Loss) -> u64 {
        self.snapshot(None).total.books.losses.of(loss)
    }
}

fn silent(seconds: f64, why: Option<&str>) -> StreamState {
    StreamState::Silent { age: Duration::from_secs_f64(seconds), why: why.map(str::to_owned) }
}

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
fn a_picture_that_was_there_before_us_is_in_no_histogram() {
    let mut watch = Watch::new();
    watch.publish(sent("a", 5), Era::BeforeUs);
    watch.show();
    watch.live(sent("a", 6));
    let books = watch.snapshot(None).total.books;
    assert_eq!((books.shown, books.latencies.total.histogram().len()), (2, 1));
}

#[test]
fn frames_that_warm_up_count_as_shown_and_are_in_no_histogram() {
    let mut watch = Watch::with(|options| options.skip = 2);
    watch.frames(0, 5, FRAME);
    let snapshot = watch.snapshot(None);
    let counts = |source: &SourceSnapshot<'_>| (source.books.shown, source.books.latencies.total.histogram().len());
    assert_eq!((counts(&snapshot.total), counts(&snapshot.sources["a"])), ((5, 3), (5, 3)));
}

#[test]
fn a_frame_whose_clocks_disagree_is_shown_and_in_no_figure() {
    let mut watch = Watch::new();
    watch.publish(sent("a", 0), Era::Live);
    let now = watch.clock.now();
    let mut next = watch.engine.next(now).expect("it has arrived");
    next.frame.meta.stamps.captured = now.plus(FRAME);
    let row = watch.engine.shown(next, (1, 1), now).expect("it is no repeated picture");
    assert!(row.counted().is_none());
    let books = watch.snapshot(None).total.books;
    assert_eq!((books.shown, books.latencies.untiled, books.latencies.total.histogram().len()), (1, 1, 0));
}

#[test]
fn what_is_no_frame_is_rejected_and_what_is_not_decoded_is_counted() {
    let mut watch = Watch::new();
    watch.push(Record::default(), Era::Live);
    watch.publish(sent("a", 0), Era::Live);
    let next = watch.engine.next(watch.clock.now()).expect("it has arrived");
    watch.engine.undecodable(next);
    assert_eq!((watch.snapshot(None).rejected, watch.lost(Loss::Undecodable)), (1, 1));
    watch.check_books();
}

#[test]
fn each_whole_frame_of_a_requested_source_is_handed_out_once() {
    let mut watch = Watch::with(|options| (options.sources, options.prints) = (vec!["a".to_owned()], true));
    let jpeg = bytes::Bytes::from_static(&[0xff, 0xd8, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xd9]);
    let mut seen = Vec::new();
    for source in ["a", "b"] {
        let frame =
            Frame { meta: sent(source, 7).meta(watch.clock.now()), payload: jpeg.clone(), kind: FrameKind::Own };
        for record in record::split(&frame, 5) {
            let record = TopicRecord { record, partition: 0, offset: 0, era: Era::Live };
            let now = watch.clock.now();
            seen.extend(watch.engine.push(&record, now, || now, |frame| frame.payload.len()));
        }
    }
    assert_eq!(seen, [jpeg.len()]);
    assert_eq!(watch.snapshot(None).total.books.printed, 1);
    watch.check_books();
}

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
