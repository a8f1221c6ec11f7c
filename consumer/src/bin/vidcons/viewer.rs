//! The program's loop, on the window's thread.
//!
//! ```text
//! broker ═══▶ librdkafka ─records─▶ engine ─the newest frame─▶ viewport: decode, present ─▶ files
//! ```
//! librdkafka's queue is the only queue. Each turn takes all records that have arrived without waiting, shows the
//! newest frame of the shown source (the others are counted), and processes the window's events. If every frame is
//! wanted, each turn takes the next frame instead of the newest.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use cli::shutdown::Shutdown;
use cli::status::Status;
use cli::values::DurationArg;
use common::draw::PixelCheck;
use common::time::{Clock, Latency, Micros, Period};
use common::wire::FrameKind;
use consumer::engine::{Engine, EngineOptions, PendingFrame, PlaybackCommand};
use consumer::files::{FileOutputs, PictureKey};
use consumer::reader::TopicReader;
use consumer::status::{Tone, ViewerStatus};
use consumer::web::{ViewerFigures, WebView, metrics};
use consumer::window::{ShowError, Viewport, WindowRequest};
use explain::DisplayPath;
use pool::Pool;
use reports::recorder::{Course, Recorder};

use crate::moment::local_time;
use crate::options::Options;
use crate::page;
use crate::report::{ReportInput, report};
use crate::verify::Verify;

/// Longest wait for records, after which the window's events are processed.
const WINDOW_WAIT: Duration = Duration::from_millis(10);
const HEADLESS_WAIT: Duration = Duration::from_millis(50);

/// The result of a run, from which the report is made.
#[derive(Debug)]
pub struct Watched {
    pub engine: Engine,
    /// To be closed after the report: leaving a group whose broker is gone takes long.
    pub reader: TopicReader,
    pub display_path: DisplayPath,
    /// Time that the display kept the window waiting before each measured frame.
    pub display_latency: Latency,
    pub course: Course,
    /// Wall clock at the start, in ms since 1970.
    pub started_ms: u64,
    pub seconds: f64,
    /// Result of comparing pictures with their headers, if requested.
    pub pixels: Option<PixelCheck>,
    /// The error that ended the run, if any.
    pub error: Option<anyhow::Error>,
}

impl Watched {
    pub fn report_input(&self) -> ReportInput<'_> {
        ReportInput {
            reader: &self.reader,
            started_ms: self.started_ms,
            seconds: self.seconds,
            display_path: self.display_path,
            display_latency: &self.display_latency,
            pixels: self.pixels,
            pages: Vec::new(),
        }
    }
}

struct Viewer<'a> {
    options: &'a Options,
    clock: Arc<dyn Clock>,
    reader: TopicReader,
    engine: Engine,
    viewport: Viewport,
    files: FileOutputs,
    web: Option<WebView>,
    picture_key: PictureKey,
    verify: Option<Verify>,
    /// Writes the reports that have an entry for each frame or second.
    recorder: Recorder,
    began: Micros,
    started_ms: u64,
    /// True if the user has quit.
    quit: bool,
}

/// Watches until the requested end, or until `shutdown`.
pub fn watch(options: &Options, clock: Arc<dyn Clock>, shutdown: &Shutdown) -> anyhow::Result<Watched> {
    let cli = &options.cli;
    let viewport = Viewport::new(options.window.as_ref(), !cli.no_overlay, Pool::new(cli.threads))?;
    let engine_options = EngineOptions {
        sources: cli.sources.clone(),
        stages: viewport.stages(),
        warmup_frames: cli.skip,
        is_shared: options.reader.group.is_some(),
        prints: options.files.lines.is_some(),
        ..EngineOptions::new(&options.reader.topic, &*clock)
    };
    let began = clock.now();
    let mut viewer = Viewer {
        reader: TopicReader::new(options.reader.clone(), clock.clone())?,
        engine: Engine::new(engine_options, clock.now()),
        viewport,
        files: FileOutputs::new(options.files.clone()),
        web: page::serve(options, &clock)?,
        picture_key: PictureKey::new(options.files.picture.as_ref().map(|(path, _)| path.clone())),
        verify: cli.verify_pixels.then(|| Verify::new(options.window.as_ref())),
        recorder: Recorder::start("vidcons", &options.reports, &clock)?,
        quit: false,
        started_ms: clock.wall_us() / 1000,
        began,
        options,
        clock,
    };
    viewer.engine.command(options.playback, began);
    let error = viewer.run(shutdown).err();
    Ok(viewer.finish(error))
}

