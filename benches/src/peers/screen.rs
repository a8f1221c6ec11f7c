//! A screen of our own, as large as the picture.

use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, ensure};

use super::options::Size;
use super::running::{Piped, Running};

#[derive(Debug)]
pub struct Screen {
    /// As programs want it in their environment.
    pub display: String,
    _server: Running,
}

impl Screen {
    /// Xvfb finds a number that is free, and says it once it is ready.
    pub fn start(size: Size, folder: &Path) -> anyhow::Result<Screen> {
        let screen = format!("{}x{}x24", size.width, size.height);
        let argv = ["Xvfb", "-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-noreset"];
        let mut server = Running::start("Xvfb", &argv.map(str::to_owned), None, Piped::Output, folder)
            .context("scripts/setup bench installs what is needed")?;
        let mut number = String::new();
        BufReader::new(server.output()?).read_line(&mut number).context("reading Xvfb's display number")?;
        ensure!(!number.trim().is_empty(), "Xvfb does not start; {}", server.last_words());
        Ok(Screen { display: format!(":{}", number.trim()), _server: server })
    }
}
