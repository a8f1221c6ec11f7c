//! The memory that pictures are decoded into: a window's, or our own.

use pool::Pool;

use super::display;
use super::error::{PresentError, ShowError};
use super::painter::Overlay;
use super::presenter::{Events, Presenter, WindowOptions};
use super::rect::Rect;
use crate::canvas::Canvas;

/// The destination of pictures: a window, or none.
#[derive(Debug)]
pub enum Target {
    Headless(Canvas),
    /// The window opens with the first picture and takes its size.
    Waiting(WindowOptions, Pool),
    Window(Box<Presenter>),
}

impl Target {
    pub fn new(window: Option<&WindowOptions>, pool: &Pool) -> Result<Target, PresentError> {
        match window {
            None => Ok(Target::Headless(Canvas::default())),
            Some(options) => {
                display::check()?;
                Ok(Target::Waiting(options.clone(), pool.clone()))
            }
        }
    }

    pub fn is_window(&self) -> bool {
        !matches!(self, Target::Headless(_))
    }

    /// The way in which pictures get on the screen, for the explanation of latencies.
    pub fn display_path(&self) -> explain::DisplayPath {
        match self {
            Target::Window(presenter) => presenter.display_path(),
            _ => explain::DisplayPath::None,
        }
    }

    pub fn events(&mut self) -> Events {
        match self {
            Target::Window(presenter) => presenter.events(),
            _ => Events::default(),
        }
    }

    /// True if the user closed the window.
    pub fn is_closed(&self) -> bool {
        matches!(self, Target::Window(presenter) if !presenter.is_open())
    }

    pub fn present(&mut self, overlay: &Overlay) -> Result<(), PresentError> {
        match self {
            Target::Window(presenter) => presenter.present(overlay),
            _ => Ok(()),
        }
    }

    pub fn set_title(&mut self, title: &str) {
        if let Target::Window(presenter) = self {
            presenter.set_title(title);
        }
    }

    pub fn is_full_screen(&mut self) -> bool {
        match self {
            Target::Window(presenter) => presenter.is_full_screen(),
            _ => false,
        }
    }

    pub fn set_full_screen(&mut self, on: bool) -> Result<(), PresentError> {
        match self {
            Target::Window(presenter) => presenter.set_full_screen(on),
            _ => Ok(()),
        }
    }

    /// Calls `look` with the picture shown last: the pixels, the pixels per row, and the picture's place among them.
    pub fn look<T>(&mut self, look: impl FnOnce(&[u32], usize, Rect) -> T) -> Option<T> {
        match self {
            Target::Headless(canvas) => {
                let (width, height) = canvas.size();
                Some(look(&canvas.pixels, width, Rect { x: 0, y: 0, width, height }))
            }
            Target::Window(presenter) => presenter.look(look),
            Target::Waiting(..) => None,
        }
    }

    /// Calls `decode` to draw a picture of this size where it will be shown. It gets the pixels, and the pixels per
    /// row.
    pub fn write(
        &mut self,
        (width, height): (usize, usize),
        decode: impl FnOnce(&mut [u32], usize) -> Result<(), ShowError>,
    ) -> Result<(), ShowError> {
        match self {
            Target::Headless(canvas) => {
                canvas.reshape(width, height);
                decode(&mut canvas.pixels, width)
            }
            Target::Window(presenter) => presenter.write((width, height), decode),
            Target::Waiting(options, pool) => {
                *self = Target::Window(Box::new(Presenter::open(options, (width, height), pool.clone())?));
                self.write((width, height), decode)
            }
        }
    }
}
