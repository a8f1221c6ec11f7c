//! Pictures as planar 4:2:0, one after the other, as the `ffmpeg` program decodes them.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// Decodes a file. `input` and `output` are ffmpeg's options for them; those of the output contain the pixel format.
pub fn decode(file: &Path, input: &[&str], output: &[&str]) -> anyhow::Result<Vec<u8>> {
    let done = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(input)
        .arg("-i")
        .arg(file)
        .args(output)
        .args(["-f", "rawvideo", "-"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("running ffmpeg, which decodes pictures (scripts/setup bench installs it)")?;
    ensure!(done.status.success(), "ffmpeg cannot decode {} (it says why above)", file.display());
    Ok(done.stdout)
}
