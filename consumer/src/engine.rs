//! Records in, frames out.
//!
//! ```text
//! TopicRecord ─push─▶ read ▸ map clocks ▸ reassemble ─Frame─▶ Track ─next─▶ PendingFrame ─▶ decoded, shown ─shown─▶ books
//!                                                               └───────────── Snapshot ─▶ status, title, overlay, report
//! ```
//! The engine knows no window, codec, socket or file, and reads no clock: records and the time are arguments.

mod assembly;
mod clocks;
mod flow;
mod input;
mod missing;
mod session_end;
mod snapshot;
mod track;
mod tracks;
mod transport;
mod view;

use std::time::Duration;

use common::books::{FrameInterval, Loss, SourceBooks};
use common::report::Row;
use common::time::{Micros, TimeBase};
use common::wire::{Frame, FrameKind, Origin, Pushed};

use self::assembly::Assembly;
use self::missing::MissingSources;
use self::tracks::Tracks;

pub use self::input::{EngineOptions, Era, HEADLESS_STAGES, TopicRecord};
pub use self::snapshot::{Snapshot, SourceSnapshot, StreamState};
pub use self::track::PendingFrame;
pub use self::tracks::SourcePosition;
pub use self::transport::{Direction, PlaybackCommand, Transport};

/// Interval of looking for a silence that is worth a warning.
const SILENCE_EVERY: Duration = Duration::from_secs(1);

/// Turns the records of a topic into frames to show, and counts the outcome of each.
#[derive(Debug)]
pub struct Engine {
    options: EngineOptions,
    assembly: Assembly,
    /// Number of sources that the reassembler has removed to make room for others.
    evictions: u64,
    tracks: Tracks,
    transport: Transport,
    interval: FrameInterval,
    displayed: u64,
    /// Size of the picture on the screen.
    size: Option<(usize, usize)>,
    last_arrival: Micros,
    missing: MissingSources,
    next_silence_check: Micros,
    live_is_over: bool,
    no_books: SourceBooks,
}

impl Engine {
    /// An engine that shows the newest frame. Other ways of playback are commands.
    pub fn new(options: EngineOptions, now: Micros) -> Engine {
        Engine {
            assembly: Assembly::new(options.clock.clone(), options.is_shared),
            evictions: 0,
            tracks: Tracks::new(options.sources.clone()),
            transport: Transport::default(),
            interval: FrameInterval::default(),
            displayed: 0,
            size: None,
            last_arrival: now,
            missing: MissingSources::default(),
            next_silence_check: Micros(0),
            live_is_over: false,
            no_books: SourceBooks::default(),
            options,
        }
    }

    /// Follows a command of the user. `Select` returns the chosen source, if there is another.
    pub fn command(&mut self, command: PlaybackCommand, now: Micros) -> Option<&str> {
        match command {
            PlaybackCommand::Play => self.pause(false, now),
            PlaybackCommand::Pause => self.pause(true, now),
            PlaybackCommand::Live => self.transport.go_live(),
            PlaybackCommand::Speed(speed) => self.transport.play_at(speed),
            PlaybackCommand::Select(direction) => {
                // While no frames arrive, because of a pause or an outage, the state of the other sources is unknown.
                let source = self.tracks.step(direction, self.last_arrival, now)?;
                tracing::info!(event = "source_chosen", source = &**source, "showing {source}");
                return Some(source);
            }
        }
        None
    }

    fn pause(&mut self, paused: bool, now: Micros) {
        self.transport.set_paused(paused);
        if let Some(track) = self.tracks.chosen_mut().filter(|_| !self.transport.is_live()) {
            // No records are read during the pause, so none is missing.
            track.flow.excuse_until(now);
        }
    }

    /// The present way of playback.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// False while records are to wait in the topic: the next frame is there already, or playback is paused. Live frames
    /// never wait; those that arrive during a pause are counted as such.
    pub fn wants_records(&self) -> bool {
        self.transport.is_live() || (!self.transport.is_paused() && !self.has_next())
    }

    /// Takes a record that came at `received`; `now` is called once, when it has been read. If it completes a frame of a
    /// wanted source, the result is that of `on_frame`, which is called with the frame whether it will be shown or not.
    pub fn push<T>(
        &mut self,
        from: &TopicRecord,
        received: Micros,
        now: impl FnOnce() -> Micros,
        on_frame: impl FnOnce(&Frame) -> T,
    ) -> Option<T> {
        let (pushed, base, now) = self.assembly.push(&self.options.topic, from, received, now)?;
        let evictions = self.assembly.reassembler().evictions();
        if std::mem::replace(&mut self.evictions, evictions) != evictions {
            self.tracks.forget_gone(self.assembly.reassembler());
        }
        match pushed {
            Pushed::Nothing => None,
            Pushed::End(ended) => {
                self.session_ended(*ended, from.era, now);
                None
            }
            Pushed::Frame(frame) => {
                let seen = self.tracks.wants(&frame.meta.source).then(|| on_frame(&frame));
                self.arrived(frame, base, from.era, now);
                seen
            }
        }
    }

