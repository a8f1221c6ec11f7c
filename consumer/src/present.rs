//! The window: the decoder writes its next picture here, and what was written is shown.
//!
//! ```text
//! decoder ─▶ the window's own pixels ─▶ overlay on top ─▶ shown     (sizes agree: nothing is copied)
//! decoder ─▶ a canvas ─ scaled ─▶ the window's pixels ─▶ overlay ─▶ shown
//! ```
//!
//! The last picture is kept, so that it can be shown again without decoding: while paused, under another overlay, in
//! a window of another size.

mod keys;
mod screen;
mod surface;

use minifb::{ScaleMode, Window};
use thiserror::Error;

use crate::canvas::{Canvas, Rect, Scaler, View};
use crate::overlay::{Overlay, Painter};
pub use keys::Key;
use keys::Keys;
use screen::Screen;

#[derive(Clone, Default, Debug)]
pub struct WindowOptions {
    pub title: Option<String>,
    pub position: Option<(isize, isize)>,
    /// The picture's own size if not given.
    pub size: Option<(usize, usize)>,
    pub borderless: bool,
}

#[derive(Error, Debug)]
pub enum PresentError {
    #[error("cannot open a window ({0}): set DISPLAY to a running X server, or use --headless to do without a window")]
    Open(minifb::Error),
    #[error("cannot draw into the window: {0}")]
    Draw(String),
}

/// What happened in the window since it was last asked.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Events {
    pub keys: Vec<Key>,
    /// The window has another size: show the picture again.
    pub resized: bool,
}

/// Where the last whole picture is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Holder {
    Nobody,
    /// In the window's own pixels, with the overlay on top of it.
    Screen,
    Canvas,
}

#[derive(Debug)]
pub struct Presenter {
    // Before the window that it draws on, as fields are dropped in this order.
    screen: Screen,
    window: Window,
    title: String,
    keys: Keys,
    holder: Holder,
    canvas: Canvas,
    scaler: Scaler,
    painter: Painter,
    /// What the overlay covers, where it lies in the picture itself.
    covered: Vec<(Rect, Vec<u32>)>,
}

/// Fails now, rather than with the first picture, where no window can be opened.
pub fn check_display() -> Result<(), PresentError> {
    let settings = minifb::WindowOptions { borderless: true, title: false, ..Default::default() };
    Window::new("vidcons", 1, 1, settings).map(drop).map_err(PresentError::Open)
}

impl Presenter {
    /// Opens the window, for a first picture of that size.
    pub fn open(options: &WindowOptions, first: (usize, usize)) -> Result<Presenter, PresentError> {
        let (width, height) = options.size.unwrap_or(first);
        let title = options.title.clone().unwrap_or_default().replace('\0', "");
        let settings = minifb::WindowOptions {
            borderless: options.borderless,
            title: !options.borderless,
            resize: true,
            scale_mode: ScaleMode::UpperLeft,
            ..Default::default()
        };
        let mut window = Window::new(&title, width.max(1), height.max(1), settings).map_err(PresentError::Open)?;
        // Otherwise an update sleeps up to 4 ms.
        window.set_target_fps(0);
        if let Some((x, y)) = options.position {
            window.set_position(x, y);
        }
        Ok(Presenter {
            screen: Screen::of(&window),
            keys: Keys::of(&mut window),
            window,
            title,
            holder: Holder::Nobody,
            canvas: Canvas::default(),
            scaler: Scaler::default(),
            painter: Painter::default(),
            covered: Vec::new(),
        })
    }

    /// Lets the decoder write the next picture: it gets the pixels and how many there are from one row to the next.
    ///
    /// When it fails, there is nothing to show until the next picture.
    pub fn write<E>(
        &mut self,
        (width, height): (usize, usize),
        decode: impl FnOnce(&mut [u32], usize) -> Result<(), E>,
    ) -> Result<(), E> {
        self.covered.clear();
        self.holder = Holder::Nobody;
        if self.screen.size() == (width, height)
            && let Some(mut pixels) = self.screen.pixels()
        {
            decode(&mut pixels, width)?;
            self.holder = Holder::Screen;
            return Ok(());
        }
        self.canvas.reshape(width, height);
        decode(&mut self.canvas.pixels, width)?;
        self.holder = Holder::Canvas;
        Ok(())
    }

