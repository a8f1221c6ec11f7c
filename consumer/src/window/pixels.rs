//! The window's pixels, and their path to the screen: shared with the X server if possible, otherwise sent to it.

use std::ops::{Deref, DerefMut};

use minifb::Window;

use super::error::PresentError;
use super::shared_memory::shares_memory;
use super::surface::{Surface, SurfacePixels};
use crate::canvas::Canvas;

#[derive(Debug)]
pub enum WindowPixels {
    /// Memory that the X server reads; showing it takes microseconds.
    Shared(Surface),
    /// Our own memory, sent through the socket; this takes 2 to 3 ms for 720p.
    Sent(Canvas),
}

impl WindowPixels {
    pub fn of(window: &Window) -> WindowPixels {
        // A surface can also send pixels that are not shared, but no pictures of more than 16 MB.
        if !shares_memory() {
            tracing::debug!("no shared memory with the display: pictures are sent to it");
            return sent(window.get_size());
        }
        match Surface::of(window) {
            Ok(surface) => WindowPixels::Shared(surface),
            Err(error) => {
                tracing::debug!("no surface on the window ({error}): pictures are sent to it");
                sent(window.get_size())
            }
        }
    }

    pub fn size(&self) -> (usize, usize) {
        match self {
            WindowPixels::Shared(surface) => surface.size(),
            WindowPixels::Sent(canvas) => canvas.size(),
        }
    }

    /// Changes the size; the pixels are undefined afterwards.
    pub fn resize(&mut self, size: (usize, usize)) {
        match self {
            WindowPixels::Sent(canvas) => canvas.reshape(size.0, size.1),
            WindowPixels::Shared(surface) => {
                if surface.resize(size).is_err() {
                    *self = sent(size);
                }
            }
        }
    }

    /// The pixels of the window, row by row without gaps; `None` if the display does not provide them.
    pub fn pixels(&mut self) -> Option<Pixels<'_>> {
        match self {
            WindowPixels::Shared(surface) => surface.pixels().ok().map(Pixels::Shared),
            WindowPixels::Sent(canvas) => Some(Pixels::Sent(&mut canvas.pixels)),
        }
    }

    pub fn present(&mut self, window: &mut Window) -> Result<(), PresentError> {
        match self {
            WindowPixels::Sent(canvas) => window
                .update_with_buffer(&canvas.pixels, canvas.width, canvas.height)
                .map_err(|error| PresentError::Draw(error.to_string())),
            WindowPixels::Shared(surface) => surface.present().map_err(|error| PresentError::Draw(error.to_string())),
        }
    }
}

fn sent((width, height): (usize, usize)) -> WindowPixels {
    let mut canvas = Canvas::default();
    canvas.reshape(width, height);
    WindowPixels::Sent(canvas)
}

pub enum Pixels<'a> {
    Shared(SurfacePixels<'a>),
    Sent(&'a mut [u32]),
}

impl Deref for Pixels<'_> {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        match self {
            Pixels::Shared(pixels) => pixels,
            Pixels::Sent(pixels) => pixels,
        }
    }
}

impl DerefMut for Pixels<'_> {
    fn deref_mut(&mut self) -> &mut [u32] {
        match self {
            Pixels::Shared(pixels) => pixels,
            Pixels::Sent(pixels) => pixels,
        }
    }
}
