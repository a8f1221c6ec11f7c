//! The engine is fed records of imaginary producers, and a clock that the tests move.

mod counting;
mod ends;
mod playback;
mod silence;
mod sources;

use common::time::{Clock, ManualClock, RecentLatency, Speed, Stamps};
use common::wire::{Codec, End, Meta, Record, Session, record};

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
