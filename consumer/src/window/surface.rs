//! A surface of the window whose pixels the display reads from shared memory.
#![allow(unsafe_code, reason = "the window cannot be borrowed for as long as the surface lives, as both change")]

use std::num::NonZeroU32;

use minifb::{HasWindowHandle, Window};
use raw_window_handle::{
    DisplayHandle, HandleError, HasDisplayHandle, RawDisplayHandle, RawWindowHandle, WindowHandle,
};
use softbuffer::{Context, SoftBufferError};

pub type SurfacePixels<'a> = softbuffer::Buffer<'a, Handles, Handles>;

/// A surface. Its owner must drop it before the window.
pub struct Surface {
    surface: softbuffer::Surface<Handles, Handles>,
    size: (usize, usize),
}

impl Surface {
    pub fn of(window: &Window) -> Result<Surface, SoftBufferError> {
        let handles = Handles::of(window)?;
        let surface = softbuffer::Surface::new(&Context::new(handles)?, handles)?;
        let mut surface = Surface { surface, size: (0, 0) };
        surface.resize(window.get_size())?;
        Ok(surface)
    }

    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    pub fn resize(&mut self, size: (usize, usize)) -> Result<(), SoftBufferError> {
        let side = |length: usize| u32::try_from(length).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        self.surface.resize(side(size.0), side(size.1))?;
        self.size = size;
        Ok(())
    }

    /// Waits until the display has read the last presented pixels. The pixels stay as they were written until the next
    /// resize: on X11 there is one buffer, and we use no other backend.
    pub fn pixels(&mut self) -> Result<SurfacePixels<'_>, SoftBufferError> {
        self.surface.buffer_mut()
    }

    pub fn present(&mut self) -> Result<(), SoftBufferError> {
        self.surface.buffer_mut()?.present()
    }
}

impl std::fmt::Debug for Surface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Surface({}x{})", self.size.0, self.size.1)
    }
}

/// The handles of window and display, without borrowing the window.
#[derive(Clone, Copy, Debug)]
pub struct Handles {
    window: RawWindowHandle,
    display: RawDisplayHandle,
}

impl Handles {
    fn of(window: &Window) -> Result<Handles, HandleError> {
        Ok(Handles { window: window.window_handle()?.as_raw(), display: window.display_handle()?.as_raw() })
    }
}

impl HasWindowHandle for Handles {
    fn window_handle(&self) -> Result<WindowHandle<'_>, HandleError> {
        // SAFETY: the presenter drops the surface, and these handles with it, before their window.
        Ok(unsafe { WindowHandle::borrow_raw(self.window) })
    }
}

impl HasDisplayHandle for Handles {
    fn display_handle(&self) -> Result<DisplayHandle<'_>, HandleError> {
        // SAFETY: as above; the window keeps its connection to the display open for as long as it lives.
        Ok(unsafe { DisplayHandle::borrow_raw(self.display) })
    }
}
