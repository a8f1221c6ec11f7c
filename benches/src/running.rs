//! A program that runs for a while in a process group of its own, and is stopped however we end.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use common::time::{Clock, SystemClock};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::afterwards::Afterwards;
use crate::cpu::CpuTime;

/// Time between interrupting a program and killing it.
const GRACE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Variables of the user's environment that would change the result, or the place of windows.
const NOT_INHERITED: [&str; 6] =
    ["KAFKA_BROKERS", "KAFKA_BOOTSTRAP_SERVERS", "BOOTSTRAP_SERVERS", "RUST_LOG", "WAYLAND_DISPLAY", "DISPLAY"];

#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    words: PathBuf,
    /// Stops the program if we are killed.
    _afterwards: Afterwards,
}

/// The stream that is piped. The program's other output goes to a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piped {
    Nothing,
    Input,
    Output,
}

impl Running {
    /// Starts a program whose output goes to a file called `name` in `folder`.
    pub fn start(
        name: &str,
        argv: &[String],
        display: Option<&str>,
        piped: Piped,
        folder: &Path,
    ) -> anyhow::Result<Running> {
        let (program, args) = argv.split_first().context("a program's name")?;
        let words = folder.join(name);
        let file = File::create(&words).with_context(|| format!("cannot write {}", words.display()))?;
        let mut command = Command::new(program);
        command.args(args).process_group(0).stderr(file.try_clone()?);
        command.stdin(if piped == Piped::Input { Stdio::piped() } else { Stdio::null() });
        command.stdout(if piped == Piped::Output { Stdio::piped() } else { file.into() });
        for name in NOT_INHERITED {
            command.env_remove(name);
        }
        if let Some(display) = display {
            command.env("DISPLAY", display);
        }
        let child = command.spawn().with_context(|| format!("starting {program}"))?;
        let afterwards = Afterwards::run("kill -s TERM -- \"-$1\"", &[&child.id().to_string()])?;
        Ok(Running { name: name.to_owned(), child, words, _afterwards: afterwards })
    }

    pub fn input(&mut self) -> anyhow::Result<ChildStdin> {
        self.child.stdin.take().with_context(|| format!("{}'s standard input", self.name))
    }

    pub fn output(&mut self) -> anyhow::Result<ChildStdout> {
        self.child.stdout.take().with_context(|| format!("{}'s standard output", self.name))
    }

    /// Processor time that the program has used so far, without its child processes.
    pub fn cpu_time(&self) -> anyhow::Result<CpuTime> {
        CpuTime::of(self.child.id()).with_context(|| format!("reading the processor time of {}", self.name))
    }

    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// True if it ends by itself within `patience`.
    pub fn ends_within(&mut self, patience: Duration, clock: &dyn Clock) -> bool {
        let until = clock.now().plus(patience);
        while !self.has_ended() {
            let now = clock.now();
            if now >= until {
                return false;
            }
            clock.sleep_until(now.plus(LOOK_EVERY));
        }
        true
    }

    /// Interrupts the program as Ctrl-C does.
    pub fn interrupt(&self) -> anyhow::Result<()> {
        match kill_process(Pid::from_child(&self.child), Signal::INT) {
            // It has ended by itself; its exit code shows whether it succeeded.
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("interrupting {}", self.name)),
        }
    }

    /// Waits until it ends; an exit code other than 0 is an error.
    pub fn end_well(mut self, patience: Duration, clock: &dyn Clock) -> anyhow::Result<()> {
        let ended = self.ends_within(patience, clock);
        ensure!(ended, "{} did not end within {} s", self.name, patience.as_secs());
        let status = self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        ensure!(status.success(), "{} ended ({status}); {}", self.name, self.last_words());
        Ok(())
    }

    /// The last line of its output, for an error message.
    pub fn last_words(&self) -> String {
        let words = std::fs::read(&self.words).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        let last = words.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("nothing");
        format!("{} said: {last}", self.name)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::TERM);
        if !self.ends_within(GRACE, &SystemClock) {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// The path of a program that was built together with this one.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("finding this program's folder")?;
    let program = own.with_file_name(name);
    ensure!(program.is_file(), "there is no {}: build it with make build", program.display());
    Ok(program)
}
