//! The viewer, from records to the screen: one loop on the window's thread.
//!
//! ```text
//! broker ═══▶ librdkafka ─records─▶ [drain: reassemble, keep the newest ─Frame─▶ decode ─Picture─▶ present]
//! ```
//! librdkafka's queue is the only queue. Each turn takes all records that have arrived without waiting, keeps the
//! newest frame of the shown source (and counts the others), decodes it into the buffer that will be shown, shows it,
//! and processes the window's events. If every frame is wanted, each turn takes the next frame instead of the newest.

mod take;
mod window;

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use cli::shutdown::Shutdown;
use cli::status::Status;
use common::books::{Loss, ViewerBooks};
use common::draw::PixelCheck;
use common::report::viewer_losses;
use common::time::{Clock, Latency, Micros, Period, Stage};
use common::wire::{FrameKind, Reassembler};
use kafka::Tail;
use pool::Pool;
use reports::recorder::{Course, Recorder};

use crate::decode::{Decode, DecodeError, Screen};
use crate::glance::{self, Conditions, Figures, Snapshot};
use crate::missing::{self, MissingSources};
use crate::options::Options;
use crate::outputs::Outputs;
use crate::overlay::Overlay;
use crate::receive::Receiver;
use crate::replay::Replay;
use crate::select::Selection;
use crate::silence::Silence;
use crate::snapshot::SnapshotKey;
use crate::verify::Verify;
use crate::viewer::{HEADLESS_STAGES, Held, Viewer};

/// Longest wait for records, after which the window's events are processed.
const WINDOW_WAIT: Duration = Duration::from_millis(10);
const HEADLESS_WAIT: Duration = Duration::from_millis(50);

/// The result of a run.
#[derive(Debug)]
pub struct Outcome {
    pub books: ViewerBooks,
    pub reassembler: Reassembler,
    pub stages: &'static [Stage],
    pub course: Course,
    pub seconds: f64,
    pub screen: explain::DisplayPath,
    /// Time that processing the window's events took before each measured frame. It includes waiting for the display.
    pub display: Latency,
    /// Result of comparing pictures with their headers, if requested.
    pub pixels: Option<PixelCheck>,
    /// The client, to be closed after the report: leaving a group whose broker is gone takes long.
    pub tail: Tail,
    /// The error that ended the run, if any.
    pub trouble: Option<anyhow::Error>,
}

struct Run<'a> {
    options: &'a Options,
    clock: Arc<dyn Clock>,
    receiver: Receiver,
    viewer: Viewer,
    screen: Screen,
    /// Time of processing the window's events in the last turn.
    looked: Duration,
    display: Latency,
    decode: Decode,
    outputs: Outputs,
    verify: Option<Verify>,
    replay: Replay,
    /// A frame that was chosen to be shown, and is not due yet.
    held: Option<Held>,
    overlay: Overlay,
    /// True if the overlay shows its lines; help and notices are independent of it.
    overlay_on: bool,
    overlay_at: Micros,
    /// Number of pictures displayed when the overlay was made.
    overlay_displayed: u64,
    notice_until: Micros,
    /// True if the window must be drawn again, with or without a new frame.
    redraw: bool,
    snapshot_key: SnapshotKey,
    missing: MissingSources,
    silence: Silence,
    /// True if no more frames will come.
    ended: bool,
    /// True if the user has quit.
    quit: bool,
    evictions: u64,
}

/// Runs until the requested end, or until `shutdown`.
pub fn run(options: &Options, clock: Arc<dyn Clock>, shutdown: &Shutdown) -> anyhow::Result<Outcome> {
    let pool = Pool::new(options.threads);
    let screen = Screen::new(options.window.as_ref(), &pool)?;
    let stages: &'static [Stage] = if screen.is_window() { &Stage::ALL } else { HEADLESS_STAGES };
    let mut run = Run {
        receiver: Receiver::new(options, clock.clone())?,
        viewer: Viewer::new(
            Selection::new(&options.sources),
            stages,
            options.skip,
            Recorder::start("vidcons", &options.reports, &clock)?,
            clock.clone(),
        ),
        screen,
        looked: Duration::ZERO,
        display: Latency::default(),
        decode: Decode::new(pool)?,
        outputs: Outputs::new(options),
        verify: options.verify_pixels.then(|| Verify::new(options.window.as_ref())),
        replay: Replay::new(options.speed),
        held: None,
        overlay: Overlay::default(),
        overlay_on: options.overlay,
        overlay_at: Micros(0),
        overlay_displayed: 0,
        notice_until: Micros(0),
        redraw: false,
        snapshot_key: SnapshotKey::new(options.snapshot.as_ref().map(|(path, _)| path.clone())),
        missing: MissingSources::default(),
        silence: Silence::default(),
        ended: false,
        quit: false,
        evictions: 0,
        options,
        clock,
    };
    let began = run.clock.now();
    let trouble = run.go(shutdown).err();
    let seconds = run.clock.now().since(began).as_secs_f64();
    Ok(run.outcome(stages, seconds, trouble))
}