    /// Shows the last picture that was written, with this on top.
    pub fn present(&mut self, overlay: Option<&Overlay>) -> Result<(), PresentError> {
        self.uncover();
        let (width, height) = self.screen.size();
        if self.holder == Holder::Nobody {
            return Ok(());
        }
        if let Some(mut pixels) = self.screen.pixels() {
            let mut view = View { pixels: &mut pixels, width, height };
            if self.holder == Holder::Canvas {
                self.scaler.draw(&self.canvas, &mut view);
            }
            let panels = overlay.map(|overlay| self.painter.layout(overlay, (width, height)));
            for panel in panels.iter().flat_map(|panels| panels.iter()) {
                if self.holder == Holder::Screen {
                    self.covered.push((panel.rect, save(&mut view, panel.rect)));
                }
                self.painter.draw(panel, &mut view);
            }
        }
        self.screen.present(&mut self.window)
    }

    /// Lets `look` see what was shown last: the window's pixels, how many a row has, and where the picture lies.
    pub fn look<T>(&mut self, look: impl FnOnce(&[u32], usize, Rect) -> T) -> Option<T> {
        let window = self.screen.size();
        let place = match self.holder {
            Holder::Nobody => return None,
            Holder::Screen => Rect { x: 0, y: 0, width: window.0, height: window.1 },
            Holder::Canvas => Rect::fitted(self.canvas.size(), window),
        };
        self.screen.pixels().map(|pixels| look(&pixels, window.0, place))
    }

    /// Looks after the window: what was pressed, and its size. Takes a few hundred microseconds and never sleeps.
    pub fn events(&mut self) -> Events {
        self.window.update();
        let resized = self.window.get_size() != self.screen.size();
        if resized {
            self.rescue_picture();
            self.screen.resize(self.window.get_size());
        }
        Events { keys: self.keys.take(), resized }
    }

    /// How pictures get on the screen.
    pub fn kind(&self) -> common::explain::Screen {
        match (&self.screen, self.holder) {
            (Screen::Sent(_), _) => common::explain::Screen::Sent,
            (Screen::Shared(_), Holder::Canvas) => common::explain::Screen::Scaled,
            (Screen::Shared(_), _) => common::explain::Screen::Shared,
        }
    }

    pub fn is_open(&self) -> bool {
        self.window.is_open()
    }

    pub fn set_title(&mut self, title: &str) {
        if self.title != title {
            title.clone_into(&mut self.title);
            self.window.set_title(&title.replace('\0', ""));
        }
    }

    /// Takes the overlay off the picture that it was drawn on.
    fn uncover(&mut self) {
        let (width, height) = self.screen.size();
        if self.covered.is_empty() {
            return;
        }
        if let Some(mut pixels) = self.screen.pixels() {
            let mut view = View { pixels: &mut pixels, width, height };
            // Panels may overlap: the last drawn goes first.
            self.covered.drain(..).rev().for_each(|(rect, saved)| restore(&mut view, rect, &saved));
        }
    }

    /// Before the window's pixels are lost.
    fn rescue_picture(&mut self) {
        if self.holder == Holder::Screen {
            match self.screen_copy() {
                Some(canvas) => (self.canvas, self.holder) = (canvas, Holder::Canvas),
                None => self.holder = Holder::Nobody,
            }
        }
    }

    fn screen_copy(&mut self) -> Option<Canvas> {
        let (width, height) = self.screen.size();
        let mut copy = Canvas { width, height, pixels: self.screen.pixels()?.to_vec() };
        for (rect, saved) in self.covered.iter().rev() {
            restore(&mut copy.view(), *rect, saved);
        }
        Some(copy)
    }
}

fn save(view: &mut View<'_>, rect: Rect) -> Vec<u32> {
    (rect.y..rect.y + rect.height).flat_map(|y| view.row(y)[rect.x..][..rect.width].to_vec()).collect()
}

fn restore(view: &mut View<'_>, rect: Rect, saved: &[u32]) {
    if rect.width > 0 {
        for (i, row) in saved.chunks_exact(rect.width).enumerate() {
            view.row(rect.y + i)[rect.x..][..rect.width].copy_from_slice(row);
        }
    }
}
