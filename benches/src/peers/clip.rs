//! The pictures that all lines are fed: the beginning of a clip, kept in memory, in a loop.

use std::path::Path;

use anyhow::ensure;

use super::bar::BarPlace;
use crate::planes;
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
    /// Decodes a file, scaled to the size.
    pub fn read(file: &Path, size: &PictureSize, place: BarPlace) -> anyhow::Result<PlanarClip> {
        let (count, scale) = (DISTINCT_MAX.to_string(), format!("scale={}", size.pixels()));
        let pictures = planes::decode(file, &[], &["-frames:v", &count, "-vf", &scale, "-pix_fmt", "yuv420p"])?;
        ensure!(pictures.len() >= place.picture_bytes(), "{} has no pictures", file.display());
        Ok(PlanarClip { size: size.clone(), place, pictures })
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
