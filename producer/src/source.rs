//! Sources of pictures: a file, standard input, a URL, a camera, the test card.
//!
//! ```text
//! file          reel ──▶ timeline ──▶ convert ──▶ Shot      (reel: FFmpeg's demuxer and decoder)
//! URL, camera   reel ───────────────▶ convert ──▶ Shot
//! -             y4m | jpegs | reel ─▶ convert ──▶ Shot      (depends on the first bytes)
//! test          test card ───────────────────────▶ Shot
//! ```

mod camera;
mod colour;
mod convert;
mod cut;
mod decoder;
mod deinterlace;

mod error;
mod ffi;
mod file;
mod input;
mod intake;
mod mjpeg;
mod pipe;
mod planes;
mod pose;
mod reel;
mod stream;
mod testcard;
#[cfg(test)]
mod testing;
mod timeline;
mod tone;
mod y4m;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use common::time::{Clock, Micros};
use jpeg::Subsampling;

use crate::picture::Picture;

pub use camera::list_cameras;
pub use deinterlace::Deinterlace;
pub use error::SourceError;
pub use input::Input;
pub use testcard::TestCard;

/// Number of times that a file is played.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loops {
    Once,
    /// This many times in all.
    Times(u32),
    Forever,
}

#[derive(Clone, Debug)]
pub struct SourceOptions {
    pub input: Input,
    /// The box that pictures are scaled down into, keeping their aspect ratio; `None` keeps their size.
    pub box_size: Option<(usize, usize)>,
    pub subsampling: Subsampling,
    pub deinterlace: Deinterlace,
    /// Frame rate of the test card; 30 if not given.
    pub fps: Option<f64>,
    pub camera: CameraOptions,
    /// Position in a file at which to begin, counted from its first frame.
    pub start: Option<Duration>,
    /// Duration of a file's part to play.
    pub duration: Option<Duration>,
    pub loops: Loops,
    /// The source's name, drawn into the test card.
    pub name: String,
}

/// Settings to request from a camera. The camera chooses the ones that are `None`.
#[derive(Clone, Default, Debug)]
pub struct CameraOptions {
    pub size: Option<(usize, usize)>,
    pub fps: Option<f64>,
    /// The camera's own pixel or stream format, such as "mjpeg" or "yuyv422".
    pub format: Option<String>,
}

/// Timing of a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Paced by its timestamps.
    File,
    /// Read as it comes; the sender waits if we are slow.
    Pipe,
    /// Read as it comes; frames are dropped in favour of newer ones if we are slow.
    Live,
}

/// Properties of a source, known once its first frame has arrived.
#[derive(Clone, Debug)]
pub struct About {
    pub kind: Kind,
    /// Size at which the picture is meant to be seen: upright, with square pixels.
    pub width: usize,
    pub height: usize,
    /// Size at which it is sent.
    pub out_width: usize,
    pub out_height: usize,
    pub fps: Option<f64>,
    /// Number of all frames to be played, if the container gives it.
    pub frames: Option<u64>,
    pub duration: Option<Duration>,
    /// For example "h264 yuv420p bt709".
    pub what: String,
    /// Lines to print at the start.
    pub notes: Vec<String>,
}

/// A picture with the times that its source knows.
#[derive(Debug)]
pub struct Shot {
    pub picture: Picture,
    /// Time since the first frame; it always increases, across loops too.
    pub pts: Duration,
    /// Number drawn into a counting test card.
    pub number: Option<u64>,
    /// Time at which the frame could be taken; for a file the pacer sets it.
    pub due: Option<Micros>,
    /// Timestamp drawn into the test card.
    pub captured: Option<Micros>,
}

#[derive(Debug)]
pub struct Source {
    about: About,
    feed: Feed,
}

#[derive(Debug)]
enum Feed {
    File(Box<file::FileFeed>),
    Stream(Box<stream::StreamFeed>),
    Y4m(Box<y4m::Y4mFeed<pipe::Stdin>>),
    Mjpeg(Box<mjpeg::MjpegFeed<pipe::Stdin>>),
    TestCard(Box<TestCard>),
}

impl Source {
    /// Opens the input and waits for its first frame; returns [`SourceError::Stopped`] if `stop` is set first.
    pub fn open(options: &SourceOptions, clock: Arc<dyn Clock>, stop: Arc<AtomicBool>) -> Result<Source, SourceError> {
        set_up_ffmpeg();
        let opened = open_feed(options, clock, stop.clone());
        if opened.is_err() && stop.load(Ordering::Relaxed) {
            return Err(SourceError::Stopped);
        }
        opened.map(|(about, feed)| Source { about, feed })
    }

    pub fn about(&self) -> &About {
        &self.about
    }

    /// Returns the next picture, in `reuse`'s memory; `None` at the end, and soon after `stop` is set.
    pub fn next(&mut self, reuse: Picture) -> Result<Option<Shot>, SourceError> {
        match &mut self.feed {
            Feed::File(feed) => feed.next(reuse),
            Feed::Stream(feed) => feed.next(reuse),
            Feed::Y4m(feed) => feed.next(reuse),
            Feed::Mjpeg(feed) => feed.next(reuse),
            Feed::TestCard(card) => Ok(card.next(reuse)),
        }
    }
}

fn open_feed(
    options: &SourceOptions,
    clock: Arc<dyn Clock>,
    stop: Arc<AtomicBool>,
) -> Result<(About, Feed), SourceError> {
    Ok(match &options.input {
        Input::File(path) => {
            let (about, feed) = file::FileFeed::open(path, options, clock, stop)?;
            (about, Feed::File(Box::new(feed)))
        }
        Input::Stdin => pipe::open(options, clock, stop)?,
        Input::Url(url) => {
            let (about, feed) = stream::open_url(url, options, clock, stop)?;
            (about, Feed::Stream(Box::new(feed)))
        }
        Input::Camera(device) => {
            let (about, feed) = camera::open(device, options, clock, stop)?;
            (about, Feed::Stream(Box::new(feed)))
        }
        Input::TestCard { start, step } => test_card(*start, *step, options, clock, stop),
    })
}

fn test_card(
    start: u64,
    step: u64,
    options: &SourceOptions,
    clock: Arc<dyn Clock>,
    stop: Arc<AtomicBool>,
) -> (About, Feed) {
    let (width, height) = options.box_size.unwrap_or((1280, 720));
    let fps = options.fps.unwrap_or(30.0);
    let card = TestCard::new(width, height, options.subsampling, fps, start, step, &options.name, clock, stop);
    let about = About {
        kind: Kind::Live,
        width,
        height,
        out_width: width,
        out_height: height,
        fps: Some(fps),
        frames: None,
        duration: None,
        what: "test card".to_owned(),
        notes: Vec::new(),
    };
    (about, Feed::TestCard(Box::new(card)))
}

/// Initialises FFmpeg once in a process. Its log is switched off, because our own messages say what is wrong.
fn set_up_ffmpeg() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // The call cannot fail; the signature of its wrapper is older than that.
        let _ = ffmpeg_next::init();
        ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Quiet);
    });
}
