//! The tools that a test needs, and the reason for which it is ignored where one is missing.

use std::path::PathBuf;

use crate::harness;
use crate::workspace::root;

/// The calling test needs these programs. If one is not installed, it [cannot run](cannot_run).
#[track_caller]
pub fn need(tools: &[&str]) {
    let missing: Vec<_> = tools.iter().filter(|tool| !on_path(tool)).copied().collect();
    if !missing.is_empty() {
        cannot_run(&format!("{} not found; run scripts/setup test", missing.join(", ")));
    }
}

/// Ends the calling test, because something is missing on this machine: the test is shown as ignored with the reason, and
/// fails under `STRICT=1`.
#[track_caller]
pub fn cannot_run(why: &str) -> ! {
    assert!(!strict(), "cannot run: {why}");
    harness::ignore(why)
}

/// The Python with the packages for tests, installed by `scripts/setup test`. Without it the test cannot run.
#[track_caller]
pub fn python() -> PathBuf {
    let python = root().join(".venv/bin/python");
    if !python.exists() {
        cannot_run("no .venv with confluent-kafka and kafka-python; run scripts/setup test");
    }
    python
}

/// True if this program is installed.
pub fn on_path(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
}

fn strict() -> bool {
    std::env::var("STRICT").is_ok_and(|v| v == "1")
}
