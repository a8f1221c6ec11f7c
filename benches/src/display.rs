//! Where windows go: the display that is there, or an X server without a screen.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

/// Large enough for a 4K picture.
const SCREEN: &str = "3840x2160x24";

#[derive(Debug)]
pub struct Display {
    name: String,
    /// The server, where it is ours.
    server: Option<Child>,
}

impl Display {
    /// The one that `DISPLAY` names, or one of our own.
    pub fn find() -> anyhow::Result<Display> {
        match std::env::var("DISPLAY") {
            Ok(name) if !name.is_empty() => Ok(Display { name, server: None }),
            _ => Display::start(),
        }
    }

    fn start() -> anyhow::Result<Display> {
        let server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("there is no DISPLAY, and Xvfb cannot be started (scripts/setup test installs it)")?;
        // From here on it ends with this.
        let mut display = Display { name: String::new(), server: Some(server) };
        let stdout = display.server.as_mut().and_then(|server| server.stdout.take()).context("Xvfb's output")?;
        let mut number = String::new();
        BufReader::new(stdout).read_line(&mut number).context("reading which display Xvfb chose")?;
        ensure!(!number.trim().is_empty(), "Xvfb ended without a display");
        display.name = format!(":{}", number.trim());
        Ok(display)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// For the report.
    pub fn kind(&self) -> &'static str {
        if self.server.is_some() { "Xvfb" } else { "DISPLAY" }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // Both fail only where it has ended by itself.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}
