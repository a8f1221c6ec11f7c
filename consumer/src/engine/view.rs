//! An engine as seen from outside: its snapshot, and messages for people.

use std::collections::BTreeMap;

use common::time::rate::silent_after;
use common::time::{Micros, TimeBase};

use super::Engine;
use super::missing::missing_sources;
use super::snapshot::{Snapshot, SourceSnapshot, StreamState};
use super::tracks::SourcePosition;

impl Engine {
    /// Position of the shown source among the live ones, if there are others.
    pub fn position(&self) -> Option<SourcePosition> {
        // While no frames arrive, because of a pause or an outage, the state of the other sources is unknown.
        self.tracks.position(self.last_arrival)
    }

    /// For example `no source "nope"; in topic video: lobby`, if none of the requested sources was seen.
    pub fn missing_sources(&self) -> Option<String> {
        let wanted = self.tracks.missing();
        (!wanted.is_empty()).then(|| missing_sources(&self.options.topic, wanted, self.assembly.source_names(), ""))
    }

    /// The present state. `cause` is the reason why no records come, if known.
    pub fn snapshot(&self, cause: Option<String>, now: Micros) -> Snapshot<'_> {
        let chosen = self.tracks.chosen();
        let recent = chosen.map(|(_, track)| &track.recent);
        Snapshot {
            topic: &self.options.topic,
            state: self.state(cause, now),
            source: chosen.map(|(source, _)| &**source),
            position: self.position(),
            size: self.size,
            fps: recent.and_then(|recent| recent.interval()).map(|interval| 1.0 / interval.as_secs_f64()),
            latency: recent.map(|recent| recent.latency(self.options.stages)).unwrap_or_default(),
            base: chosen.map_or(TimeBase::SameHost, |(_, track)| track.books.latencies.base),
            displayed: self.displayed,
            total: SourceSnapshot { books: self.tracks.total(), tally: self.assembly.reassembler().total() },
            sources: self.sources(),
            rejected: self.assembly.rejected(),
            interval: self.interval,
            stages: self.options.stages,
        }
    }

    fn sources(&self) -> BTreeMap<&str, SourceSnapshot<'_>> {
        let sources = self.assembly.reassembler().tallies().map(|(name, tally)| {
            let books = self.tracks.books(name).unwrap_or(&self.no_books);
            (&**name, SourceSnapshot { books, tally })
        });
        sources.collect()
    }

    pub(super) fn state(&self, cause: Option<String>, now: Micros) -> StreamState {
        if self.transport.is_paused() {
            return StreamState::Paused;
        }
        let Some((_, track)) = self.tracks.chosen().filter(|_| self.displayed > 0) else {
            return StreamState::Waiting { why: self.missing.reported().map(str::to_owned).or(cause) };
        };
        let is_idle = track.next.is_none();
        if let Some(at) = track.ended_at().filter(|_| is_idle) {
            return StreamState::Ended { ago: now.since(at), why: cause };
        }
        let age = track.flow.age(now).unwrap_or_default();
        // Without a connection, the next frame of a slow stream cannot be expected.
        let interval = track.recent.interval().filter(|_| cause.is_none());
        if age > silent_after(interval) && is_idle {
            return StreamState::Silent { age, why: cause };
        }
        StreamState::Live { back_after: track.flow.back(now) }
    }
}
