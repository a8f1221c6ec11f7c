//! Encodes a picture into a frame: a JPEG that, if requested, fits into one message.

mod fit;
mod scale;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use common::time::Clock;
use common::wire::{Frame, FrameKind, Meta};
use fast_image_resize::Resizer;
use jpeg::{JpegError, Plane, Planes};
use pool::Pool;

use self::fit::Shrinker;
use crate::picture::Picture;

pub use self::fit::{EncodeSetting, Fit, QUALITY_FLOOR, SCALE_FLOOR};

/// Stands for the quality of a frame that was passed through.
const PASSED_THROUGH: u8 = 0;

/// How pictures are encoded.
#[derive(Clone, Copy, Debug)]
pub struct EncodeOptions {
    /// JPEG quality, from 1 to 100.
    pub quality: u8,
    /// What to do with a frame that does not fit into one message.
    pub fit: Fit,
    /// Threads that encode a frame; `None` for one on each core that may be used.
    pub threads: Option<NonZeroUsize>,
}

impl Default for EncodeOptions {
    fn default() -> EncodeOptions {
        EncodeOptions { quality: 80, fit: Fit::Split, threads: None }
    }
}

/// Encodes pictures as JPEG, on all cores.
pub struct FrameEncoder {
    jpeg: jpeg::Encoder,
    quality: u8,
    shown_quality: Arc<AtomicU8>,
    shrinker: Option<Shrinker>,
    clock: Arc<dyn Clock>,
    out: Vec<u8>,
    small: Picture,
    resizer: Resizer,
    warned_of_floor: bool,
}

impl fmt::Debug for FrameEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameEncoder").field("quality", &self.quality).finish_non_exhaustive()
    }
}

impl FrameEncoder {
    /// Starts the threads of the encoder.
    pub fn new(options: &EncodeOptions, clock: Arc<dyn Clock>) -> Result<FrameEncoder, JpegError> {
        let quality = options.quality;
        Ok(FrameEncoder {
            jpeg: jpeg::Encoder::on(Pool::new(options.threads))?,
            quality,
            shown_quality: Arc::new(AtomicU8::new(quality)),
            shrinker: (options.fit == Fit::Shrink).then(|| Shrinker::new(usize::MAX, quality)),
            clock,
            out: Vec::new(),
            small: Picture::default(),
            resizer: Resizer::new(),
            warned_of_floor: false,
        })
    }

    /// Changes the room for a frame in one message.
    pub fn keep_to(&mut self, value_bytes_max: usize) {
        if let Some(shrinker) = &mut self.shrinker {
            shrinker.keep_to(value_bytes_max);
        }
    }

    /// The quality of the newest frame, for another thread to read; zero if it was passed through.
    pub fn quality_gauge(&self) -> Arc<AtomicU8> {
        self.shown_quality.clone()
    }

    /// Quality and scale of the next frame.
    fn setting(&self) -> EncodeSetting {
        self.shrinker.as_ref().map_or(EncodeSetting { quality: self.quality, scale: 1.0 }, Shrinker::setting)
    }

    /// Encodes a picture, or takes its JPEG if it is passed through. The frame gets `meta`,
    /// with the size and the time of encoding added.
    pub fn encode(&mut self, picture: &Picture, mut meta: Meta) -> Result<Frame, JpegError> {
        let ((width, height), quality) = match &picture.jpeg {
            Some(_) => ((picture.width, picture.height), PASSED_THROUGH),
            None => (self.fit(picture)?, self.setting().quality),
        };
        self.shown_quality.store(quality, Ordering::Relaxed);
        (meta.width, meta.height) = (width as u32, height as u32);
        meta.stamps.encoded = self.clock.now();
        let payload = picture.jpeg.clone().unwrap_or_else(|| Bytes::copy_from_slice(&self.out));
        Ok(Frame { meta, payload, kind: FrameKind::Own })
    }

    /// Leaves the JPEG in `out`; returns its size in pixels.
    fn fit(&mut self, picture: &Picture) -> Result<(usize, usize), JpegError> {
        loop {
            let EncodeSetting { quality, scale } = self.setting();
            let picture = if scale < 1.0 {
                scale::shrink(picture, scale, &mut self.small, &mut self.resizer);
                &self.small
            } else {
                picture
            };
            self.jpeg.encode(&planes(picture), quality, &mut self.out)?;
            let size = (picture.width, picture.height);
            match self.shrinker.as_mut().map(|s| s.learn(self.out.len())) {
                None | Some(Some(true)) => return Ok(size),
                Some(Some(false)) => {}
                Some(None) => {
                    self.warn_of_floor();
                    return Ok(size);
                }
            }
        }
    }

    fn warn_of_floor(&mut self) {
        if !std::mem::replace(&mut self.warned_of_floor, true) {
            tracing::warn!(
                event = "frame_too_large",
                "a frame does not fit into one message at quality {QUALITY_FLOOR} and {SCALE_FLOOR} of its size: \
                 such frames are split; a larger --max-message-bytes avoids that"
            );
        }
    }
}

fn planes(picture: &Picture) -> Planes<'_> {
    let [y, u, v] = picture.planes();
    let (luma, chroma) = (picture.luma_size().0, picture.chroma_size().0);
    Planes {
        width: picture.width,
        height: picture.height,
        subsampling: picture.subsampling,
        y: Plane { data: y, stride: luma },
        u: Plane { data: u, stride: chroma },
        v: Plane { data: v, stride: chroma },
    }
}
