//! Shows frames: in a window with its overlay, or headless, where they are decoded only.
//!
//! Decoding and showing happen on the caller's thread: a frame is decoded straight into the memory that is presented.

mod error;
mod full_screen;
mod keys;
mod painter;
mod pixels;
mod presenter;
mod rect;
mod scale;
mod surface;
mod target;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::time::{Clock, Latency, Micros, Stage};
use pool::Pool;

pub use self::error::{PresentError, ShowError};
use self::keys::Key;
use self::painter::Overlay;
use self::presenter::Presenter;
pub use self::presenter::WindowOptions;
pub use self::rect::Rect;
use self::target::Target;
use crate::engine::{Direction, HEADLESS_STAGES, PendingFrame, Snapshot};
use crate::status::{OverlayLine, Tone};

/// Interval at which title and overlay are renewed.
const STATUS_EVERY: Duration = Duration::from_millis(250);
/// Time for which a notice is shown.
const NOTICE: Duration = Duration::from_secs(2);

/// A request of the user that the window cannot fulfil by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WindowRequest {
    /// End the program.
    Quit,
    /// Pause, or go on.
    TogglePause,
    /// Show another source.
    Select(Direction),
    /// Write the picture on the screen to a file.
    SavePicture,
}

/// The picture on the screen.
#[derive(Clone, Debug)]
pub struct OnScreen {
    /// Its source.
    pub source: Arc<str>,
    /// The picture as it came.
    pub jpeg: Bytes,
}

/// The place where frames are shown.
#[derive(Debug)]
pub struct Viewport {
    target: Target,
    decoder: jpeg::Decoder,
    on_screen: Option<OnScreen>,
    /// The title that the user gave.
    title: Option<String>,
    overlay: Overlay,
    /// True if the overlay shows its lines; help and notices are independent of it.
    has_lines: bool,
    notice_until: Micros,
    /// Time of the next renewal of title and overlay.
    status_due: Micros,
    /// Number of pictures displayed at the last one.
    displayed: u64,
    /// True if the picture must be drawn again, with or without a new frame.
    redraw: bool,
    /// Time that processing the window's events took the last time.
    events_took: Duration,
    /// The same before each frame whose latency counts.
    display: Latency,
}

impl Viewport {
    /// Makes a window, which opens with the first picture. Without options it is headless. `has_overlay` is true to
    /// begin with the overlay on.
    pub fn new(window: Option<&WindowOptions>, has_overlay: bool, pool: Pool) -> Result<Viewport, ShowError> {
        Ok(Viewport {
            target: Target::new(window, &pool)?,
            decoder: jpeg::Decoder::on(pool)?,
            on_screen: None,
            title: window.and_then(|window| window.title.clone()),
            overlay: Overlay::default(),
            has_lines: has_overlay,
            notice_until: Micros(0),
            status_due: Micros(0),
            displayed: 0,
            redraw: false,
            events_took: Duration::ZERO,
            display: Latency::default(),
        })
    }

    /// False if pictures are decoded only.
    pub fn is_window(&self) -> bool {
        self.target.is_window()
    }

