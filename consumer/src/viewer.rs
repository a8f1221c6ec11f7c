//! Counts each frame that arrived: as shown, or under the reason why not.

use std::sync::Arc;

use common::books::{Loss, ViewerBooks};
use common::report::Row;
use common::time::{Clock, Micros, Recent, Stage, TimeBase};
use common::wire::{DropRule, Frame, FrameKind, Session};
use reports::recorder::Recorder;

use crate::flow::Flow;
use crate::select::Selection;

/// Without a window the last stage is decoding.
pub const HEADLESS_STAGES: &[Stage] =
    &[Stage::Capture, Stage::Encode, Stage::Publish, Stage::Broker, Stage::Reassemble, Stage::Decode];

/// A frame that is to be shown.
#[derive(Debug)]
pub struct Held {
    pub frame: Frame,
    pub base: TimeBase,
    /// True if its times belong in the histograms, because it arrived after our start.
    pub timed: bool,
}

/// The picture on the screen.
#[derive(Clone, Debug)]
pub struct OnScreen {
    pub source: Arc<str>,
    pub session: Session,
    pub frame: u64,
    pub width: usize,
    pub height: usize,
    pub payload: bytes::Bytes,
}

#[derive(Debug)]
pub struct Viewer {
    pub books: ViewerBooks,
    pub selection: Selection,
    pub recent: Recent,
    pub stages: &'static [Stage],
    pub on_screen: Option<OnScreen>,
    /// Number of all pictures put on the screen.
    pub displayed: u64,
    pub last_arrival: Micros,
    /// Tracks if frames of the shown source arrive.
    pub flow: Flow,
    pub paused: bool,
    /// Writes the reports that have an entry for each frame or second.
    pub recorder: Recorder,
    drop_rule: DropRule,
    /// Number of shown frames that are left out of the histograms, because the programs warm up.
    skip: u64,
    clock: Arc<dyn Clock>,
}

impl Viewer {
    pub fn new(
        selection: Selection,
        stages: &'static [Stage],
        skip: u64,
        recorder: Recorder,
        clock: Arc<dyn Clock>,
    ) -> Viewer {
        Viewer {
            books: ViewerBooks::default(),
            selection,
            recent: Recent::default(),
            stages,
            on_screen: None,
            displayed: 0,
            last_arrival: clock.now(),
            flow: Flow::default(),
            paused: false,
            recorder,
            drop_rule: DropRule::default(),
            skip,
            clock,
        }
    }

    /// Enters a frame that arrived, and returns it if it is to be shown.
    pub fn admit(&mut self, frame: Frame, base: TimeBase, before_us: bool) -> Option<Held> {
        let now = self.clock.now();
        self.last_arrival = now;
        let bytes = frame.payload.len() as u64;
        let foreign = u64::from(frame.kind == FrameKind::Foreign);
        self.books.post(&frame.meta.source, |books| {
            books.bytes += bytes;
            books.frame_bytes_max = books.frame_bytes_max.max(bytes);
            books.foreign += foreign;
        });
        let taken = self.selection.takes(&frame, !before_us, now);
        if taken {
            // The age of a frame that existed before our start is given by its own clock.
            let came = if before_us { frame.meta.stamps.published.min(now) } else { now };
            self.flow.frame_arrived(&frame.meta.source, came, self.recent.interval());
        }
        let fate = if !taken {
            Some(Loss::Unselected)
        } else if self.paused {
            Some(Loss::Paused)
        } else if self.is_late(&frame) {
            Some(Loss::Late)
        } else {
            None
        };
        match fate {
            Some(loss) => {
                self.lose(&frame, loss);
                None
            }
            None => Some(Held { frame, base, timed: !before_us }),
        }
    }

    pub fn lose(&mut self, frame: &Frame, loss: Loss) {
        tracing::trace!("{} frame {}: {}", frame.meta.source, frame.meta.frame, loss.name());
        self.books.post(&frame.meta.source, |books| books.losses.add(loss));
    }

    /// Keeps the newest of the frames that are not decoded yet, and counts the one that is dropped for it.
    pub fn keep_newest(&mut self, newest: &mut Option<Held>, held: Held) {
        let order = |held: &Held| (held.frame.meta.session, held.frame.meta.frame);
        let overtaken = newest
            .as_ref()
            .is_some_and(|newest| newest.frame.meta.source == held.frame.meta.source && order(newest) > order(&held));
        let key_frame = held.frame.meta.key_frame;
        let dropped = if overtaken { Some(held) } else { self.drop_rule.put(newest, held, key_frame) };
        if let Some(dropped) = dropped {
            self.lose(&dropped.frame, Loss::Superseded);
        }
    }

    /// Enters a frame as shown, with all its timestamps.
    pub fn shown(&mut self, held: Held, width: usize, height: usize) {
        let Held { frame: Frame { meta, payload, kind }, base, timed } = held;
        if kind != FrameKind::Repeat {
            let (stages, live, now) = (self.stages, timed, self.clock.now());
            let timed = timed && self.books.total.shown >= self.skip;
            let row = Row { timed, base, ..Row::new(&meta, payload.len(), stages) };
            self.recorder.record(row, now);
            self.books.post(&meta.source, |books| {
                books.shown += 1;
                if timed {
                    books.latencies.record(&meta.stamps, stages, base);
                }
            });
            if timed {
                self.books.interval.enter(&meta);
            }
            if self.on_screen.as_ref().is_some_and(|on| on.source != meta.source) {
                self.recent.clear();
            }
            if live {
                self.recent.record(&meta.stamps, base, now);
                // The frame may have waited for its time.
                self.flow.excuse_until(now);
            }
        }
        self.displayed += 1;
        self.on_screen =
            Some(OnScreen { source: meta.source, session: meta.session, frame: meta.frame, width, height, payload });
    }

