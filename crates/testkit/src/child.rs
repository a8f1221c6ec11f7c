//! A child process that never outlives its owner.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use crate::wait::within;

/// The stream of a child that we hold the other end of. Its other output goes to its log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pipe {
    None,
    Input,
    Output,
}

/// A process that writes its output to a log and has a process group of its own. The group is killed when this is
/// dropped, and also if our own process is killed.
#[derive(Debug)]
pub struct LoggedChild {
    name: String,
    log: PathBuf,
    child: Child,
    /// Kills the group. It is dropped before the child is waited for.
    killer: Option<AfterExit>,
}

impl LoggedChild {
    pub(crate) fn spawn(name: &str, mut command: Command, pipe: Pipe, log: &Path) -> anyhow::Result<LoggedChild> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command.process_group(0).stderr(file.try_clone()?);
        if pipe == Pipe::Input {
            command.stdin(Stdio::piped());
        }
        command.stdout(if pipe == Pipe::Output { Stdio::piped() } else { file.into() });
        let child = command.spawn().with_context(|| format!("starting {}", command.get_program().display()))?;
        let killer = AfterExit::run("kill -s KILL -- \"-$1\"", &[&child.id().to_string()])?;
        Ok(LoggedChild { name: name.to_owned(), log: log.to_owned(), child, killer: Some(killer) })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn input(&mut self) -> anyhow::Result<ChildStdin> {
        self.child.stdin.take().with_context(|| format!("the standard input of {} is not piped", self.name))
    }

    pub fn output(&mut self) -> anyhow::Result<ChildStdout> {
        self.child.stdout.take().with_context(|| format!("the standard output of {} is not piped", self.name))
    }

    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it ends; false if it is still running after `limit`.
    pub fn ends_within(&mut self, limit: Duration) -> bool {
        within(limit, || self.has_ended().then_some(())).is_some()
    }

    /// Sends a signal to it, without its own children. It is no error if it has ended already.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        match kill_process(Pid::from_child(&self.child), signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("sending {signal:?} to {}", self.name)),
        }
    }

    /// Interrupts it as Ctrl-C does.
    pub fn interrupt(&self) -> anyhow::Result<()> {
        self.signal(Signal::INT)
    }

    /// Waits until it ends; an exit code other than 0 is an error.
    pub fn end_well(mut self, limit: Duration) -> anyhow::Result<()> {
        ensure!(self.ends_within(limit), "{} did not end within {} s", self.name, limit.as_secs());
        let status: ExitStatus = self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        ensure!(status.success(), "{} ended ({status}); {}", self.name, self.last_line());
        Ok(())
    }

    /// Waits until the log contains `text`; an error if that takes longer than `limit`, or if the process ends before.
    pub fn logs_within(&mut self, text: &str, limit: Duration) -> anyhow::Result<()> {
        let seen = within(limit, || {
            let ended = self.has_ended();
            if self.log().contains(text) { Some(true) } else { ended.then_some(false) }
        });
        match seen {
            Some(true) => Ok(()),
            Some(false) => anyhow::bail!("{} ended before it logged \"{text}\":\n{}", self.name, self.log()),
            None => anyhow::bail!("{} has not logged \"{text}\" in {} s:\n{}", self.name, limit.as_secs(), self.log()),
        }
    }

    /// All of its output so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The last line of its output, for an error message.
    pub fn last_line(&self) -> String {
        let log = self.log();
        let last = log.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("nothing");
        format!("{} logged: {last}", self.name)
    }
}

impl Drop for LoggedChild {
    fn drop(&mut self) {
        drop(self.killer.take());
        let _ = self.child.wait();
    }
}

/// Runs a tool to its end and returns its output; panics if it fails.
#[track_caller]
pub(crate) fn output_of(command: &mut Command) -> Vec<u8> {
    let done = command.stdin(Stdio::null()).output();
    let done = done.unwrap_or_else(|e| panic!("the test needs {}: {e}", command.get_program().display()));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

/// A shell that runs a script when this is dropped or when our own process has ended, even if it was killed.
#[derive(Debug)]
pub struct AfterExit(Child);

impl AfterExit {
    /// Starts the shell; `args` are the script's $1, $2 …
    pub fn run(script: &str, args: &[&str]) -> anyhow::Result<AfterExit> {
        let child = Command::new("sh")
            .arg("-c")
            // Standard input ends when our end of the pipe closes, which the system does even if we are killed.
            .arg(format!("trap '' INT TERM HUP; cat >/dev/null; {script}"))
            .arg("after-exit")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in the terminal must not end it.
            .process_group(0)
            .spawn()
            .context("starting a shell that cleans up afterwards")?;
        Ok(AfterExit(child))
    }
}

impl Drop for AfterExit {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
