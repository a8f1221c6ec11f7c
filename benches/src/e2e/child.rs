//! A program of ours that runs beside this one; killed when this is dropped.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use common::clock::Clock;
use rustix::process::{Pid, Signal, kill_process};

use super::Display;

/// How often its end is looked for.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub struct Child {
    name: String,
    child: std::process::Child,
    /// What it says on standard error.
    words: Option<JoinHandle<String>>,
}

impl Child {
    pub fn start(name: &str, args: &[String], display: Option<&Display>) -> anyhow::Result<Child> {
        let program = program(name)?;
        let mut command = Command::new(&program);
        // What a person has set up for himself must not change what is measured.
        for variable in ["KAFKA_BROKERS", "KAFKA_BOOTSTRAP_SERVERS", "BOOTSTRAP_SERVERS", "RUST_LOG"] {
            command.env_remove(variable);
        }
        if let Some(display) = display {
            command.env("DISPLAY", display.name());
        }
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("starting {}", program.display()))?;
        let mut stderr = child.stderr.take().context("its standard error")?;
        let read = move || {
            let mut words = Vec::new();
            // What was read before an error is worth telling too.
            let _ = stderr.read_to_end(&mut words);
            String::from_utf8_lossy(&words).into_owned()
        };
        let words = std::thread::Builder::new().name(format!("{name}-words")).spawn(read)?;
        Ok(Child { name: name.to_owned(), child, words: Some(words) })
    }

    /// As Ctrl-C does.
    pub fn interrupt(&self) -> anyhow::Result<()> {
        match kill_process(Pid::from_child(&self.child), Signal::INT) {
            // It ended by itself; how, its exit code says.
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("interrupting {}", self.name)),
        }
    }

    /// Waits for its end, which must be a good one.
    pub fn wait(mut self, patience: Duration, clock: &dyn Clock) -> anyhow::Result<()> {
        let until = clock.now().plus(patience);
        let status = loop {
            if let Some(status) = self.child.try_wait().with_context(|| format!("waiting for {}", self.name))? {
                break status;
            }
            ensure!(clock.now() < until, "{} did not end within {} s", self.name, patience.as_secs());
            clock.sleep_until(clock.now().plus(LOOK));
        };
        if status.success() {
            return Ok(());
        }
        let words = self.words.take().and_then(|words| words.join().ok()).unwrap_or_default();
        let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it does not say why");
        bail!("{} ended ({status}): {}", self.name, last.trim())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // Both fail only where it has just ended by itself.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The program of that name that was built with this one.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("finding this program's folder")?;
    let program = own.with_file_name(name);
    ensure!(program.is_file(), "there is no {}: build it with make build", program.display());
    Ok(program)
}
