//! Media for tests, made by the `ffmpeg` program.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use common::time::{Clock, ManualClock};
use jpeg::Subsampling;

use super::error::SourceError;
use super::input::Input;
use super::opened::{Source, SourceSetup};
use super::options::{CameraOptions, Deinterlace, Loops, Passthrough, SourceOptions};
use crate::picture::{Picture, SourcePicture};

/// A folder that is removed after the test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("vidprod-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs `ffmpeg` with these arguments and the new file's name after them.
    pub fn make(&self, name: &str, words: &str) -> PathBuf {
        let path = self.path(name);
        ffmpeg(words, Some(&path));
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs `ffmpeg`, and returns its standard output, to which it writes if `into` is `None`.
pub fn ffmpeg(words: &str, into: Option<&Path>) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y"]).args(words.split_whitespace()).stderr(Stdio::piped());
    command.arg(into.unwrap_or(Path::new("-")));
    let output = command.output().expect("the tests need the `ffmpeg` program: see scripts/setup");
    assert!(output.status.success(), "ffmpeg {words}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// FFmpeg's own decoding of a file: full-range planes, tightly packed.
pub fn reference(path: &Path, filter: &str, format: &str) -> Vec<u8> {
    let words = format!("-i {} -vsync passthrough -vf {filter} -pix_fmt {format} -f rawvideo", path.display());
    ffmpeg(&words, None)
}

pub fn options(input: Input) -> SourceOptions {
    SourceOptions {
        input,
        box_size: None,
        subsampling: Subsampling::S420,
        deinterlace: Deinterlace::default(),
        passthrough: Passthrough::Never,
        fps: None,
        camera: CameraOptions::default(),
        start: None,
        duration: None,
        loops: Loops::Once,
        name: "test".to_owned(),
    }
}

pub fn file(path: &Path) -> SourceOptions {
    options(Input::File(path.to_owned()))
}

pub fn open(options: &SourceOptions) -> Result<Source, SourceError> {
    Source::open(options, clock(), Arc::default())
}

pub fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::default())
}

pub fn setup(options: SourceOptions) -> SourceSetup {
    SourceSetup { options, clock: clock(), stop: Arc::default() }
}

/// A reader that returns bytes in pieces of the given sizes, over and over.
pub struct Chunks {
    pub bytes: io::Cursor<Vec<u8>>,
    pub sizes: Vec<usize>,
    pub turn: usize,
}

impl Chunks {
    pub fn new(bytes: Vec<u8>, sizes: &[usize]) -> Chunks {
        Chunks { bytes: io::Cursor::new(bytes), sizes: sizes.to_vec(), turn: 0 }
    }
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()].min(into.len());
        self.turn += 1;
        self.bytes.read(&mut into[..size])
    }
}

/// Returns all pictures of a source.
pub fn play(options: &SourceOptions) -> Vec<SourcePicture> {
    let mut source = open(options).unwrap();
    all(|| source.next(Picture::default()))
}

pub fn all(mut next: impl FnMut() -> Result<Option<SourcePicture>, SourceError>) -> Vec<SourcePicture> {
    std::iter::from_fn(|| next().unwrap()).collect()
}

pub fn pts_ms(pictures: &[SourcePicture]) -> Vec<u64> {
    pictures.iter().map(|picture| (picture.pts.as_micros() as u64 + 500) / 1000).collect()
}

/// Returns luma without the padding to whole chroma samples.
pub fn luma(picture: &Picture) -> Vec<u8> {
    let rows = picture.planes()[0].chunks(picture.luma_size().0).take(picture.height);
    rows.flat_map(|row| row[..picture.width].to_vec()).collect()
}

pub fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len(), "sizes differ");
    let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / (sum as f64).max(1e-9)).log10()
}

/// Returns luma, u and v in the middle of the picture.
pub fn middle(picture: &Picture) -> [u8; 3] {
    let planes = picture.planes();
    let (luma, chroma) = (picture.luma_size(), picture.chroma_size());
    let at = |plane: &[u8], size: (usize, usize)| plane.get(size.0 * (size.1 / 2) + size.0 / 2).copied().unwrap_or(128);
    [at(planes[0], luma), at(planes[1], chroma), at(planes[2], chroma)]
}
