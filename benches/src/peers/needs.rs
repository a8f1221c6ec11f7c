//! Checks the requirements of a line before anything is measured.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::line::{Line, Need};
use crate::brokers::root;
use crate::running;

/// The Python that scripts/setup installs, or else the system's.
pub fn python() -> String {
    let own = root().join(".venv/bin/python");
    if own.is_file() { own.display().to_string() } else { "python3".to_owned() }
}

/// The first requirement that is missing, and what to do about it.
pub fn missing(line: Line, python: &str) -> Option<String> {
    line.needs().iter().find_map(|need| {
        let install = |what: String| (!what.is_empty()).then(|| format!("{what}: scripts/setup bench installs it"));
        match need {
            Need::Ours(name) => running::program(name).err().map(|error| format!("{error:#}")),
            Need::Program(name) if !is_program(name) => install(format!("there is no {name}")),
            Need::Element(name) if !succeeds("gst-inspect-1.0", &["--exists", name]) => {
                install(format!("GStreamer has no {name}"))
            }
            Need::Module(name) if !succeeds(python, &["-c", &format!("import {name}")]) => {
                install(format!("{python} has no module {name}"))
            }
            Need::Program(_) | Need::Element(_) | Need::Module(_) => None,
        }
    })
}

pub fn is_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder: PathBuf| folder.join(name).is_file())
}

fn succeeds(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    let quiet = command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|code| code.success())
}