    /// True if the last picture of a session is worth showing again.
    pub fn wants_repeat(&self, frame: &Frame) -> bool {
        let meta = &frame.meta;
        self.selection.wants(&meta.source)
            && self.selection.chosen().is_none_or(|chosen| *chosen == meta.source)
            && !self.paused
            && self
                .on_screen
                .as_ref()
                .is_none_or(|on| on.source == meta.source && (on.session, on.frame) < (meta.session, meta.frame))
    }

    fn is_late(&self, frame: &Frame) -> bool {
        self.on_screen.as_ref().is_some_and(|on| {
            on.source == frame.meta.source && on.session == frame.meta.session && frame.meta.frame <= on.frame
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use common::time::{ManualClock, Stamps};
    use common::wire::{Codec, Meta, Origin};

    use super::*;

    pub(crate) fn frame(source: &str, number: u64) -> Frame {
        let meta = Meta {
            source: source.into(),
            session: Session { began_ms: 1, salt: 0 },
            frame: number,
            codec: Codec::Jpeg,
            key_frame: true,
            number: None,
            pts: Duration::ZERO,
            stamps: Stamps::default(),
            origin: Origin { boot: "".into(), wall_offset_us: 0 },
            width: 1,
            height: 1,
            dropped: 0,
            skipped: 0,
        };
        Frame { meta, payload: Bytes::from_static(b"jpeg"), kind: FrameKind::Own }
    }

    fn viewer() -> Viewer {
        viewer_that_skips(0)
    }

    fn viewer_that_skips(frames: u64) -> Viewer {
        Viewer::new(Selection::new(&[]), HEADLESS_STAGES, frames, Recorder::idle(), Arc::new(ManualClock::default()))
    }

    #[test]
    fn each_frame_comes_to_one_end() {
        let mut viewer = viewer();
        let mut newest = None;
        for n in [5, 6] {
            let held = viewer.admit(frame("a", n), TimeBase::SameHost, false).expect("it is shown");
            viewer.keep_newest(&mut newest, held);
        }
        viewer.shown(newest.expect("one is kept"), 1, 1);
        assert!(viewer.admit(frame("a", 5), TimeBase::SameHost, false).is_none(), "late");
        assert!(viewer.admit(frame("b", 0), TimeBase::SameHost, false).is_none(), "unselected");
        viewer.paused = true;
        assert!(viewer.admit(frame("a", 7), TimeBase::SameHost, false).is_none(), "paused");
        let books = &viewer.books.total;
        assert_eq!(books.shown, 1);
        assert_eq!(Loss::VIEWER.map(|l| books.losses.of(l)), [1, 1, 0, 1, 1]);
        assert_eq!(books.bytes, 20);
    }

    #[test]
    fn a_picture_that_was_there_before_us_is_in_no_histogram() {
        let mut viewer = viewer();
        let held = viewer.admit(frame("a", 5), TimeBase::SameHost, true).expect("it is shown");
        viewer.shown(held, 1, 1);
        let held = viewer.admit(frame("a", 6), TimeBase::SameHost, false).expect("it is shown");
        viewer.shown(held, 1, 1);
        let books = &viewer.books.total;
        assert_eq!((books.shown, books.latencies.total.histogram().len()), (2, 1));
    }

    #[test]
    fn a_frame_whose_clocks_disagree_is_shown_and_in_no_figure() {
        let mut viewer = viewer();
        let mut astray = frame("a", 5);
        astray.meta.stamps.captured = Micros(7);
        let held = viewer.admit(astray, TimeBase::WallClocks, false).expect("it is shown");
        viewer.shown(held, 1, 1);
        let books = &viewer.books.total;
        assert_eq!((books.shown, books.latencies.untiled, books.latencies.total.histogram().len()), (1, 1, 0));
        assert_eq!(viewer.recorder.timeline().all().count(), 0);
    }

    #[test]
    fn what_is_skipped_counts_as_shown_and_is_in_no_histogram() {
        let mut viewer = viewer_that_skips(2);
        for n in 0..5 {
            let held = viewer.admit(frame("a", n), TimeBase::SameHost, false).expect("it is shown");
            viewer.shown(held, 1, 1);
        }
        let books = &viewer.books.total;
        assert_eq!((books.shown, books.latencies.total.histogram().len()), (5, 3));
        assert_eq!(viewer.books.sources["a"].latencies.total.histogram().len(), 3);
    }

    #[test]
    fn a_repeat_is_shown_only_where_it_is_news() {
        let mut viewer = viewer();
        let mut end = frame("a", 9);
        end.kind = FrameKind::Repeat;
        assert!(viewer.wants_repeat(&end));
        let shown = viewer.admit(frame("a", 9), TimeBase::SameHost, false).expect("it is shown");
        viewer.shown(shown, 1, 1);
        assert!(!viewer.wants_repeat(&end));
        assert_eq!(viewer.books.total.shown, 1);
    }
}