    /// The stages that a frame goes through.
    pub fn stages(&self) -> &'static [Stage] {
        if self.is_window() { &Stage::ALL } else { HEADLESS_STAGES }
    }

    /// The way in which pictures get on the screen, for the explanation of latencies.
    pub fn display_path(&self) -> explain::DisplayPath {
        self.target.display_path()
    }

    /// Time that processing the window's events took before each measured frame. It includes waiting for the display.
    pub fn display_latency(&self) -> &Latency {
        &self.display
    }

    /// The picture on the screen, if there is a window.
    pub fn on_screen(&self) -> Option<&OnScreen> {
        self.on_screen.as_ref()
    }

    /// The decoder, for pictures that are not to be shown.
    pub fn decoder(&mut self) -> &mut jpeg::Decoder {
        &mut self.decoder
    }

    /// Takes a frame: decodes it, shows it, and enters the times. Returns its size.
    pub fn take(&mut self, next: &mut PendingFrame, clock: &dyn Clock) -> Result<(usize, usize), ShowError> {
        let size = self.decode(&next.frame.payload)?;
        let meta = &mut next.frame.meta;
        meta.stamps.decoded = clock.now();
        if let Some(window) = self.target.window() {
            window.present(&self.overlay)?;
            meta.stamps.presented = clock.now();
            self.on_screen = Some(OnScreen { source: meta.source.clone(), jpeg: next.frame.payload.clone() });
            if next.is_timed() {
                self.display.record(self.events_took);
            }
        }
        Ok(size)
    }

    fn decode(&mut self, jpeg: &[u8]) -> Result<(usize, usize), ShowError> {
        let header = self.decoder.header(jpeg)?;
        let size = (header.width, header.height);
        self.target.write(size, |pixels, stride| {
            self.decoder.decode_xrgb(jpeg, pixels, stride)?;
            Ok(())
        })?;
        Ok(size)
    }

    /// Processes the window's events, and returns the requests that others have to fulfil.
    pub fn events(&mut self, clock: &dyn Clock) -> Vec<WindowRequest> {
        let began = clock.now();
        let events = self.target.window().map(Presenter::events).unwrap_or_default();
        let now = clock.now();
        self.events_took = now.since(began);
        self.redraw |= events.resized;
        let mut requests: Vec<WindowRequest> =
            events.keys.into_iter().filter_map(|key| self.pressed(key, now)).collect();
        if self.target.window().is_some_and(|window| !window.is_open()) {
            requests.push(WindowRequest::Quit);
        }
        requests
    }

    fn pressed(&mut self, key: Key, now: Micros) -> Option<WindowRequest> {
        match key {
            Key::Escape if self.is_full_screen() => self.set_full_screen(false, now),
            Key::Quit | Key::Escape => return Some(WindowRequest::Quit),
            Key::FullScreen => {
                let on = self.is_full_screen();
                self.set_full_screen(!on, now);
            }
            Key::Overlay => {
                self.has_lines = !self.has_lines;
                self.renew();
            }
            Key::Help => {
                self.overlay.help = if self.overlay.help.is_empty() { help() } else { Vec::new() };
                self.redraw = true;
            }
            Key::Pause => {
                self.renew();
                return Some(WindowRequest::TogglePause);
            }
            Key::Source(direction) => {
                self.renew();
                return Some(WindowRequest::Select(direction));
            }
            Key::Snapshot => return Some(WindowRequest::SavePicture),
        }
        None
    }

    /// Makes title and overlay due, because what they say has changed.
    fn renew(&mut self) {
        self.status_due = Micros(0);
        self.redraw = true;
    }

    fn is_full_screen(&mut self) -> bool {
        self.target.window().is_some_and(Presenter::is_full_screen)
    }

    /// Switches full screen on or off; the new size comes as an event.
    fn set_full_screen(&mut self, on: bool, now: Micros) {
        if let Some(Err(error)) = self.target.window().map(|window| window.set_full_screen(on)) {
            tracing::warn!(event = "no_full_screen", "{error}");
            self.notify(error.to_string(), Tone::Alert, now);
        }
    }

    /// Shows a line for two seconds.
    pub fn notify(&mut self, text: String, tone: Tone, now: Micros) {
        self.overlay.notice = Some(OverlayLine { text, tone });
        self.notice_until = now.plus(NOTICE);
        self.redraw = true;
    }

    /// True if title and overlay are to be renewed, which is four times a second.
    pub fn is_status_due(&self, now: Micros) -> bool {
        self.is_window() && now >= self.status_due
    }

    /// Renews title and overlay. While frames arrive, the overlay is drawn with the next one.
    pub fn set_status(&mut self, snapshot: &Snapshot<'_>, now: Micros) {
        self.status_due = now.plus(STATUS_EVERY);
        if let Some(window) = self.target.window().filter(|_| self.title.is_none()) {
            window.set_title(&snapshot.title());
        }
        let lines = if self.has_lines { snapshot.overlay() } else { Vec::new() };
        let stands_still = std::mem::replace(&mut self.displayed, snapshot.displayed) == snapshot.displayed;
        self.redraw |= stands_still && self.overlay.lines != lines;
        self.overlay.lines = lines;
    }

    /// Shows the picture again if the window or the overlay has changed.
    pub fn redraw(&mut self, now: Micros) -> Result<(), PresentError> {
        self.redraw |= self.overlay.notice.take_if(|_| now >= self.notice_until).is_some();
        if !std::mem::take(&mut self.redraw) {
            return Ok(());
        }
        let Some(jpeg) = self.on_screen.as_ref().map(|on| on.jpeg.clone()) else { return Ok(()) };
        match self.decode(&jpeg) {
            Ok(_) => self.target.window().map_or(Ok(()), |window| window.present(&self.overlay)),
            Err(ShowError::Present(error)) => Err(error),
            Err(ShowError::Jpeg(error)) => {
                // It was counted when it was shown first.
                tracing::debug!("showing a picture again: {error}");
                Ok(())
            }
        }
    }

    /// Calls `look` with the picture shown last: the pixels, the pixels per row, and the picture's place among them.
    pub fn look<T>(&mut self, look: impl FnOnce(&[u32], usize, Rect) -> T) -> Option<T> {
        self.target.look(look)
    }
}

fn help() -> Vec<String> {
    [
        "q          quit",
        "space      pause",
        "s          snapshot",
        "o          overlay",
        "f          full screen",
        "Esc        leave full screen, or quit",
        "Tab        next source",
        "Shift-Tab  previous source",
        "h          this help",
    ]
    .map(str::to_owned)
    .to_vec()
}
