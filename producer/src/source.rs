//! Sources of pictures: a file, standard input, a URL, a camera, the test card.
//!
//! ```text
//! file          video reader ──▶ timestamps ──▶ convert ──▶ SourcePicture      (video reader: FFmpeg's demuxer and decoder)
//! URL, camera   video reader ───────────────▶ convert ──▶ SourcePicture
//! -             y4m | JPEGs | video reader ─▶ convert ──▶ SourcePicture      (depends on the first bytes)
//! test          test card ──────────────────────────────▶ SourcePicture
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
mod geometry;
mod input;
mod mjpeg;
mod opened;
mod options;
mod passthrough;
mod pipe;
mod planes;
mod stream;
mod testcard;
#[cfg(test)]
mod testing;
mod timed_reader;
mod timestamps;
mod tone;
mod unreadable;
mod video_reader;
mod y4m;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};

use common::time::Clock;

pub use self::camera::list_cameras;
pub use self::error::SourceError;
use self::file::FileFeed;
pub use self::input::{Input, SourceTiming};
use self::opened::SourceSetup;
pub use self::opened::{Source, SourceInfo};
pub use self::options::{CameraOptions, Deinterlace, Loops, Passthrough, SourceOptions};
pub use self::passthrough::NotPassed;
use self::testcard::TestCard;

impl Source {
    /// Opens the input and waits for its first frame; returns [`SourceError::Stopped`] if `stop` is set first.
    pub fn open(options: &SourceOptions, clock: Arc<dyn Clock>, stop: Arc<AtomicBool>) -> Result<Source, SourceError> {
        set_up_ffmpeg();
        let setup = SourceSetup { options: options.clone(), clock, stop };
        let opened = match &options.input {
            Input::File(path) => FileFeed::open(path, &setup),
            Input::Stdin => pipe::open(&setup),
            Input::Url(url) => stream::open_url(url, &setup),
            Input::Camera(device) => camera::open(device, &setup),
            Input::TestCard { start, step } => {
                let (info, mut card) = TestCard::open(*start, *step, &setup);
                Ok(Source::new(info, move |picture| Ok(card.next(picture))))
            }
        };
        if opened.is_err() && setup.stop.load(Ordering::Relaxed) {
            return Err(SourceError::Stopped);
        }
        let mut source = opened?;
        explain_passthrough(options, &mut source.info)?;
        Ok(source)
    }
}

/// Adds a line on JPEGs that cannot be passed through. It is an error if the user wants them to be.
fn explain_passthrough(options: &SourceOptions, info: &mut SourceInfo) -> Result<(), SourceError> {
    match (options.passthrough, info.passthrough) {
        (Passthrough::Always, Err(why)) => Err(SourceError::NotPassed { name: options.input.name(), why }),
        (Passthrough::Auto, Err(why)) if why != NotPassed::NoJpegs => {
            info.notes.push(format!("its JPEGs are decoded and encoded again: {why}"));
            Ok(())
        }
        _ => Ok(()),
    }
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
