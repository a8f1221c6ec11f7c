//! Checks if a window can be opened, before there is a picture to show.

use super::error::PresentError;

/// Connects to the display without opening a window.
///
/// Opening and closing a window for the check would have an effect: the display gives its number to the next window,
/// and a window manager that is still busy with the first one shrinks the next to the first one's size.
#[cfg(target_os = "linux")]
pub fn check() -> Result<(), PresentError> {
    x11rb::connect(None).map(drop).map_err(|error| PresentError::Open(error.to_string()))
}

/// On other systems, opening a window is the only way to check.
#[cfg(not(target_os = "linux"))]
pub fn check() -> Result<(), PresentError> {
    let settings = minifb::WindowOptions { borderless: true, title: false, ..Default::default() };
    minifb::Window::new("vidcons", 1, 1, settings).map(drop).map_err(|error| PresentError::Open(error.to_string()))
}