    /// Enters a frame that arrived, and keeps it if it is to be shown.
    fn arrived(&mut self, frame: Frame, base: TimeBase, era: Era, now: Micros) {
        self.last_arrival = now;
        let source = frame.meta.source.clone();
        let (bytes, foreign) = (frame.payload.len() as u64, u64::from(frame.kind == FrameKind::Foreign));
        let printed = u64::from(self.options.prints && self.tracks.wants(&source));
        self.tracks.post(&source, |books| {
            books.bytes += bytes;
            books.frame_bytes_max = books.frame_bytes_max.max(bytes);
            books.foreign += foreign;
            books.printed += printed;
        });
        let is_early = era == Era::BeforeUs;
        if !self.tracks.takes(&frame, !is_early, now) {
            return self.tracks.lose(&frame, Loss::Unselected);
        }
        let track = self.tracks.track(&source);
        // The age of a frame that existed before our start is given by its own clock.
        let came = if is_early { frame.meta.stamps.published.min(now) } else { now };
        track.flow.frame_arrived(&source, came, track.recent.interval());
        if self.transport.is_paused() {
            self.tracks.lose(&frame, Loss::Paused);
        } else if track.is_late(&frame.meta) {
            self.tracks.lose(&frame, Loss::Late);
        } else {
            self.tracks.keep(PendingFrame { frame, base, timed: !is_early });
        }
    }

    /// True if a frame has arrived and waits to be shown.
    pub fn has_next(&self) -> bool {
        self.tracks.chosen().is_some_and(|(_, track)| track.next.is_some())
    }

    /// Time at which the next frame is due, if it has arrived. While playback is paused, none is.
    pub fn next_due(&mut self, now: Micros) -> Option<Micros> {
        let next = self.tracks.chosen()?.1.next.as_ref().filter(|_| !self.transport.is_paused())?;
        Some(self.transport.due(&next.frame.meta, now))
    }

    /// The frame to show now. Hand it back with [`Engine::shown`] or [`Engine::undecodable`].
    pub fn next(&mut self, now: Micros) -> Option<PendingFrame> {
        self.next_due(now).filter(|due| *due <= now)?;
        self.tracks.chosen_mut()?.next.take()
    }

    /// Enters a frame as shown, with all its timestamps. Returns its row for reports with a line for each frame; a
    /// picture that is shown again has none.
    pub fn shown(&mut self, shown: PendingFrame, size: (usize, usize), now: Micros) -> Option<Row> {
        let PendingFrame { frame: Frame { meta, payload, kind }, base, timed: live } = shown;
        let stages = self.options.stages;
        self.displayed += 1;
        self.size = Some(size);
        let timed = live && self.tracks.total().shown >= self.options.warmup_frames;
        let track = self.tracks.track(&meta.source);
        track.was_shown(&meta);
        if kind == FrameKind::Repeat {
            return None;
        }
        if live {
            track.recent.record(&meta.stamps, base, now);
            // The frame may have waited for its time.
            track.flow.excuse_until(now);
        }
        self.tracks.post(&meta.source, |books| {
            books.shown += 1;
            if timed {
                books.latencies.record(&meta.stamps, stages, base);
            }
        });
        if timed {
            self.interval.enter(&meta);
        }
        Some(Row { timed, base, ..Row::new(&meta, payload.len(), stages) })
    }

    /// Enters a frame that could not be decoded.
    pub fn undecodable(&mut self, frame: PendingFrame) {
        self.tracks.lose(&frame.frame, Loss::Undecodable);
    }

    /// Lets time pass: drops frames that have waited too long for their parts, and warns of missing sources and of
    /// silence. To be called several times a second. `cause` is the reason why no records come, if known.
    pub fn tick(&mut self, now: Micros, cause: impl FnOnce() -> Option<String>) {
        self.assembly.expire(now);
        self.missing.look(&self.options.topic, self.tracks.missing(), self.assembly.source_names(), now);
        if now >= self.next_silence_check {
            self.next_silence_check = now.plus(SILENCE_EVERY);
            let StreamState::Silent { age, why } = self.state(cause(), now) else { return };
            let Some(source) = self.tracks.chosen().map(|(source, _)| source.clone()) else { return };
            let track = self.tracks.track(&source);
            track.flow.warn_of_silence(&source, age, why.as_deref(), track.recent.interval().is_some());
        }
    }

    /// Enters the end of watching: a frame that is still to be shown counts as superseded.
    pub fn finish(&mut self) {
        if let Some(next) = self.tracks.chosen_mut().and_then(|track| track.next.take()) {
            self.tracks.lose(&next.frame, Loss::Superseded);
        }
    }

    /// Number of all pictures put on the screen, including repeated ones.
    pub fn displayed(&self) -> u64 {
        self.displayed
    }

    /// Time of the last frame of any source.
    pub fn last_arrival(&self) -> Micros {
        self.last_arrival
    }

    /// True once all sessions that were live have ended.
    pub fn live_is_over(&self) -> bool {
        self.live_is_over
    }

    /// Offset to add to a producer's timestamps to get this host's clock; 0 if both share one clock.
    pub fn clock_offset_us(&self, of: &Origin) -> i64 {
        self.assembly.clock_offset_us(of)
    }
}

#[cfg(test)]
mod tests;
