//! The pictures that all lines are fed: the beginning of a clip, kept in memory, in a loop.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use super::bar::BarPlace;
use crate::size::PictureSize;

/// Number of pictures: four seconds at 30 fps, 166 MB at 720p.
const DISTINCT_MAX: usize = 120;
const FRAME: &[u8] = b"FRAME\n";

#[derive(Debug)]
pub struct PlanarClip {
    size: PictureSize,
    place: BarPlace,
    /// The pictures one after the other.
    pictures: Vec<u8>,
}

impl PlanarClip {
    /// Decodes a file with the `ffmpeg` program, scaled to the size, as planar 4:2:0.
    pub fn read(file: &Path, size: &PictureSize, place: BarPlace) -> anyhow::Result<PlanarClip> {
        let done = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-i"])
            .arg(file)
            .args(["-frames:v", &DISTINCT_MAX.to_string(), "-vf", &format!("scale={}", size.pixels())])
            .args(["-pix_fmt", "yuv420p", "-f", "rawvideo", "-"])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("running ffmpeg, which decodes the clip (scripts/setup bench installs it)")?;
        ensure!(done.status.success(), "ffmpeg cannot decode {} (it says why above)", file.display());
        ensure!(done.stdout.len() >= place.picture_bytes(), "{} has no pictures", file.display());
        Ok(PlanarClip { size: size.clone(), place, pictures: done.stdout })
    }

    pub fn header(&self, fps: f64) -> String {
        let PictureSize { width, height, .. } = &self.size;
        format!("YUV4MPEG2 W{width} H{height} F{}:1000 Ip A1:1 C420jpeg\n", (fps * 1000.0).round())
    }

    /// Replaces the content of `out` by a frame in y4m, with its index drawn in.
    pub fn frame(&self, index: usize, out: &mut Vec<u8>) {
        let bytes = self.place.picture_bytes();
        let picture = index % (self.pictures.len() / bytes);
        out.clear();
        out.extend_from_slice(FRAME);
        out.extend_from_slice(&self.pictures[picture * bytes..][..bytes]);
        self.place.draw(index, &mut out[FRAME.len()..]);
    }
}
