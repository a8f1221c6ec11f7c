//! The viewer's window: its keys, its overlay and notices, and showing the picture again when they change.

use std::time::Duration;

use common::time::Micros;

use super::Run;
use crate::decode::DecodeError;
use crate::overlay::{Line, Tone};
use crate::present::Key;
use crate::select::Step;

/// Interval at which the overlay's figures are updated.
const OVERLAY_EVERY: Duration = Duration::from_millis(250);
/// Time for which a notice is shown.
const NOTICE: Duration = Duration::from_secs(2);

impl Run<'_> {
    pub(super) fn look_after_window(&mut self) -> anyhow::Result<()> {
        if !self.screen.is_window() {
            return Ok(());
        }
        let asked = self.clock.now();
        let events = self.screen.events();
        self.looked = self.clock.now().since(asked);
        self.redraw |= events.resized;
        events.keys.into_iter().for_each(|key| self.pressed(key));
        self.quit |= self.screen.closed();
        self.report_snapshot(false);
        let now = self.clock.now();
        self.redraw |= self.overlay.notice.take_if(|_| now >= self.notice_until).is_some();
        if now.since(self.overlay_at) >= OVERLAY_EVERY {
            self.overlay_at = now;
            self.renew_overlay(now);
        }
        if std::mem::take(&mut self.redraw) { self.show_again() } else { Ok(()) }
    }

    /// Updates title and overlay. While frames arrive, the overlay is drawn with the next one.
    fn renew_overlay(&mut self, now: Micros) {
        let snapshot = self.snapshot(now);
        if self.options.window.as_ref().is_some_and(|w| w.title.is_none()) {
            self.screen.set_title(&snapshot.title());
        }
        let lines = if self.overlay_on { snapshot.overlay() } else { Vec::new() };
        let still = std::mem::replace(&mut self.overlay_displayed, self.viewer.displayed) == self.viewer.displayed;
        self.redraw |= still && self.overlay.lines != lines;
        self.overlay.lines = lines;
    }

    /// Shows the picture again, because the window or the overlay has changed.
    fn show_again(&mut self) -> anyhow::Result<()> {
        let Some(on) = &self.viewer.on_screen else { return Ok(()) };
        match self.decode.decode(&on.payload, &mut self.screen) {
            Err(DecodeError::Present(error)) => return Err(error.into()),
            // It was counted when it was shown first.
            Err(DecodeError::Jpeg(error)) => tracing::debug!("showing a picture again: {error}"),
            Ok(_) => self.screen.present(&self.overlay)?,
        }
        Ok(())
    }

    fn pressed(&mut self, key: Key) {
        match key {
            Key::Escape if self.screen.is_full_screen() => self.set_full_screen(false),
            Key::Quit | Key::Escape => self.quit = true,
            Key::FullScreen => {
                let on = self.screen.is_full_screen();
                self.set_full_screen(!on);
            }
            Key::Pause => self.pause(),
            Key::Overlay => {
                self.overlay_on = !self.overlay_on;
                self.overlay_at = Micros(0);
                self.redraw = true;
            }
            Key::Help => {
                self.overlay.help = if self.overlay.help.is_empty() { help() } else { Vec::new() };
                self.redraw = true;
            }
            Key::Source(step) => self.step(step),
            Key::Snapshot => self.take_snapshot(),
        }
    }

    fn pause(&mut self) {
        self.viewer.paused = !self.viewer.paused;
        self.overlay_at = Micros(0);
        self.redraw = true;
        if self.options.every_frame {
            // No records were read during the pause, so none was missing.
            self.viewer.flow.excuse_until(self.clock.now());
        }
    }

    fn step(&mut self, step: Step) {
        let seen = self.viewer.last_arrival;
        let Some(source) = self.viewer.selection.step(step, seen).cloned() else {
            return self.notify("no other live source".to_owned(), Tone::Plain);
        };
        tracing::info!(event = "source_chosen", source = &*source, "showing {source}");
        let place = self.viewer.selection.place(seen).map_or(String::new(), |place| format!(" ({place})"));
        self.notify(format!("showing {source}{place}"), Tone::Plain);
        self.overlay_at = Micros(0);
    }

    /// Switches full screen on or off; the new size comes as an event.
    fn set_full_screen(&mut self, on: bool) {
        if let Err(error) = self.screen.set_full_screen(on) {
            tracing::warn!(event = "no_full_screen", "{error}");
            self.notify(error.to_string(), Tone::Alert);
        }
    }

    fn take_snapshot(&mut self) {
        let Some(on) = &self.viewer.on_screen else { return };
        let now = crate::local_time(&*self.clock);
        if let Err(error) = now.and_then(|now| self.snapshot_key.press(on, &now, &mut self.decode)) {
            self.no_snapshot(&error);
        }
    }

    /// Reports a snapshot that was written since the last call, or that failed. A failure does not end the program.
    pub(super) fn report_snapshot(&mut self, at_end: bool) {
        match self.snapshot_key.written(at_end) {
            None => {}
            Some(Err(error)) => self.no_snapshot(&error),
            Some(Ok(path)) => {
                tracing::info!(event = "snapshot_written", file = %path.display(), "saved {}", path.display());
                self.notify(format!("saved {}", path.display()), Tone::Good);
            }
        }
    }

    fn no_snapshot(&mut self, error: &anyhow::Error) {
        tracing::warn!(event = "snapshot_failed", "no snapshot: {error:#}");
        self.notify(format!("no snapshot: {error:#}"), Tone::Alert);
    }

    fn notify(&mut self, text: String, tone: Tone) {
        self.overlay.notice = Some(Line { text, tone });
        self.notice_until = self.clock.now().plus(NOTICE);
        self.redraw = true;
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