impl Run<'_> {
    fn go(&mut self, shutdown: &Shutdown) -> anyhow::Result<()> {
        let mut status = Status::new(self.options.until.pictures, self.options.status_every);
        let drawn = status.is_drawn();
        let mut period = Period::new(self.options.status_every.unwrap_or_default(), self.clock.now());
        while !shutdown.asked() && !self.is_done() {
            if let Some(held) = self.take()? {
                self.show(held)?;
            }
            self.look_after_window()?;
            self.receiver.expire();
            let now = self.clock.now();
            self.viewer.recorder.turn(now);
            self.look_for_sources(now);
            self.look_after_silence(now);
            // Before reading begins, a log line reports what is waited for.
            if drawn || self.receiver.reading() || self.viewer.displayed > 0 {
                status.update(now, self.viewer.displayed, || self.status(now, drawn, &mut period));
            }
        }
        self.check_sources()
    }

    /// The status line and its figures. `drawn` is true if the line is redrawn on a terminal.
    fn status(&self, now: Micros, drawn: bool, period: &mut Period) -> (String, Figures) {
        let total = &self.viewer.books.total;
        let known = total.latencies.clocks_disagree().is_none();
        let latency = (period.is_long() && known).then_some(&total.latencies.total);
        let of_period = period.look(now, total.shown, total.bytes, latency);
        let mut snapshot = self.snapshot(now);
        if period.is_long() && !drawn {
            snapshot.cover(&of_period);
        }
        let mut text = snapshot.line(drawn);
        if drawn && self.options.live_histogram && known {
            text += &cli::live::histogram(self.viewer.recorder.timeline(), &total.latencies.total);
        }
        let losses = viewer_losses(total, &self.receiver.reassembler.total());
        (text, Figures::new(snapshot, &self.options.topic, of_period.bytes_per_second, losses))
    }

    /// The present state.
    fn snapshot(&self, now: Micros) -> Snapshot {
        let cause = self.receiver.cause();
        Snapshot::take(&self.viewer, &self.receiver.reassembler, self.conditions(cause.as_deref()), now)
    }

    fn conditions<'a>(&'a self, cause: Option<&'a str>) -> Conditions<'a> {
        Conditions { cause, missing: self.missing.reported(), held: self.held.is_some() }
    }

    fn look_after_silence(&mut self, now: Micros) {
        if self.silence.is_due(now) {
            let cause = self.receiver.cause();
            let state = glance::state(&self.viewer, self.conditions(cause.as_deref()), now);
            let rate_known = self.viewer.recent.interval().is_some();
            if self.silence.look(glance::source(&self.viewer), state, rate_known) {
                self.viewer.flow.silence_reported();
            }
        }
    }

    fn look_for_sources(&mut self, now: Micros) {
        let there = self.receiver.reassembler.tallies().map(|(name, _)| &**name);
        self.missing.look(&self.options.topic, self.viewer.selection.missing(), there, now);
    }

    /// Fails if everything was read and contained none of the requested sources. In a group another member may have
    /// read them.
    fn check_sources(&self) -> anyhow::Result<()> {
        let missing = self.viewer.selection.missing();
        let read_all = self.ended && self.receiver.in_history() && self.options.group.is_none();
        if read_all && !missing.is_empty() {
            let there = self.receiver.reassembler.tallies().map(|(name, _)| &**name);
            bail!(missing::line(&self.options.topic, missing, there, ""));
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        let until = &self.options.until;
        let idle = |limit: Duration| self.clock.now().since(self.viewer.last_arrival) >= limit;
        let nothing_held = self.held.is_none();
        self.quit
            || (self.ended && nothing_held)
            || until.pictures.is_some_and(|n| self.viewer.displayed >= n)
            || (nothing_held && !self.viewer.paused && until.idle.is_some_and(idle))
            || self.outputs.closed()
    }

    fn wait(&self) -> Duration {
        if self.screen.is_window() { WINDOW_WAIT } else { HEADLESS_WAIT }
    }

    fn show(&mut self, mut held: Held) -> anyhow::Result<()> {
        let (width, height) = match self.decode.decode(&held.frame.payload, &mut self.screen) {
            Ok(size) => size,
            Err(DecodeError::Present(error)) => return Err(error.into()),
            Err(DecodeError::Jpeg(error)) => {
                tracing::debug!("{} frame {}: {error}", held.frame.meta.source, held.frame.meta.frame);
                if held.frame.kind != FrameKind::Repeat {
                    self.viewer.lose(&held.frame, Loss::Undecodable);
                }
                return Ok(());
            }
        };
        held.frame.meta.stamps.decoded = self.clock.now();
        if self.screen.is_window() {
            self.screen.present(&self.overlay)?;
            held.frame.meta.stamps.presented = self.clock.now();
            if held.timed {
                self.display.record(self.looked);
            }
        }
        if let Some(verify) = &mut self.verify
            && held.frame.kind == FrameKind::Own
        {
            let offset_us = self.receiver.clocks.offset_us(&held.frame.meta.origin).unwrap_or(0);
            verify.check(&mut self.screen, &held.frame.meta, offset_us);
        }
        let payload = held.frame.payload.clone();
        self.viewer.shown(held, width, height);
        self.outputs.shown(&payload, self.viewer.displayed, &mut self.decode)
    }

    fn outcome(mut self, stages: &'static [Stage], seconds: f64, trouble: Option<anyhow::Error>) -> Outcome {
        if let Some(held) = self.held.take()
            && held.frame.kind != FrameKind::Repeat
        {
            // The frame was taken, but the end came before its turn.
            self.viewer.lose(&held.frame, Loss::Superseded);
        }
        self.report_snapshot(true);
        let (course, written) = self.viewer.recorder.finish(self.clock.now());
        let trouble = trouble.or_else(|| self.outputs.finish(self.viewer.displayed).err());
        let trouble = trouble.or_else(|| self.verify.as_ref()?.finish().err()).or(written.err());
        let pixels = self.verify.map(|verify| verify.pixels);
        let mut books = self.viewer.books;
        books.rejected = self.receiver.rejected;
        let screen = self.screen.kind();
        let (reassembler, tail) = self.receiver.close();
        let display = self.display;
        Outcome { books, reassembler, stages, course, seconds, screen, display, pixels, tail, trouble }
    }
}
