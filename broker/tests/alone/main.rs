//! What is measured of the whole process: its memory and its threads. So these tests run one after the other, and apart
//! from the others.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "all of this is tests")]

#[path = "../wire/client.rs"]
#[allow(dead_code, reason = "shared with the tests over the wire, which use all of it")]
mod client;
mod idle;
mod memory;

#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

static ALONE: Mutex<()> = Mutex::new(());

/// While this is held, no other test of this program runs.
fn alone() -> MutexGuard<'static, ()> {
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    #[cfg(target_os = "linux")]
    BEFORE.store(1024 * status("/proc/self/status", "VmRSS"), Ordering::Relaxed);
    guard
}

/// What was resident when the test at work began: the allocator may keep what earlier ones gave back.
#[cfg(target_os = "linux")]
static BEFORE: AtomicU64 = AtomicU64::new(0);

/// A number of one of /proc's status files.
#[cfg(target_os = "linux")]
fn status(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
}