impl Viewer<'_> {
    fn run(&mut self, shutdown: &Shutdown) -> anyhow::Result<()> {
        let mut status = Status::new(self.options.cli.count, self.options.status_every);
        let drawn = status.is_drawn();
        let mut period = Period::new(self.options.status_every.unwrap_or_default(), self.clock.now());
        while !shutdown.requested() && !self.is_done() {
            self.read()?;
            if let Some(next) = self.engine.next(self.clock.now()) {
                self.show(next)?;
            }
            self.look_after_window()?;
            self.answer_web();
            let now = self.clock.now();
            self.recorder.turn(now);
            self.engine.tick(now, || self.reader.cause());
            // Before reading begins, a log line reports what is waited for.
            if drawn || self.reader.is_reading() || self.engine.displayed() > 0 {
                status.update(now, self.engine.displayed(), || self.status(now, drawn, &mut period));
            }
        }
        self.check_sources()
    }

    /// Reads what has arrived, or waits until the frame that is already there is due.
    fn read(&mut self) -> anyhow::Result<()> {
        let wait = if self.viewport.is_window() { WINDOW_WAIT } else { HEADLESS_WAIT };
        if self.engine.wants_records() {
            let (files, web) = (&mut self.files, &self.web);
            return self.reader.feed_each(&mut self.engine, wait, |record, frame| {
                web.iter().for_each(|web| web.take(frame));
                files.print(record, frame)
            });
        }
        let now = self.clock.now();
        let until = now.plus(wait);
        self.clock.sleep_until(self.engine.next_due(now).map_or(until, |due| due.min(until)));
        Ok(())
    }

    /// Answers the questions of browsers and scrapers about the figures.
    fn answer_web(&self) {
        let Some(web) = &self.web else { return };
        let now = self.clock.now();
        let snapshot = || self.engine.snapshot(self.reader.cause(), now);
        web.answer(
            || {
                let input = ReportInput {
                    reader: &self.reader,
                    started_ms: self.started_ms,
                    seconds: now.since(self.began).as_secs_f64(),
                    display_path: self.viewport.display_path(),
                    display_latency: self.viewport.display_latency(),
                    pixels: self.verify.as_ref().map(|verify| verify.pixels),
                    pages: web.client_figures(),
                };
                Box::new(report(self.options, &input, &snapshot()))
            },
            || metrics(&snapshot(), &self.viewer_figures(web.clients(), now)),
            || snapshot().not_live(),
        );
    }

    fn viewer_figures(&self, pages: usize, now: Micros) -> ViewerFigures {
        let wall = Duration::from_micros(self.clock.wall_us());
        ViewerFigures {
            client: self.reader.facts().recent(),
            lag: self.reader.lag(),
            last_frame: wall.saturating_sub(now.since(self.engine.last_arrival())),
            pages,
        }
    }

    fn show(&mut self, mut next: PendingFrame) -> anyhow::Result<()> {
        let size = match self.viewport.take(&mut next, &*self.clock) {
            Ok(size) => size,
            Err(error) => {
                tracing::debug!("{} frame {}: {error}", next.frame.meta.source, next.frame.meta.frame);
                self.engine.undecodable(next);
                return match error {
                    ShowError::Jpeg(_) => Ok(()),
                    ShowError::Present(error) => Err(error.into()),
                };
            }
        };
        if let Some(verify) = &mut self.verify
            && next.frame.kind == FrameKind::Own
        {
            let meta = &next.frame.meta;
            verify.check(&mut self.viewport, meta, self.engine.clock_offset_us(&meta.origin));
        }
        let (jpeg, now) = (next.frame.payload.clone(), self.clock.now());
        if let Some(row) = self.engine.shown(next, size, now) {
            self.recorder.record(row, now);
        }
        self.files.take(&jpeg, self.engine.displayed(), self.viewport.decoder())
    }

    fn look_after_window(&mut self) -> anyhow::Result<()> {
        if !self.viewport.is_window() {
            return Ok(());
        }
        for request in self.viewport.events(&*self.clock) {
            self.follow(request);
        }
        self.report_picture(false);
        let now = self.clock.now();
        if self.viewport.is_status_due(now) {
            self.viewport.set_status(&self.engine.snapshot(self.reader.cause(), now), now);
        }
        Ok(self.viewport.redraw(now)?)
    }

    fn follow(&mut self, request: WindowRequest) {
        let now = self.clock.now();
        match request {
            WindowRequest::Quit => self.quit = true,
            WindowRequest::TogglePause => {
                let paused = self.engine.transport().is_paused();
                let command = if paused { PlaybackCommand::Play } else { PlaybackCommand::Pause };
                self.engine.command(command, now);
            }
            WindowRequest::Select(direction) => {
                let chosen = self.engine.command(PlaybackCommand::Select(direction), now).map(str::to_owned);
                let words = match (chosen, self.engine.position()) {
                    (None, _) => "no other live source".to_owned(),
                    (Some(source), None) => format!("showing {source}"),
                    (Some(source), Some(position)) => format!("showing {source} ({position})"),
                };
                self.viewport.notify(words, Tone::Plain, now);
            }
            WindowRequest::SavePicture => {
                if let Err(error) = self.save_picture() {
                    self.no_picture(&error);
                }
            }
        }
    }

    fn save_picture(&mut self) -> anyhow::Result<()> {
        let Some(on_screen) = self.viewport.on_screen().cloned() else { return Ok(()) };
        let now = local_time(&*self.clock)?;
        self.picture_key.press(&on_screen.source, &on_screen.jpeg, &now, self.viewport.decoder())
    }

    /// Reports a picture that was written since the last call, or that failed. A failure does not end the program.
    fn report_picture(&mut self, at_end: bool) {
        match self.picture_key.written(at_end) {
            None => {}
            Some(Err(error)) => self.no_picture(&error),
            Some(Ok(path)) => {
                tracing::info!(event = "snapshot_written", file = %path.display(), "saved {}", path.display());
                self.viewport.notify(format!("saved {}", path.display()), Tone::Good, self.clock.now());
            }
        }
    }

    fn no_picture(&mut self, error: &anyhow::Error) {
        tracing::warn!(event = "snapshot_failed", "no snapshot: {error:#}");
        self.viewport.notify(format!("no snapshot: {error:#}"), Tone::Alert, self.clock.now());
    }

    /// The status line and its figures. `drawn` is true if the line is redrawn on a terminal.
    fn status(&self, now: Micros, drawn: bool, period: &mut Period) -> (String, ViewerStatus) {
        let mut snapshot = self.engine.snapshot(self.reader.cause(), now);
        let books = snapshot.total.books;
        let known = books.latencies.clocks_disagree().is_none();
        let latency = (period.is_long() && known).then_some(&books.latencies.total);
        let of_period = period.look(now, books.shown, books.bytes, latency);
        if period.is_long() && !drawn {
            snapshot.cover(&of_period);
        }
        let mut text = snapshot.line(drawn);
        if drawn && self.options.cli.reports.live_histogram && known {
            text += &cli::live::histogram(self.recorder.timeline(), &books.latencies.total);
        }
        let figures = ViewerStatus::new(&snapshot, of_period.bytes_per_second);
        (text, figures)
    }

    /// Fails if everything was read and contained none of the requested sources. In a group another member may have
    /// read them.
    fn check_sources(&self) -> anyhow::Result<()> {
        let read_all = self.is_ended() && self.reader.is_in_history() && self.options.reader.group.is_none();
        match self.engine.missing_sources().filter(|_| read_all) {
            Some(missing) => bail!(missing),
            None => Ok(()),
        }
    }

    /// True if no more frames will come.
    fn is_ended(&self) -> bool {
        self.reader.is_at_end() || (self.options.cli.exit && self.engine.live_is_over())
    }

    fn is_done(&self) -> bool {
        let cli = &self.options.cli;
        let idle = |limit: DurationArg| self.clock.now().since(self.engine.last_arrival()) >= limit.duration();
        let nothing_waits = !self.engine.has_next();
        self.quit
            || (self.is_ended() && nothing_waits)
            || cli.count.is_some_and(|n| self.engine.displayed() >= n)
            || (nothing_waits && !self.engine.transport().is_paused() && cli.idle_timeout.is_some_and(idle))
            || self.files.is_closed()
    }

    fn finish(mut self, error: Option<anyhow::Error>) -> Watched {
        let seconds = self.clock.now().since(self.began).as_secs_f64();
        self.engine.finish();
        self.report_picture(true);
        let (course, written) = self.recorder.finish(self.clock.now());
        let error = error.or_else(|| self.files.finish(self.engine.displayed()).err());
        let error = error.or_else(|| self.verify.as_ref()?.finish().err()).or(written.err());
        let pixels = self.verify.map(|verify| verify.pixels);
        // The window closes here: making the reports and leaving a group may take seconds.
        let Viewer { engine, reader, viewport, started_ms, .. } = self;
        let (display_path, display_latency) = (viewport.display_path(), viewport.display_latency().clone());
        Watched { engine, reader, display_path, display_latency, course, started_ms, seconds, pixels, error }
    }
}
