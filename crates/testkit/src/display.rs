//! The display for windows: the existing one, or an X server without a screen.

use crate::xvfb::Xvfb;
use anyhow::Context;

/// Size of the virtual screen, large enough for a 4K picture.
const SCREEN: (u32, u32) = (3840, 2160);

#[derive(Debug)]
pub struct Display {
    /// The value for `DISPLAY` in a program's environment.
    pub name: String,
    /// Name of the kind, for the report.
    pub kind: &'static str,
    _server: Option<Xvfb>,
}

impl Display {
    /// Uses the display that `DISPLAY` names, or starts one.
    pub fn find() -> anyhow::Result<Display> {
        match std::env::var("DISPLAY") {
            Ok(name) if !name.is_empty() => Ok(Display { name, kind: "DISPLAY", _server: None }),
            _ => {
                let server = Xvfb::with_screen(SCREEN, &[])
                    .context("there is no DISPLAY, and Xvfb cannot be started (scripts/setup bench installs it)")?;
                Ok(Display { name: server.display().to_owned(), kind: "Xvfb", _server: Some(server) })
            }
        }
    }
}
