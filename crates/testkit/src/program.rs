//! Runs a program as a user would, records all its output, and never waits forever.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::child::{LoggedChild, Pipe};
use crate::report::JsonReport;
use crate::wait::{GUARD, within};
use crate::workspace::built;

/// Variables of the user's environment that would change what a program does, or where it opens its windows.
const NOT_INHERITED: [&str; 6] =
    ["KAFKA_BROKERS", "KAFKA_BOOTSTRAP_SERVERS", "BOOTSTRAP_SERVERS", "RUST_LOG", "WAYLAND_DISPLAY", "DISPLAY"];

/// A program to be run.
#[derive(Debug)]
pub struct Program {
    name: String,
    command: Command,
    input: Stdio,
    /// The folder of the report, if the program is to write one.
    folder: Option<TempDir>,
}

impl Program {
    pub fn vidprod() -> Program {
        Program::named("vidprod")
    }

    pub fn vidcons() -> Program {
        Program::named("vidcons")
    }

    pub fn vidchat() -> Program {
        Program::named("vidchat")
    }

    pub fn vidtopic() -> Program {
        Program::named("vidtopic")
    }

    pub fn vidbroker() -> Program {
        Program::named("vidbroker")
    }

    fn named(name: &str) -> Program {
        Program::at(built(name).unwrap_or_else(|e| panic!("{e:#}")))
    }

    /// Any program, by its path or its name.
    pub fn at(path: impl AsRef<Path>) -> Program {
        let mut command = Command::new(path.as_ref());
        for name in NOT_INHERITED {
            command.env_remove(name);
        }
        command.env("RUST_BACKTRACE", "0").env("NO_COLOR", "1");
        let name = path.as_ref().file_name().unwrap_or_default().to_string_lossy().into_owned();
        Program { name, command, input: Stdio::null(), folder: None }
    }

    /// Makes a hangup end the program even if the tests run under `nohup`; otherwise it would inherit the ignored
    /// signal.
    pub fn heeding_hangup(self) -> Program {
        let env = Program::at("env").arg("--default-signal=HUP").arg(self.command.get_program());
        Program { command: env.args(self.command.get_args()).command, ..self }
    }

    /// Uses this topic without naming a broker, and writes a JSON report.
    pub fn unnamed(mut self, topic: &str) -> Program {
        let folder = TempDir::new().expect("a temporary folder");
        let report = folder.path().join("report.json");
        self.folder = Some(folder);
        self.args(["-t", topic]).arg("--report").arg(report)
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Program {
        self.command.arg(arg);
        self
    }

    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Program {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Program {
        self.command.env(name, value);
        self
    }

    /// Runs in this folder, so that files without a path are created there.
    pub fn in_folder(mut self, folder: &Path) -> Program {
        self.command.current_dir(folder);
        self
    }

    pub fn stdin(mut self, input: impl Into<Stdio>) -> Program {
        self.input = input.into();
        self
    }

    /// Starts the program with its output in a file, in a process group of its own: for programs that run beside a
    /// measurement, and for brokers and X servers.
    pub fn start_logged(mut self, name: &str, pipe: Pipe, log: &Path) -> anyhow::Result<LoggedChild> {
        self.command.stdin(self.input);
        LoggedChild::spawn(name, self.command, pipe, log)
    }

    /// Starts the program and collects its output.
    pub fn start(mut self) -> RunningProgram {
        self.command.stdin(self.input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|e| panic!("cannot run {}: {e}", self.name));
        let (stdout, stdout_thread) = collect(child.stdout.take().expect("it is piped"));
        let (stderr, stderr_thread) = collect(child.stderr.take().expect("it is piped"));
        let args: Vec<_> = self.command.get_args().map(OsString::from).collect();
        RunningProgram {
            name: format!("{} {}", self.name, args.iter().map(|a| a.to_string_lossy()).collect::<Vec<_>>().join(" ")),
            child,
            ended: None,
            stdout,
            stderr,
            threads: vec![stdout_thread, stderr_thread],
            folder: self.folder,
        }
    }

    /// Starts a viewer on a topic that does not exist yet, and waits until it has noticed. From then on it misses
    /// nothing, because it reads the new topic from its first record.
    #[track_caller]
    pub fn start_before_topic(self) -> RunningProgram {
        let mut viewer = self.start();
        viewer.until_stderr(": waiting for it");
        viewer
    }

    /// Starts the program and waits for its end.
    pub fn run(self) -> FinishedProgram {
        self.start().wait()
    }
}

type Bytes = Arc<Mutex<Vec<u8>>>;

fn collect(mut from: impl Read + Send + 'static) -> (Bytes, JoinHandle<()>) {
    let bytes = Bytes::default();
    let into = Arc::clone(&bytes);
    let thread = std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            into.lock().unwrap().extend_from_slice(&buffer[..n]);
        }
    });
    (bytes, thread)
}

/// A running program. It is killed when this is dropped, so that a failing test leaves no process behind.
#[derive(Debug)]
pub struct RunningProgram {
    name: String,
    child: Child,
    ended: Option<ExitStatus>,
    stdout: Bytes,
    stderr: Bytes,
    threads: Vec<JoinHandle<()>>,
    folder: Option<TempDir>,
}

