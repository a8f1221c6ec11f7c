//! The window's pixels, and their path to the screen: shared with the X server if possible, otherwise sent to it.

use either::Either;
use minifb::Window;

use super::error::PresentError;
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
    pub fn pixels(&mut self) -> Option<Either<SurfacePixels<'_>, &mut [u32]>> {
        match self {
            WindowPixels::Shared(surface) => surface.pixels().ok().map(Either::Left),
            WindowPixels::Sent(canvas) => Some(Either::Right(&mut canvas.pixels)),
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

/// Tests if the display can read our memory, by sharing a page with it: one on another machine cannot. Returns true if
/// the display cannot be asked, so that sharing is tried.
#[cfg(target_os = "linux")]
fn shares_memory() -> bool {
    match x11rb::connect(None) {
        Ok((display, _)) => share_a_page(&display).unwrap_or_else(|error| {
            tracing::debug!("sharing a page with the display: {error}");
            false
        }),
        Err(error) => {
            tracing::debug!("asking the display for shared memory: {error}");
            true
        }
    }
}

#[cfg(target_os = "linux")]
fn share_a_page(display: &impl x11rb::connection::Connection) -> Result<bool, Box<dyn std::error::Error>> {
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
    use x11rb::protocol::shm::ConnectionExt;

    let memory = memfd_create("vidcons", MemfdFlags::CLOEXEC)?;
    ftruncate(&memory, 4096)?;
    let segment = display.generate_id()?;
    Ok(display.shm_attach_fd(segment, memory, true)?.check().is_ok())
}

/// On other systems sharing is always tried.
#[cfg(not(target_os = "linux"))]
fn shares_memory() -> bool {
    true
}
