//! The display for windows: the existing one, or an X server without a screen.

use std::io::{BufRead, BufReader};

use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::running::{Piped, Running};

/// Size of the virtual screen, large enough for a 4K picture.
const SCREEN: (usize, usize) = (3840, 2160);

#[derive(Debug)]
pub struct Display {
    /// The value for `DISPLAY` in a program's environment.
    pub name: String,
    /// The X server, if we started it; it ends with this value. The folder contains its output.
    server: Option<(Running, TempDir)>,
}

impl Display {
    /// Uses the display that `DISPLAY` names, or starts one.
    pub fn find() -> anyhow::Result<Display> {
        match std::env::var("DISPLAY") {
            Ok(name) if !name.is_empty() => Ok(Display { name, server: None }),
            _ => Display::own(SCREEN).context("there is no DISPLAY, and Xvfb cannot be started"),
        }
    }

    /// Starts an X server with this screen size. Xvfb chooses a free display number and prints it once it is ready.
    pub fn own((width, height): (usize, usize)) -> anyhow::Result<Display> {
        let folder = TempDir::new().context("a folder for what Xvfb says")?;
        let screen = format!("{width}x{height}x24");
        let argv = ["Xvfb", "-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-noreset"];
        let mut server = Running::start("Xvfb", &argv.map(str::to_owned), None, Piped::Output, folder.path())
            .context("scripts/setup bench installs what is needed")?;
        let mut number = String::new();
        BufReader::new(server.output()?).read_line(&mut number).context("reading Xvfb's display number")?;
        ensure!(!number.trim().is_empty(), "Xvfb does not start; {}", server.last_words());
        Ok(Display { name: format!(":{}", number.trim()), server: Some((server, folder)) })
    }

    /// Name of the kind, for the report.
    pub fn kind(&self) -> &'static str {
        if self.server.is_some() { "Xvfb" } else { "DISPLAY" }
    }
}
