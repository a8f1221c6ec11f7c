//! Whether a window can be opened, asked before there is a picture to show.

use super::PresentError;

/// Connects to the display and opens no window.
///
/// A window that is opened only to try it and closed again is not forgotten as quickly: the display gives its number to
/// the next one, and a window manager that was still busy with the first shrinks that to the first one's size.
#[cfg(target_os = "linux")]
pub fn check() -> Result<(), PresentError> {
    x11rb::connect(None).map(drop).map_err(|error| PresentError::Open(error.to_string()))
}

/// On other systems opening a window is the only way to ask.
#[cfg(not(target_os = "linux"))]
pub fn check() -> Result<(), PresentError> {
    let settings = minifb::WindowOptions { borderless: true, title: false, ..Default::default() };
    minifb::Window::new("vidcons", 1, 1, settings).map(drop).map_err(|error| PresentError::Open(error.to_string()))
}
