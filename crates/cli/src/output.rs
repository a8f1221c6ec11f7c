//! The destination of a report: a file, or standard output for `-`.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Context;

use crate::kinds;

/// A file, or `-` for standard output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    Stdout,
    File(PathBuf),
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Output, String> {
        match text {
            "" => Err("it is empty: name a file, or write '-' for standard output".to_owned()),
            "-" => Ok(Output::Stdout),
            path => Ok(Output::File(path.into())),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Output::Stdout => f.write_str("standard output"),
            Output::File(path) => path.display().fmt(f),
        }
    }
}

impl Output {
    /// Opens the output for writing; an existing file is overwritten.
    pub fn create(&self) -> anyhow::Result<Box<dyn Write + Send>> {
        Ok(match self {
            Output::Stdout => Box::new(std::io::stdout()),
            Output::File(path) => Box::new(create(path)?),
        })
    }

    /// Refuses a file whose extension is of another kind (see [`kinds::check`]).
    pub fn of_kind(self, what: &str, ours: &[&str], instead: &str) -> Result<Output, String> {
        if let Output::File(path) = &self {
            kinds::check(path, what, ours, instead)?;
        }
        Ok(self)
    }

    /// Fails now, rather than after an hour, if the output cannot be written.
    pub fn check(&self) -> anyhow::Result<()> {
        match self {
            Output::Stdout => Ok(()),
            Output::File(path) => check_writable(path),
        }
    }
}

/// Creates a file for writing, with an error that names it.
pub fn create(path: &Path) -> anyhow::Result<File> {
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

/// Fails now if `path` cannot be written. The file, or its absence, is left unchanged.
pub fn check_writable(path: &Path) -> anyhow::Result<()> {
    let was_there = path.symlink_metadata().is_ok();
    let open = std::fs::OpenOptions::new().append(true).create(true).open(path);
    open.map(drop).with_context(|| format!("cannot write {}", path.display()))?;
    if !was_there {
        // The file was created only for the check.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

/// Prints text on standard output. It is no error if nobody reads it any more.
pub fn print(text: &str) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("writing to standard output")
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
