//! Commands that run when this program has ended, however it ends: a shell waits for the end and runs them.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::Context;

/// The shell. It reads standard input until our end of the pipe closes, which the system does even if we are killed.
#[derive(Debug)]
pub struct Afterwards(Child);

impl Afterwards {
    /// Starts a shell that runs `script` after our end; `args` are its $1, $2 …
    pub fn run(script: &str, args: &[&str]) -> anyhow::Result<Afterwards> {
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("trap '' INT TERM HUP; cat >/dev/null; {script}"))
            .arg("afterwards")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in the terminal must reach this program only.
            .process_group(0)
            .spawn()
            .context("starting a shell that cleans up afterwards")?;
        Ok(Afterwards(child))
    }
}

impl Drop for Afterwards {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        if let Err(error) = self.0.wait() {
            tracing::warn!("cleaning up: {error}");
        }
    }
}
