//! The present state: one snapshot, from which the status line, the title and the overlay are made.

mod figures;
mod words;

use std::sync::Arc;
use std::time::Duration;

use common::books::Loss;
use common::time::rate::silent_after;
use common::time::{Micros, RecentLatency, TimeBase};
use common::wire::Reassembler;

pub use self::figures::Figures;
use crate::select::Place;
use crate::viewer::Viewer;

/// The state of the shown stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// No picture has arrived yet, for this reason if known.
    Waiting {
        why: Option<String>,
    },
    /// Frames arrive. `back_after` is the length of a silence that has just ended.
    Live {
        back_after: Option<Duration>,
    },
    Paused,
    /// No frame has arrived for this time, for this reason if known.
    Silent {
        age: Duration,
        why: Option<String>,
    },
    /// The session ended. `why` is the reason why no other can be seen, if known.
    Ended {
        ago: Duration,
        why: Option<String>,
    },
}

/// The present state.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    pub state: State,
    pub source: Option<Arc<str>>,
    /// Place among the live sources, if there are others.
    pub place: Option<Place>,
    /// Size of the picture on the screen.
    pub size: Option<(usize, usize)>,
    /// Frame rate of the last frames; the latency is that of the same frames.
    pub fps: Option<f64>,
    pub latency: RecentLatency,
    pub base: TimeBase,
    pub shown: u64,
    /// Number of frames of the shown source that were not shown.
    pub dropped: u64,
    /// Number of frames that never arrived completely.
    pub lost: u64,
}

/// Facts from outside the viewer that affect its state.
#[derive(Clone, Copy, Default, Debug)]
pub struct Conditions<'a> {
    /// The reason why there is no connection, or no topic.
    pub cause: Option<&'a str>,
    /// Report that none of the requested sources exists.
    pub missing: Option<&'a str>,
    /// True if the next frame has arrived and waits for its time.
    pub held: bool,
}

impl Snapshot {
    pub fn take(viewer: &Viewer, reassembler: &Reassembler, conditions: Conditions<'_>, now: Micros) -> Snapshot {
        let tally = reassembler.total();
        let losses = &viewer.books.total.losses;
        let on = viewer.on_screen.as_ref();
        let source = source(viewer).cloned();
        let books = source.as_ref().and_then(|source| viewer.books.sources.get(source));
        Snapshot {
            state: state(viewer, conditions, now),
            size: on.map(|on| (on.width, on.height)),
            fps: viewer.recent.interval().map(|interval| 1.0 / interval.as_secs_f64()),
            latency: viewer.recent.latency(viewer.stages),
            base: books.map_or(TimeBase::SameHost, |books| books.latencies.base),
            shown: viewer.books.total.shown,
            dropped: losses.sum() - losses.of(Loss::Unselected),
            lost: tally.lost.saturating_add(tally.torn),
            // While no frames arrive, because of a pause or an outage, the state of the other sources is unknown.
            place: viewer.selection.place(viewer.last_arrival),
            source,
        }
    }
}

/// The source that is shown, or will be shown.
pub fn source(viewer: &Viewer) -> Option<&Arc<str>> {
    viewer.selection.chosen().or(viewer.on_screen.as_ref().map(|on| &on.source))
}

pub fn state(viewer: &Viewer, conditions: Conditions<'_>, now: Micros) -> State {
    let why = || conditions.cause.map(str::to_owned);
    if viewer.paused {
        return State::Paused;
    }
    if viewer.on_screen.is_none() {
        return State::Waiting { why: conditions.missing.or(conditions.cause).map(str::to_owned) };
    }
    if let Some(at) = source(viewer).and_then(|source| viewer.selection.ended_at(source)).filter(|_| !conditions.held) {
        return State::Ended { ago: now.since(at), why: why() };
    }
    let age = viewer.flow.age(now).unwrap_or_default();
    // Without a connection, the next frame of a slow stream cannot be expected.
    let interval = viewer.recent.interval().filter(|_| conditions.cause.is_none());
    if age > silent_after(interval) && !conditions.held {
        return State::Silent { age, why: why() };
    }
    State::Live { back_after: viewer.flow.back(now) }
}

#[cfg(test)]
mod tests;
