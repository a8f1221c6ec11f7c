//! The test harness for whole programs: a broker, the two programs, an X server, clips and reports.
//!
//! ```text
//! ffmpeg ─clip─▶ Program::vidprod ═══▶ KafkaServer ═══▶ Program::vidcons ─▶ report, JPEGs, Xvfb's screen
//!        other people's producers ═══▶             ═══▶ other people's consumers and admin tools
//! ```
//! A run uses one kind of broker: our own `vidbroker` (`BROKER=embedded`, the default of `cargo test`) or a real Apache
//! Kafka (`BROKER=real`); `make test` runs all tests with both. Tests do not depend on the kind, except for a few that
//! [`kafka::only`] limits to one kind, with the reason.
//!
//! No test asserts a time. Deadlines only guard against hanging. They are many times longer than the operation, and a
//! test that exceeds one panics with all output of the program.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a harness that cannot go on has only one way to say so")]
#![allow(clippy::print_stdout, reason = "a test's standard output is where its story goes")]

pub mod cluster;
pub mod kafka;
pub mod media;
pub mod node;
pub mod program;
pub mod proxy;
pub mod report;
pub mod secured;
pub mod window_manager;
pub mod xvfb;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

pub use kafka::{KafkaServer, kafka};
pub use node::Kind;
pub use program::{Finished, Program, Running};
pub use proxy::{Network, Proxy};
pub use report::Report;
pub use rustix::process::Signal;
pub use window_manager::WindowManager;
pub use xvfb::Xvfb;

/// Time after which an operation counts as hanging. On two cores shared with ten busy programs, and stopped now and
/// then, vidprod needed more than 90 s for a clip of five seconds.
pub const GUARD: Duration = Duration::from_secs(300);

/// The root folder of the sources.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The folder of the built programs: two levels above the test binary, which is in `deps/`.
pub fn target() -> PathBuf {
    let me = std::env::current_exe().expect("a running test knows its own path");
    me.parent().and_then(Path::parent).expect("cargo puts tests into target/PROFILE/deps").to_owned()
}

pub fn strict() -> bool {
    std::env::var("STRICT").is_ok_and(|v| v == "1")
}

/// True if all these programs are installed. Otherwise the test must return: it fails under `STRICT=1`, or is reported
/// as skipped.
pub fn need(tools: &[&str]) -> bool {
    let missing: Vec<_> = tools.iter().filter(|tool| !on_path(tool)).copied().collect();
    if missing.is_empty() {
        return true;
    }
    skip(&format!("{} not found; run scripts/setup test", missing.join(", ")));
    false
}

/// Reports why a test is skipped; fails under `STRICT=1`.
pub fn skip(why: &str) {
    assert!(!strict(), "cannot run: {why}");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    println!("SKIPPED: {test}: {why}");
    // The test runner hides the output of tests that pass, but not that of their child processes.
    let _ = Command::new("sh").args(["-c", "echo \"SKIPPED: $1: $2\" >&2", "sh", &test, why]).status();
}

fn on_path(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
}

/// The Python with the packages for tests, installed by `scripts/setup test`.
pub fn python() -> Option<PathBuf> {
    let python = root().join(".venv/bin/python");
    if python.exists() {
        return Some(python);
    }
    skip("no .venv with confluent-kafka and kafka-python; run scripts/setup test");
    None
}

/// Calls `attempt` until it returns a value; panics with `what` after [`GUARD`].
#[track_caller]
pub fn until<T>(what: &str, attempt: impl FnMut() -> Option<T>) -> T {
    match within(GUARD, attempt) {
        Some(value) => value,
        None => panic!("waited {} s in vain: {what}", GUARD.as_secs()),
    }
}

/// Calls `attempt` every 20 ms until it returns a value, or the time is up.
pub fn within<T>(limit: Duration, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = now();
    loop {
        if let Some(value) = attempt() {
            return Some(value);
        }
        if begin.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[allow(clippy::disallowed_methods, reason = "a guard against hanging needs the real clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
