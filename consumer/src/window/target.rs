//! The memory that pictures are decoded into: a window's, or our own.

use pool::Pool;

use super::error::{PresentError, ShowError};
use super::presenter::{Presenter, WindowOptions};
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
                check_display()?;
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

    /// The window, once it is open.
    pub fn window(&mut self) -> Option<&mut Presenter> {
        match self {
            Target::Window(presenter) => Some(presenter),
            Target::Headless(_) | Target::Waiting(..) => None,
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

/// Connects to the display without opening a window.
///
/// Opening and closing a window for the check would have an effect: the display gives its number to the next window,
/// and a window manager that is still busy with the first one shrinks the next to the first one's size.
#[cfg(target_os = "linux")]
fn check_display() -> Result<(), PresentError> {
    x11rb::connect(None).map(drop).map_err(|error| PresentError::Open(error.to_string()))
}

/// On other systems, opening a window is the only way to check.
#[cfg(not(target_os = "linux"))]
fn check_display() -> Result<(), PresentError> {
    let settings = minifb::WindowOptions { borderless: true, title: false, ..Default::default() };
    minifb::Window::new("vidcons", 1, 1, settings).map(drop).map_err(|error| PresentError::Open(error.to_string()))
}
