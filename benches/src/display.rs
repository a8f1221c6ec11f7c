//! The display for windows: the existing one, or an X server without a screen.

use anyhow::Context;
use testkit::Xvfb;

/// Size of the virtual screen, large enough for a 4K picture.
const SCREEN: (u32, u32) = (3840, 2160);

#[derive(Debug)]
pub enum Display {
    /// The display that `DISPLAY` names.
    Existing(String),
    Virtual(Xvfb),
}

impl Display {
    /// Uses the display that `DISPLAY` names, or starts one.
    pub fn find() -> anyhow::Result<Display> {
        match std::env::var("DISPLAY") {
            Ok(name) if !name.is_empty() => Ok(Display::Existing(name)),
            _ => Xvfb::with_screen(SCREEN, &[])
                .map(Display::Virtual)
                .context("there is no DISPLAY, and Xvfb cannot be started (scripts/setup bench installs it)"),
        }
    }

    /// The value for `DISPLAY` in a program's environment.
    pub fn name(&self) -> &str {
        match self {
            Display::Existing(name) => name,
            Display::Virtual(server) => server.display(),
        }
    }

    /// Name of the kind, for the report.
    pub fn kind(&self) -> &'static str {
        match self {
            Display::Existing(_) => "DISPLAY",
            Display::Virtual(_) => "Xvfb",
        }
    }
}
