//! Tests that measure the whole process, its memory and its threads. They run one after the other, and apart from other
//! tests.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "all of this is tests")]

#[path = "../wire/client.rs"]
#[allow(dead_code, reason = "shared with the tests over the wire, which use all of it")]
mod client;
mod idle;
mod memory;

use std::sync::{Mutex, MutexGuard, PoisonError};

static ALONE: Mutex<()> = Mutex::new(());

/// Environment variable that is set in the process of a single test.
const OWN_PROCESS: &str = "TEST_HAS_A_PROCESS_OF_ITS_OWN";

/// Runs the calling test in a process of its own, because the allocator may keep memory that earlier tests freed. In
/// that process it returns `Some`; while the guard is held, no other test of this program runs. In the original process
/// it returns `None` after the test has passed.
fn alone() -> Option<MutexGuard<'static, ()>> {
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let thread = std::thread::current();
    // With one test at a time, tests run on the main thread and have no name.
    let test = thread.name().filter(|name| *name != "main");
    let Some(test) = test.filter(|_| std::env::var_os(OWN_PROCESS).is_none()) else { return Some(guard) };
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let ran = command.args([test, "--exact", "--nocapture"]).env(OWN_PROCESS, "1").output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let why = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("1 passed"), "{test} in a process of its own: {said}\n{why}");
    print!("{said}");
    None
}

/// Reads a number from one of /proc's status files.
#[cfg(target_os = "linux")]
fn status(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
}
