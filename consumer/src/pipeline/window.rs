//! The viewer's window: its keys, its overlay, and the picture once more when they change.

use std::time::Duration;

use common::clock::Micros;

use super::Run;
use crate::decode::DecodeError;
use crate::present::Key;

/// The overlay's figures are made anew that often.
const OVERLAY_EVERY: Duration = Duration::from_millis(250);

impl Run<'_> {
    pub(super) fn look_after_window(&mut self) -> anyhow::Result<()> {
        if !self.screen.is_window() {
            return Ok(());
        }
        let asked = self.clock.now();
        let events = self.screen.events();
        self.looked = self.clock.now().since(asked);
        let mut redraw = events.resized;
        for key in events.keys {
            redraw |= self.pressed(key);
        }
        self.quit |= self.screen.closed();
        let now = self.clock.now();
        if now.since(self.overlay_at) >= OVERLAY_EVERY {
            self.overlay_at = now;
            redraw |= self.renew_overlay(now);
        }
        if redraw { self.show_again() } else { Ok(()) }
    }

    /// Makes title and overlay anew. Returns whether the window must be drawn again: while frames come, the next one brings the
    /// overlay with it.
    fn renew_overlay(&mut self, now: Micros) -> bool {
        let snapshot = self.snapshot(now);
        if self.options.window.as_ref().is_some_and(|w| w.title.is_none()) {
            self.screen.set_title(&snapshot.title());
        }
        let lines = snapshot.overlay();
        let still = std::mem::replace(&mut self.overlay_displayed, self.viewer.displayed) == self.viewer.displayed;
        let changed = self.overlay.lines != lines;
        self.overlay.lines = lines;
        changed && still && self.overlay_on
    }

    /// The picture on the screen once more, as the window or the overlay has changed.
    fn show_again(&mut self) -> anyhow::Result<()> {
        let Some(on) = &self.viewer.on_screen else { return Ok(()) };
        match self.decode.decode(&on.jpeg, &mut self.screen) {
            Err(DecodeError::Present(error)) => return Err(error.into()),
            // It was a picture before: there is nothing to count.
            Err(DecodeError::Jpeg(error)) => tracing::debug!("showing a picture again: {error}"),
            Ok(_) => self.screen.present(self.overlay_on.then_some(&self.overlay))?,
        }
        Ok(())
    }

    fn pause(&mut self) {
        self.viewer.paused = !self.viewer.paused;
        self.overlay_at = Micros(0);
        if self.options.every_frame {
            // Nothing was read meanwhile, so nothing was missing.
            self.viewer.flow.excuse_until(self.clock.now());
        }
    }

    /// Returns whether the window must be drawn again.
    fn pressed(&mut self, key: Key) -> bool {
        match key {
            Key::Quit => self.quit = true,
            Key::Pause => self.pause(),
            Key::Overlay => self.overlay_on = !self.overlay_on,
            Key::Help => {
                self.overlay.help = if self.overlay.help.is_empty() { help() } else { Vec::new() };
                self.overlay_on |= !self.overlay.help.is_empty();
            }
            Key::NextSource => {
                if let Some(source) = self.viewer.selection.next_source() {
                    tracing::info!("showing {source}");
                }
            }
            Key::Snapshot => {
                if let Some(on) = self.viewer.on_screen.clone() {
                    self.outputs.snapshot_key(&on, &mut self.decode);
                }
            }
        }
        matches!(key, Key::Overlay | Key::Help | Key::Pause)
    }
}

fn help() -> Vec<String> {
    ["q, Esc  quit", "space   pause", "s       snapshot", "o       overlay", "h       this help", "Tab     next source"]
        .map(str::to_owned)
        .to_vec()
}
