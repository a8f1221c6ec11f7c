//! The reasons why nothing can be shown.

use jpeg::JpegError;
use thiserror::Error;

/// The window cannot be used.
#[derive(Error, Debug)]
pub enum PresentError {
    /// It cannot be opened.
    #[error("cannot open a window ({0}): set DISPLAY to a running X server, or use --headless to do without a window")]
    Open(String),
    /// The display does not take its pixels.
    #[error("cannot draw into the window: {0}")]
    Draw(String),
    /// It cannot fill the screen.
    #[error("no full screen: {0}")]
    FullScreen(String),
}

/// The reason why a frame could not be shown.
#[derive(Debug, Error)]
pub enum ShowError {
    /// The frame cannot be decoded.
    #[error(transparent)]
    Jpeg(#[from] JpegError),
    /// The window cannot be used.
    #[error(transparent)]
    Present(#[from] PresentError),
}