impl RunningProgram {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The standard input, if `stdin(Stdio::piped())` was set.
    pub fn input(&mut self) -> impl Write + use<> {
        self.child.stdin.take().expect("stdin(Stdio::piped()) was asked for")
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap_or_else(|e| panic!("signalling {}: {e}", self.name));
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout.lock().unwrap()).into_owned()
    }

    pub fn stdout_bytes(&self) -> Vec<u8> {
        self.stdout.lock().unwrap().clone()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.lock().unwrap()).into_owned()
    }

    pub fn is_running(&mut self) -> bool {
        self.ended = self.ended.or_else(|| self.child.try_wait().expect("a child of ours can be asked"));
        self.ended.is_none()
    }

    /// Waits until `done` returns a value; panics if the program ends before.
    #[track_caller]
    pub fn until<T>(&mut self, what: &str, mut done: impl FnMut(&RunningProgram) -> Option<T>) -> T {
        let got = within(GUARD, || {
            let running = self.is_running();
            done(self).map(Some).or((!running).then_some(None))
        });
        match got.flatten() {
            Some(value) => value,
            None => panic!("{what}: not seen\n{}", self.story()),
        }
    }

    #[track_caller]
    pub fn until_stdout(&mut self, what: &str, done: impl Fn(&str) -> bool) {
        self.until(what, |me| done(&me.stdout()).then_some(()))
    }

    #[track_caller]
    pub fn until_stderr(&mut self, text: &str) {
        self.until(text, |me| me.stderr().contains(text).then_some(()))
    }

    /// Largest memory use so far, in MB.
    pub fn peak_mb(&self) -> u64 {
        peak_mb(self.id())
    }

    #[track_caller]
    pub fn wait(self) -> FinishedProgram {
        self.wait_for(GUARD)
    }

    /// Waits for the program's end; panics with its output if that takes longer than `limit`.
    #[track_caller]
    pub fn wait_for(mut self, limit: Duration) -> FinishedProgram {
        if within(limit, || (!self.is_running()).then_some(())).is_none() {
            panic!("still running after {} s\n{}", limit.as_secs(), self.story());
        }
        for thread in self.threads.drain(..) {
            thread.join().expect("reading a pipe does not panic");
        }
        let status = self.ended.expect("it has ended");
        let folder = self.folder.take();
        FinishedProgram {
            name: self.name.clone(),
            status,
            stdout: std::mem::take(&mut self.stdout.lock().unwrap()),
            stderr: self.stderr(),
            folder,
        }
    }

    #[track_caller]
    pub fn interrupt(self) -> FinishedProgram {
        self.signal(Signal::INT);
        self.wait()
    }

    fn story(&self) -> String {
        story(&self.name, &self.stdout(), &self.stderr())
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        if self.is_running() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            // If a test fails elsewhere, it still prints the output of its programs.
            if std::thread::panicking() {
                eprintln!("{}", self.story());
            }
        }
    }
}

/// Largest memory use of a program so far, in MB.
pub fn peak_mb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// A program that has ended.
#[derive(Debug)]
pub struct FinishedProgram {
    name: String,
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
    folder: Option<TempDir>,
}

impl FinishedProgram {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    /// Checks that it succeeded without a panic.
    #[track_caller]
    pub fn ok(self) -> FinishedProgram {
        assert_eq!(self.code(), Some(0), "{}", self.story());
        assert!(!self.stderr.contains("panicked"), "{}", self.story());
        self
    }

    /// Its report, after checking that the counts balance.
    #[track_caller]
    pub fn report(&self) -> JsonReport {
        let folder = self.folder.as_ref().expect("Program::on asks for a report");
        let path: PathBuf = folder.path().join("report.json");
        assert!(path.exists(), "it wrote no report\n{}", self.story());
        let report = JsonReport::read(&path);
        report.assert_books_balance();
        report
    }

    /// Checks that it failed with one line that contains `names`, as it must for bad input.
    #[track_caller]
    pub fn assert_fails(&self, code: i32, names: &str) {
        let errors: Vec<_> = self.stderr.lines().filter(|line| line.contains("error:")).collect();
        assert_eq!(self.code(), Some(code), "the exit code\n{}", self.story());
        assert_eq!(errors.len(), 1, "lines with an error\n{}", self.story());
        let said = self.stderr.to_lowercase();
        assert!(said.contains(&names.to_lowercase()), "it does not name {names}\n{}", self.story());
        assert!(!said.contains("panicked") && !said.contains("backtrace"), "{}", self.story());
    }

    pub fn story(&self) -> String {
        story(&format!("{} ended: {}", self.name, self.status), &self.text(), &self.stderr)
    }
}

/// The output of a program, for the message of a failed test.
fn story(program: &str, stdout: &str, stderr: &str) -> String {
    format!("--- {program}\n--- stdout\n{}\n--- stderr\n{}", shortened(stdout), shortened(stderr))
}

/// The beginning and the end of a long text.
fn shortened(text: &str) -> String {
    const HALF: usize = 4000;
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= 2 * HALF {
        return text.to_owned();
    }
    let (begin, end) = (&chars[..HALF], &chars[chars.len() - HALF..]);
    format!("{}\n[… {} characters …]\n{}", String::from_iter(begin), chars.len() - 2 * HALF, String::from_iter(end))
}
