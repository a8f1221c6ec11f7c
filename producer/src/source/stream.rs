//! Pictures that are read by FFmpeg as they arrive: from a URL, a camera or a pipe.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use common::secret;
use common::time::{Clock, Micros};
use ffmpeg_next::format::context::Input;
use ffmpeg_next::{Dictionary, Error, Packet, media};

use super::convert::Converter;
use super::decoder::DecoderThreading;
use super::error::SourceError;
use super::ffi;
use super::input::SourceTiming;
use super::opened::{Source, SourceInfo, SourceSetup};
use super::timestamps::TimestampMap;
use super::video_reader::VideoReader;
use crate::picture::{Picture, SourcePicture};

const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Limits of what FFmpeg reads to recognise the input. It keeps those bytes and plays them.
const PROBE: [(&str, &str); 3] = [("probesize", "500000"), ("analyzeduration", "500000"), ("fpsprobesize", "0")];

/// Number of packets after which FFmpeg looks for the codec with its own probing, if the stream has not named it.
const EARLY_PACKETS_MAX: usize = 64;
const EARLY_STREAMS_MAX: u32 = 16;

pub struct StreamFeed {
    video: VideoReader,
    name: String,
    kind: StreamKind,
    waiting: bool,
    converter: Converter,
    timestamps: TimestampMap,
    /// Number of frames sent, and the end of the last one.
    sent: u64,
    end: Duration,
    stop: Arc<AtomicBool>,
}

/// Ends a read when the program is to stop, or when the read has waited too long.
#[derive(Clone, Debug)]
pub struct ReadDeadline {
    deadline_us: Arc<AtomicU64>,
    clock: Arc<dyn Clock>,
    stop: Arc<AtomicBool>,
}

impl ReadDeadline {
    pub fn new(setup: &SourceSetup) -> ReadDeadline {
        let watch = ReadDeadline { deadline_us: Arc::default(), clock: setup.clock.clone(), stop: setup.stop.clone() };
        watch.allow(OPEN_TIMEOUT);
        watch
    }

    pub fn allow(&self, time: Duration) {
        self.deadline_us.store(self.clock.now().plus(time).0, Ordering::Relaxed);
    }

    fn is_late(&self) -> bool {
        self.clock.now() >= Micros(self.deadline_us.load(Ordering::Relaxed))
    }

    pub fn interrupt(&self) -> ffi::Interrupt {
        let watch = self.clone();
        Box::new(move || watch.stop.load(Ordering::Relaxed) || watch.is_late())
    }
}

/// The kind of a stream, which determines how it is read.
#[derive(Debug)]
pub enum StreamKind {
    /// Its timestamps are the driver's readings of the monotonic clock.
    Camera(ReadDeadline),
    Url(ReadDeadline),
    Pipe(StreamLength),
}

impl StreamKind {
    fn watch(&self) -> Option<&ReadDeadline> {
        match self {
            StreamKind::Camera(watch) | StreamKind::Url(watch) => Some(watch),
            StreamKind::Pipe(_) => None,
        }
    }
}

/// Expected length of a byte stream, and the number of bytes read so far.
#[derive(Debug)]
pub struct StreamLength {
    pub bytes: u64,
    pub read: Arc<AtomicU64>,
}

impl StreamLength {
    fn is_short(&self) -> bool {
        self.read.load(Ordering::Relaxed) < self.bytes
    }
}

impl StreamFeed {
    /// Opens the stream and waits for its first frame.
    pub fn open(mut input: Input, name: &str, kind: StreamKind, setup: &SourceSetup) -> Result<Source, SourceError> {
        let early = settle(&mut input).map_err(|error| SourceError::reading(name, error))?;
        let mut video = VideoReader::new(input, early, DecoderThreading::LowDelay, name, setup)?;
        if !video.advance()? {
            return Err(SourceError::NoPicture(name.to_owned()));
        }
        let converter = Converter::quick(setup.options.box_size, setup.options.subsampling);
        let timing = if kind.watch().is_some() { SourceTiming::Live } else { SourceTiming::Pipe };
        let notes = delay_notes(video.held_back(), video.fps(), video.ends_late());
        let about = SourceInfo { notes, ..video.info(timing, &converter) };
        let mut feed = StreamFeed {
            video,
            name: name.to_owned(),
            kind,
            waiting: true,
            converter,
            timestamps: TimestampMap::default(),
            sent: 0,
            end: Duration::ZERO,
            stop: setup.stop.clone(),
        };
        Ok(Source::new(about, move |picture| feed.next(picture)))
    }

    fn next(&mut self, mut picture: Picture) -> Result<Option<SourcePicture>, SourceError> {
        if let Some(watch) = self.kind.watch() {
            watch.allow(READ_TIMEOUT);
        }
        let more = std::mem::take(&mut self.waiting) || self.video.advance()?;
        if self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if !more {
            return self.end();
        }
        let frame_us = self.video.frame_us();
        let pts = self.timestamps.place(self.video.raw_us(), frame_us);
        (self.sent, self.end) = (self.sent + 1, pts + Duration::from_micros(frame_us as u64));
        let due = self.due();
        self.video.take_into(&mut picture, &mut self.converter)?;
        Ok(Some(SourcePicture { picture, pts, number: None, due: Some(due), captured: None }))
    }

