//! The window: the decoder writes its next picture into it, and the picture is then shown.
//!
//! ```text
//! decoder ─▶ the window's own pixels ─▶ overlay on top ─▶ shown     (sizes agree: nothing is copied)
//! decoder ─▶ a canvas ─ scaled ─▶ the window's pixels ─▶ overlay ─▶ shown
//! ```
//!
//! A picture is written once for each time that it is shown. To show it again, with another overlay or in another size,
//! it is decoded again. So no frame pays for keeping the pixels under the overlay.

use minifb::{ScaleMode, Window};
use pool::Pool;

use super::error::PresentError;
use super::full_screen::FullScreen;
use super::keys::{Key, Keys};
use super::painter::{Overlay, Painter};
use super::pixels::WindowPixels;
use super::rect::{Rect, View};
use super::scale::Scaler;
use crate::canvas::Canvas;

/// The settings of a window.
#[derive(Clone, Default, Debug)]
pub struct WindowOptions {
    /// Its title; the source and its latency if not given.
    pub title: Option<String>,
    /// Position of its upper left corner.
    pub position: Option<(isize, isize)>,
    /// Its size; the picture's own if not given.
    pub size: Option<(usize, usize)>,
    /// True for no frame around it.
    pub borderless: bool,
    /// True to begin in full screen.
    pub full_screen: bool,
}

/// Events in the window since the last call.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Events {
    pub keys: Vec<Key>,
    /// True if the window has another size, so that the picture must be shown again.
    pub resized: bool,
}

/// The place of the picture that was written last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Written {
    Nowhere,
    /// In the window's own pixels.
    Screen,
    Canvas,
}

#[derive(Debug)]
pub struct Presenter {
    // Declared before the window that it draws on, because fields are dropped in this order.
    pixels: WindowPixels,
    window: Window,
    title: String,
    keys: Keys,
    full_screen: Option<FullScreen>,
    written: Written,
    /// Size of the picture that was written last.
    picture: (usize, usize),
    canvas: Canvas,
    scaler: Scaler,
    painter: Painter,
}

impl Presenter {
    /// Opens the window; `first` is the size of the first picture.
    pub fn open(options: &WindowOptions, first: (usize, usize), pool: Pool) -> Result<Presenter, PresentError> {
        let (width, height) = options.size.unwrap_or(first);
        let title = options.title.clone().unwrap_or_default().replace('\0', "");
        let settings = minifb::WindowOptions {
            borderless: options.borderless,
            title: !options.borderless,
            resize: true,
            scale_mode: ScaleMode::UpperLeft,
            ..Default::default()
        };
        let mut window = Window::new(&title, width.max(1), height.max(1), settings)
            .map_err(|error| PresentError::Open(error.to_string()))?;
        // Otherwise an update sleeps up to 4 ms.
        window.set_target_fps(0);
        if let Some((x, y)) = options.position {
            window.set_position(x, y);
        }
        let full_screen = if options.full_screen { full_screen_at_once(&mut window) } else { None };
        Ok(Presenter {
            pixels: WindowPixels::of(&window),
            keys: Keys::of(&mut window),
            full_screen,
            window,
            title,
            written: Written::Nowhere,
            picture: first,
            canvas: Canvas::default(),
            scaler: Scaler::on(pool),
            painter: Painter::default(),
        })
    }

    /// Calls `decode` to write the next picture. It gets the pixels, and the number of pixels from one row to the next.
    ///
    /// After a failure there is nothing to show until the next picture.
    pub fn write<E>(
        &mut self,
        (width, height): (usize, usize),
        decode: impl FnOnce(&mut [u32], usize) -> Result<(), E>,
    ) -> Result<(), E> {
        self.written = Written::Nowhere;
        self.picture = (width, height);
        if self.pixels.size() == (width, height)
            && let Some(mut pixels) = self.pixels.pixels()
        {
            decode(&mut pixels, width)?;
            self.written = Written::Screen;
            return Ok(());
        }
        self.canvas.reshape(width, height);
        decode(&mut self.canvas.pixels, width)?;
        self.written = Written::Canvas;
        Ok(())
    }

    /// Shows the picture that was written, under this overlay. To show it again, it must be written again.
    pub fn present(&mut self, overlay: &Overlay) -> Result<(), PresentError> {
        let (width, height) = self.pixels.size();
        let written = std::mem::replace(&mut self.written, Written::Nowhere);
        if written == Written::Nowhere {
            return Ok(());
        }
        if let Some(mut pixels) = self.pixels.pixels() {
            let mut view = View { pixels: &mut pixels, width, height };
            if written == Written::Canvas {
                self.scaler.draw(&self.canvas, &mut view);
            }
            let panels = self.painter.layout(overlay, (width, height));
            panels.iter().for_each(|panel| self.painter.draw(panel, &mut view));
        }
        self.pixels.present(&mut self.window)
    }

    /// Calls `look` with the picture shown last: the window's pixels, the pixels per row, and the picture's place.
    pub fn look<T>(&mut self, look: impl FnOnce(&[u32], usize, Rect) -> T) -> Option<T> {
        let window = self.pixels.size();
        let place = Rect::fitted(self.picture, window);
        self.pixels.pixels().map(|pixels| look(&pixels, window.0, place))
    }

    /// Processes the window's events: keys and a new size. Takes a few hundred microseconds and never sleeps.
    pub fn events(&mut self) -> Events {
        self.window.update();
        let resized = self.window.get_size() != self.pixels.size();
        if resized {
            self.written = Written::Nowhere;
            self.pixels.resize(self.window.get_size());
        }
        Events { keys: self.keys.take(self.window.is_active()), resized }
    }

    /// The way in which pictures get on the screen.
    pub fn display_path(&self) -> explain::DisplayPath {
        match &self.pixels {
            WindowPixels::Sent(_) => explain::DisplayPath::Sent,
            WindowPixels::Shared(surface) if surface.size() != self.picture => explain::DisplayPath::Scaled,
            WindowPixels::Shared(_) => explain::DisplayPath::Shared,
        }
    }

    pub fn is_open(&self) -> bool {
        self.window.is_open()
    }

    pub fn is_full_screen(&mut self) -> bool {
        self.full_screen().is_ok_and(|full_screen| full_screen.is_on())
    }

    /// Switches full screen on or off. The new size comes with one of the next events.
    pub fn set_full_screen(&mut self, on: bool) -> Result<(), PresentError> {
        self.full_screen()?.set(on)
    }

    fn full_screen(&mut self) -> Result<&mut FullScreen, PresentError> {
        let full_screen = match self.full_screen.take() {
            Some(full_screen) => full_screen,
            None => FullScreen::of(&self.window)?,
        };
        Ok(self.full_screen.insert(full_screen))
    }

    pub fn set_title(&mut self, title: &str) {
        if self.title != title {
            title.clone_into(&mut self.title);
            self.window.set_title(&title.replace('\0', ""));
        }
    }
}

/// Switches to full screen before there is a picture. A failure is logged and does not end the program.
fn full_screen_at_once(window: &mut Window) -> Option<FullScreen> {
    // This returns once the display has opened the window. Full screen is requested over another connection, which may
    // be faster.
    window.get_position();
    let full_screen = FullScreen::of(window).and_then(|mut full_screen| {
        full_screen.set(true)?;
        Ok(full_screen)
    });
    // Updates the size, in case there is no window manager.
    window.update();
    full_screen.inspect_err(|error| tracing::warn!(event = "no_full_screen", "{error}")).ok()
}
