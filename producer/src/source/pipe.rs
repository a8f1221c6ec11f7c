//! Standard input: recognises the format from the first bytes, and reads so that no frame waits for the bytes behind
//! it.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ffmpeg_next::format::context::StreamIo;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::error::SourceError;
use super::mjpeg::MjpegFeed;
use super::opened::{Source, SourceSetup};
use super::stream::{self, StreamFeed, StreamKind, StreamLength};
use super::timed_reader::TimedReader;
use super::y4m::{self, Y4mFeed};
use super::{cut, ffi, unreadable};

const NAME: &str = "standard input";
/// Size of the pipe. A pipe of 1 MB kept its reader asleep until it was full, so its bytes had waited for a time that
/// was in no figure.
#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 128 << 10;

/// Opens the video on standard input.
pub fn open(setup: &SourceSetup) -> Result<Source, SourceError> {
    #[cfg(target_os = "linux")]
    {
        // A failure does not matter: any size works.
        let _ = rustix::pipe::fcntl_setpipe_size(io::stdin(), PIPE_BYTES);
    }
    let mut intake = TimedReader::new(Stdin { stop: setup.stop.clone() }, setup.clock.clone());
    match sniff(&mut intake).map_err(|error| SourceError::reading(NAME, error))? {
        Content::Nothing => Err(SourceError::Empty(NAME.to_owned())),
        Content::Y4m => Y4mFeed::open(intake, NAME, setup),
        Content::Jpegs => MjpegFeed::open(intake, NAME, setup),
        Content::Text => Err(SourceError::Text(NAME.to_owned())),
        Content::Other(format) => open_with_ffmpeg(intake, format, setup),
    }
}

pub fn open_with_ffmpeg<R: Read + Send + 'static>(
    mut intake: TimedReader<R>,
    format: Option<&str>,
    setup: &SourceSetup,
) -> Result<Source, SourceError> {
    let decoding = |error| SourceError::reading(NAME, error);
    let head = intake.peek(cut::MATROSKA_HEAD_BYTES).map_err(|error| SourceError::reading(NAME, error))?;
    let length = StreamLength { bytes: cut::matroska_bytes(head).unwrap_or(0), read: intake.taken() };
    let opened = if format == Some("mov") && is_seekable() {
        ffi::open("file:/dev/stdin", format, stream::settings(), Box::new(|| false))
    } else {
        ffi::open_stream(StreamIo::from_read(intake).map_err(decoding)?, format, stream::settings())
    };
    let input = opened.map_err(|_| SourceError::NotVideo(NAME.to_owned()))?;
    StreamFeed::open(input, NAME, StreamKind::Pipe(length), setup).map_err(|error| match error {
        SourceError::NoPicture(name) if format == Some("mov") => SourceError::IndexLast(name),
        error => error,
    })
}

/// True if standard input is a file that can be read from its end, as in `vidprod - < clip.mp4`.
fn is_seekable() -> bool {
    std::fs::metadata("/dev/stdin").is_ok_and(|facts| facts.is_file())
}

/// The content of a byte stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Content {
    Nothing,
    Y4m,
    Jpegs,
    Text,
    /// For FFmpeg; with its name for the format if that is certain.
    Other(Option<&'static str>),
}

fn sniff<R: Read>(intake: &mut TimedReader<R>) -> io::Result<Content> {
    let head = intake.peek(16)?;
    if head.is_empty() {
        return Ok(Content::Nothing);
    }
    if head.starts_with(y4m::MAGIC) {
        return Ok(Content::Y4m);
    }
    if jpeg::begins(head) {
        return Ok(Content::Jpegs);
    }
    if head[0] == 0x47 {
        let packets = intake.peek(189)?;
        return Ok(Content::Other((packets.get(188) == Some(&0x47)).then_some("mpegts")));
    }
    if let Some(format) = format(head) {
        return Ok(Content::Other(Some(format)));
    }
    let head = intake.peek(64)?;
    let playlist = head.starts_with(b"#EXTM3U") || head.starts_with(b"v=0");
    Ok(if unreadable::is_text(head) && !playlist { Content::Text } else { Content::Other(None) })
}

/// FFmpeg's name for the formats that are recognised by their first bytes.
fn format(head: &[u8]) -> Option<&'static str> {
    let starts: [(&[u8], &str); 8] = [
        (b"\x1a\x45\xdf\xa3", "matroska"),
        (b"FLV\x01", "flv"),
        (b"OggS", "ogg"),
        (b"\x89PNG\r\n\x1a\n", "png_pipe"),
        (b"GIF8", "gif"),
        (b"nut/multimedia container", "nut"),
        (b"\x00\x00\x01\xba", "mpeg"),
        (b"\x00\x00\x01\xb3", "mpegvideo"),
    ];
    if let Some((_, format)) = starts.iter().find(|(start, _)| head.starts_with(&start[..start.len().min(16)])) {
        return Some(format);
    }
    if matches!(head.get(4..8)?, b"ftyp" | b"styp") {
        return Some("mov");
    }
    let nal = head.strip_prefix(&[0, 0, 0, 1]).or_else(|| head.strip_prefix(&[0, 0, 1]))?;
    match nal.first()? {
        // An access unit delimiter or a parameter set of H.264 or HEVC.
        0x09 | 0x27 | 0x47 | 0x67 => Some("h264"),
        0x40 | 0x42 | 0x46 => Some("hevc"),
        _ => None,
    }
}

/// Standard input. A read returns the bytes that are there; it returns the end soon after `stop` is set.
#[derive(Debug)]
pub struct Stdin {
    stop: Arc<AtomicBool>,
}

impl Read for Stdin {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let stdin = io::stdin();
        let timeout = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        while !self.stop.load(Ordering::Relaxed) {
            let mut ready = [PollFd::new(&stdin, PollFlags::IN)];
            match poll(&mut ready, Some(&timeout)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(rustix::io::read(stdin.as_fd(), into)?),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
#[path = "pipe_tests.rs"]
mod tests;
