//! Writes pictures as files: one for `--snapshot`, and one for each press of the key.

use std::fs::File;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use image::{ImageFormat, RgbImage};
use jiff::ZonedDateTime;
use jpeg::JpegError;

use crate::canvas::Canvas;

/// Source names may be much longer than file names.
const SOURCE_CHARS_MAX: usize = 40;

/// A picture to be written.
enum Picture {
    /// The received JPEG, unchanged.
    Jpeg(Bytes),
    /// Pixels, to be written as PNG.
    Pixels(Canvas),
}

impl Picture {
    /// Chooses the format by the file's name: JPEG if it ends in `.jpg`, otherwise PNG.
    fn new(path: &Path, jpeg: &Bytes, decoder: &mut jpeg::Decoder) -> anyhow::Result<Picture> {
        Ok(match cli::kinds::extension(path).as_str() {
            "jpg" | "jpeg" => Picture::Jpeg(jpeg.clone()),
            _ => Picture::Pixels(pixels(jpeg, decoder)?),
        })
    }

    fn write(self, mut file: File) -> anyhow::Result<()> {
        match self {
            Picture::Jpeg(jpeg) => file.write_all(&jpeg)?,
            Picture::Pixels(canvas) => {
                let mut png = Cursor::new(Vec::new());
                rgb(&canvas).write_to(&mut png, ImageFormat::Png)?;
                file.write_all(png.get_ref())?;
            }
        }
        Ok(())
    }
}

/// Writes a picture to `path`, and overwrites an existing file.
pub fn write(path: &Path, jpeg: &Bytes, decoder: &mut jpeg::Decoder) -> anyhow::Result<()> {
    let picture = Picture::new(path, jpeg, decoder)?;
    picture.write(cli::output::create(path)?).with_context(|| format!("cannot write {}", path.display()))
}

/// The snapshot key: each press writes a new file and never overwrites one.
///
/// A thread writes it, because encoding a PNG takes as long as several frames.
#[derive(Debug)]
pub struct PictureKey {
    /// The file of `--snapshot`. The key's files are beside it and numbered.
    named: Option<PathBuf>,
    writing: Option<JoinHandle<anyhow::Result<PathBuf>>>,
}

impl PictureKey {
    /// A key whose files are beside `named`, or in the current folder.
    pub fn new(named: Option<PathBuf>) -> PictureKey {
        PictureKey { named, writing: None }
    }

    /// Starts writing the picture on the screen.
    pub fn press(
        &mut self,
        source: &str,
        jpeg: &Bytes,
        now: &ZonedDateTime,
        decoder: &mut jpeg::Decoder,
    ) -> anyhow::Result<()> {
        if self.writing.is_some() {
            return Err(anyhow!("the last one is still being written"));
        }
        let path = self.named.clone().unwrap_or_else(|| PathBuf::from(file_name(source, now)));
        let picture = Picture::new(&path, jpeg, decoder)?;
        let first = usize::from(self.named.is_some());
        let write = move || {
            let (path, file) = create_new(&path, first).with_context(|| format!("cannot write {}", path.display()))?;
            let written = picture.write(file).with_context(|| format!("cannot write {}", path.display()));
            if written.is_err() {
                // A part of a picture is of no use.
                let _ = std::fs::remove_file(&path);
            }
            written.map(|()| path)
        };
        self.writing = Some(std::thread::Builder::new().name("snapshot".to_owned()).spawn(write)?);
        Ok(())
    }

    /// The file written since the last call, or the reason for a failure. With `at_end` it waits for the writing
    /// thread.
    pub fn written(&mut self, at_end: bool) -> Option<anyhow::Result<PathBuf>> {
        let thread = self.writing.take_if(|thread| at_end || thread.is_finished())?;
        Some(thread.join().unwrap_or_else(|_| Err(anyhow!("the thread that writes it failed"))))
    }
}

/// The name of a snapshot, for example `snapshot-lobby-20261130-140320-123.png`: the source, and the local time of the
/// key press.
fn file_name(source: &str, now: &ZonedDateTime) -> String {
    let is_safe = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let source: String = source.chars().take(SOURCE_CHARS_MAX).map(|c| if is_safe(c) { c } else { '_' }).collect();
    format!("snapshot-{source}-{}.png", now.strftime("%Y%m%d-%H%M%S-%3f"))
}

/// Creates the first of `a.png`, `a-1.png`, `a-2.png` … that does not exist, starting with number `first`.
fn create_new(path: &Path, first: usize) -> io::Result<(PathBuf, File)> {
    let mut number = first;
    loop {
        let path = numbered(path, number);
        match File::options().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            result => return result.map(|file| (path, file)),
        }
    }
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

fn pixels(jpeg: &[u8], decoder: &mut jpeg::Decoder) -> Result<Canvas, JpegError> {
    let header = decoder.header(jpeg)?;
    let mut canvas = Canvas::default();
    canvas.reshape(header.width, header.height);
    decoder.decode_xrgb(jpeg, &mut canvas.pixels, header.width)?;
    Ok(canvas)
}

fn rgb(canvas: &Canvas) -> RgbImage {
    let (width, height) = (canvas.width, canvas.height);
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let [_, r, g, b] = canvas.pixels[y as usize * width + x as usize].to_be_bytes();
        image::Rgb([r, g, b])
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_file_s_name_holds_the_source_and_the_moment_in_safe_characters() {
        let zone = TimeZone::posix("CET-1").expect("this is a zone");
        let now = "2026-11-30T13:03:20.123999Z".parse::<Timestamp>().expect("this is a time").to_zoned_datetime(zone);
        let check = |source: &str, expected: &str| {
            assert_eq!(file_name(source, &now), format!("snapshot-{expected}-20261130-140320-123.png"));
        };
        check("lobby", "lobby");
        check("../../etc/passwd", ".._.._etc_passwd");
        check("cam 1: \"door\"\n", "cam_1___door__");
        check("玄関", "玄関");
        check(&"x".repeat(500), &"x".repeat(SOURCE_CHARS_MAX));
    }

    #[test]
    fn siblings_are_numbered_before_the_extension() {
        let check =
            |path: &str, number, expected: &str| assert_eq!(numbered(path.as_ref(), number), Path::new(expected));
        check("out/a.png", 0, "out/a.png");
        check("out/a.png", 1, "out/a-1.png");
        check("out/a.tar.png", 12, "out/a.tar-12.png");
        check("a", 1, "a-1");
    }

    #[test]
    fn no_file_is_written_over() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.png");
        let create = |first| create_new(&path, first).expect("it can be written").0;
        let name = |name: &str| folder.path().join(name);
        assert_eq!([create(0), create(0), create(1)], [name("a.png"), name("a-1.png"), name("a-2.png")]);
    }
}
