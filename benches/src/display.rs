//! Where windows go: the display that is there, or an X server without a screen.

use std::io::{BufRead, BufReader};

use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::running::{Piped, Running};

/// Large enough for a 4K picture.
const SCREEN: (usize, usize) = (3840, 2160);

#[derive(Debug)]
pub struct Display {
    /// As programs want it in their environment.
    pub name: String,
    /// Where it is ours: it ends with this. Its words are in the folder.
    server: Option<(Running, TempDir)>,
}

impl Display {
    /// The one that `DISPLAY` names, or one of our own.
    pub fn find() -> anyhow::Result<Display> {
        match std::env::var("DISPLAY") {
            Ok(name) if !name.is_empty() => Ok(Display { name, server: None }),
            _ => Display::own(SCREEN).context("there is no DISPLAY, and Xvfb cannot be started"),
        }
    }

    /// Of that size; Xvfb finds a number that is free, and says it once it is ready.
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

    /// For the report.
    pub fn kind(&self) -> &'static str {
        if self.server.is_some() { "Xvfb" } else { "DISPLAY" }
    }
}
