//! The folders of this workspace.

use std::path::{Path, PathBuf};

use anyhow::ensure;

/// The root folder of the sources.
pub fn root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("this package is in crates/testkit")
}

/// The folder of the built programs. A test binary is in `deps/` below it, and a program is in the folder itself.
pub fn target() -> PathBuf {
    let own = std::env::current_exe().expect("a running program knows its own path");
    let folder = own.parent().expect("a program is in a folder");
    if folder.ends_with("deps") { folder.with_file_name("") } else { folder.to_owned() }
}

/// The path of a program of the workspace.
pub fn built(name: &str) -> anyhow::Result<PathBuf> {
    let path = target().join(name);
    ensure!(path.is_file(), "{} is not built; run cargo build --workspace --bins (make test does)", path.display());
    Ok(path)
}
