//! Makes clips with ffmpeg, and compares pictures with ffmpeg's.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, ensure};
use image::RgbImage;
use tempfile::TempDir;

use crate::child::output_of;
use crate::workspace::target;

/// A folder for the clips of one test.
pub fn folder() -> TempDir {
    TempDir::with_prefix("clips-").expect("a temporary folder")
}

/// Runs ffmpeg; its arguments are one string, split at spaces.
#[track_caller]
pub fn ffmpeg(args: &str, out: &Path) {
    output_of(command(args).arg(out));
}

/// The pictures of a file as planes, one after the other. `input` and `output` are ffmpeg's options for them; those of the output contain the pixel format.
pub fn decode_planes(file: &Path, input: &[&str], output: &[&str]) -> anyhow::Result<Vec<u8>> {
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

/// Starts an ffmpeg that writes to a pipe, to be a program's standard input.
pub fn ffmpeg_pipe(args: &str) -> std::process::Child {
    let mut command = command(args);
    command.arg("-").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("the test needs ffmpeg")
}

fn command(args: &str) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y"]).args(args.split_whitespace());
    command
}

/// The standard clip: 1280x720, 25 frames a second, 10 seconds. It is made once, and kept beside the built programs.
pub fn clip_720p25() -> &'static Path {
    static CLIP: OnceLock<PathBuf> = OnceLock::new();
    CLIP.get_or_init(|| {
        let path = target().join("clip-720p25.mp4");
        if !path.exists() {
            let folder = TempDir::new_in(target()).expect("a folder beside the programs");
            let unfinished = folder.path().join("clip.mp4");
            clip("1280x720", 250, &unfinished);
            std::fs::rename(&unfinished, &path).expect("moving a file within a folder");
        }
        path
    })
}

/// A small clip with this many frames at 25 a second, for tests in which the pictures do not matter.
pub fn small_clip(folder: &Path, frames: u32) -> PathBuf {
    let path = folder.join(format!("small{frames}.mp4"));
    clip("320x240", frames, &path);
    path
}

fn clip(size: &str, frames: u32, out: &Path) {
    let source = format!("-f lavfi -i testsrc2=s={size}:r=25 -frames:v {frames}");
    ffmpeg(&format!("{source} -c:v libx264 -preset ultrafast -pix_fmt yuv420p"), out);
}

/// Frame `n` of a file, as ffmpeg decodes it.
#[track_caller]
pub fn frame_of(file: &Path, n: usize) -> RgbImage {
    let filters = format!("select=eq(n\\,{n}),scale=flags=accurate_rnd+full_chroma_int,format=rgb24");
    let mut command = command("-i");
    command.arg(file).args(["-vf", &filters, "-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-"]);
    image::load_from_memory(&output_of(&mut command)).expect("ffmpeg writes a PNG").to_rgb8()
}

#[track_caller]
pub fn decode(jpeg: &[u8]) -> RgbImage {
    image::load_from_memory(jpeg).expect("a picture that every decoder reads").to_rgb8()
}

/// PSNR of the luma of two pictures, in dB; from 35 on a difference is hard to see.
#[track_caller]
pub fn luma_psnr(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions(), "pictures of one size");
    let luma = |p: &image::Rgb<u8>| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]);
    let squares: f64 = a.pixels().zip(b.pixels()).map(|(x, y)| (luma(x) - luma(y)).powi(2)).sum();
    psnr(squares, a.pixels().len())
}

/// PSNR over all three colour channels, in dB.
#[track_caller]
pub fn rgb_psnr(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions(), "pictures of one size");
    let squares: f64 = a.as_raw().iter().zip(b.as_raw()).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum();
    psnr(squares, a.as_raw().len())
}

/// PSNR of samples whose differences have this sum of squares; infinite if there are none.
fn psnr(squares: f64, samples: usize) -> f64 {
    10.0 * (255.0 * 255.0 * samples as f64 / squares).log10()
}

/// Splits an MJPEG stream after each end-of-image marker, which cannot occur inside our pictures.
pub fn jpegs(stream: &[u8]) -> Vec<&[u8]> {
    let mut pictures = Vec::new();
    let mut begin = 0;
    for end in 1..stream.len() {
        if stream[end - 1] == 0xff && stream[end] == 0xd9 {
            pictures.push(&stream[begin..=end]);
            begin = end + 1;
        }
    }
    assert_eq!(begin, stream.len(), "the stream ends with a whole picture");
    pictures
}