    /// A stream that falls silent is an error, and so is a pipe that ends too early. Any other end is normal.
    fn end(&self) -> Result<Option<SourcePicture>, SourceError> {
        if self.kind.watch().is_some_and(ReadDeadline::is_late) {
            return Err(SourceError::Stalled { name: self.name.clone(), seconds: READ_TIMEOUT.as_secs() });
        }
        let StreamKind::Pipe(length) = &self.kind else { return Ok(None) };
        let there = self.video.there(Some(self.sent), self.end.as_micros() as i64);
        let cut = (length.is_short() || self.video.ends_in_a_picture()) && !there.is_all();
        if cut { Err(SourceError::cut(&self.name, there)) } else { Ok(None) }
    }

    fn due(&self) -> Micros {
        let arrived = self.video.arrived();
        if !matches!(self.kind, StreamKind::Camera(_)) {
            return arrived;
        }
        let stamp = self.video.raw_us().and_then(|us| u64::try_from(us).ok()).map(Micros);
        let believable = |stamp: &Micros| *stamp <= arrived && arrived.since(*stamp) < Duration::from_secs(2);
        stamp.filter(believable).unwrap_or(arrived)
    }
}

/// Opens a stream from the network.
pub fn open_url(url: &str, setup: &SourceSetup) -> Result<Source, SourceError> {
    let watch = ReadDeadline::new(setup);
    let name = secret::hide_address(url).into_owned();
    let unreachable = |why: String| SourceError::Unreachable { url: name.clone(), why };
    let mut settings = Dictionary::from_iter(PROBE);
    settings.set("rtsp_transport", "tcp");
    settings.set("rw_timeout", &READ_TIMEOUT.as_micros().to_string());
    let input = ffi::open(url, None, settings, watch.interrupt()).map_err(|error| match error {
        Error::Exit => unreachable(format!("no answer within {} s", OPEN_TIMEOUT.as_secs())),
        _ if watch.is_late() => unreachable(format!("no answer within {} s", OPEN_TIMEOUT.as_secs())),
        Error::InvalidData => unreachable("what it serves is no video".to_owned()),
        Error::ProtocolNotFound => unreachable("FFmpeg knows no such protocol".to_owned()),
        error => unreachable(error.to_string()),
    })?;
    watch.allow(READ_TIMEOUT);
    let kind = StreamKind::Url(watch.clone());
    StreamFeed::open(input, &name, kind, setup).map_err(|error| match error {
        SourceError::NoPicture(_) if watch.is_late() => unreachable("it answers but sends no picture".to_owned()),
        error => error,
    })
}

/// FFmpeg's settings for a stream that is read as it arrives.
pub fn settings() -> Dictionary<'static> {
    Dictionary::from_iter(PROBE)
}

/// Reads until the video codec is known, and returns the packets read. Most headers name the codec, and the decoder
/// learns the rest from the first packet. Otherwise the first packets show it. Only if they do not either, FFmpeg has
/// to read ahead to find out.
fn settle(input: &mut Input) -> Result<VecDeque<Packet>, Error> {
    let mut early = VecDeque::new();
    while !is_video_known(input) && early.len() < EARLY_PACKETS_MAX && input.nb_streams() < EARLY_STREAMS_MAX {
        let mut packet = Packet::empty();
        match packet.read(input) {
            Ok(()) => early.push_back(packet),
            Err(_) => break,
        }
    }
    if !is_video_known(input) {
        ffi::find_stream_info(input)?;
    }
    // An MPEG-TS packet carries a whole frame; FFmpeg's parser would hold each back until the next begins.
    if input.format().name() == "mpegts" {
        ffi::take_packets_unparsed(input);
    }
    Ok(early)
}

fn is_video_known(input: &Input) -> bool {
    input.streams().best(media::Type::Video).is_some_and(|stream| ffi::codec_is_known(&stream))
}

/// Lines about the delay that the codec and the container cause by themselves.
fn delay_notes(held_back: usize, fps: Option<f64>, ends_late: bool) -> Vec<String> {
    let plural = if held_back == 1 { "" } else { "s" };
    let time = fps.map_or(String::new(), |fps| format!(": {:.0} ms of its own", held_back as f64 * 1000.0 / fps));
    let codec = (held_back > 0).then(|| format!("the codec holds back {held_back} frame{plural} (B-frames){time}"));
    let container = ends_late.then(|| {
        "this format may show a picture's end only by the next one's beginning: one frame later; \
         Matroska, NUT, y4m and MJPEG do not"
            .to_owned()
    });
    codec.into_iter().chain(container).collect()
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
