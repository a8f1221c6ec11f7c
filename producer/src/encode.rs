//! Encodes a picture into a frame: a JPEG that, if requested, fits into one message.

mod fit;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use common::time::Clock;
use common::wire::{Frame, FrameKind, Meta};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
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
                shrink(picture, scale, &mut self.small, &mut self.resizer);
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

/// Scales `from` by `scale` into `to`; each new sample is the mean of the samples that it covers.
fn shrink(from: &Picture, scale: f64, to: &mut Picture, resizer: &mut Resizer) {
    const FITS: &str = "a picture's planes have the sizes that it states";
    let scaled = |n: usize| ((n as f64 * scale).round() as usize).clamp(1, n);
    to.reshape(scaled(from.width), scaled(from.height), from.subsampling);
    let sizes = [from.luma_size(), from.chroma_size(), from.chroma_size()];
    let to_sizes = [to.luma_size(), to.chroma_size(), to.chroma_size()];
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Box));
    for (((plane, target), size), to_size) in from.planes().into_iter().zip(to.planes_mut()).zip(sizes).zip(to_sizes) {
        // A gray picture has no chroma, and planes of no size are no images.
        if !target.is_empty() {
            let plane = ImageRef::new(size.0 as u32, size.1 as u32, plane, PixelType::U8).expect(FITS);
            let mut target =
                Image::from_slice_u8(to_size.0 as u32, to_size.1 as u32, target, PixelType::U8).expect(FITS);
            resizer.resize(&plane, &mut target, &options).expect(FITS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Subsampling;

    #[test]
    fn a_flat_picture_stays_flat_at_any_size() {
        for subsampling in [Subsampling::S420, Subsampling::S422, Subsampling::S444, Subsampling::Gray] {
            for (width, height, scale) in [(64, 36, 0.5), (63, 35, 0.7), (5, 3, 0.2), (1, 1, 0.3)] {
                let (mut from, mut to) = (Picture::default(), Picture::default());
                from.reshape(width, height, subsampling);
                from.data.fill(77);
                shrink(&from, scale, &mut to, &mut Resizer::new());
                assert!(to.width <= width && to.width >= 1);
                assert!(to.data.iter().all(|&s| s == 77), "{subsampling:?} {width}x{height} x {scale}");
            }
        }
    }
}
