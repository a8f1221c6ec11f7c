//! Encodes a picture into a frame: a JPEG that, if requested, fits into one message.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::time::{Clock, Micros, Stamps};
use common::wire::{Codec, Frame, FrameKind, Meta, Origin, Session};
use jpeg::{JpegError, Plane, Planes};
use pool::Pool;

use crate::fit::{Fit, QUALITY_FLOOR, SCALE_FLOOR, Setting, Shrinker};
use crate::picture::Picture;
use crate::scale;

/// A captured picture for the encoder.
#[derive(Debug)]
pub struct Shot {
    pub picture: Picture,
    pub frame: u64,
    pub number: Option<u64>,
    pub pts: Duration,
    pub due: Micros,
    pub captured: Micros,
}

/// The sender's data, the same for all frames of a run.
#[derive(Clone, Debug)]
pub struct Identity {
    pub source: Arc<str>,
    pub session: Session,
    pub boot: Arc<str>,
}

pub struct Encoder {
    jpeg: jpeg::Encoder,
    identity: Identity,
    quality: u8,
    shrinker: Option<Shrinker>,
    clock: Arc<dyn Clock>,
    out: Vec<u8>,
    small: Picture,
    told_floor: bool,
}

impl Encoder {
    /// `value_bytes_max` is the room for a frame in one message.
    pub fn new(
        identity: Identity,
        pool: Pool,
        quality: u8,
        fit: Fit,
        value_bytes_max: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Encoder, JpegError> {
        let shrinker = (fit == Fit::Shrink).then(|| Shrinker::new(value_bytes_max, quality));
        Ok(Encoder {
            jpeg: jpeg::Encoder::on(pool)?,
            identity,
            quality,
            shrinker,
            clock,
            out: Vec::new(),
            small: Picture::default(),
            told_floor: false,
        })
    }

    /// Changes the room for a frame in one message.
    pub fn keep_to(&mut self, value_bytes_max: usize) {
        if let Some(shrinker) = &mut self.shrinker {
            shrinker.keep_to(value_bytes_max);
        }
    }

    /// Quality and scale of the next frame.
    pub fn setting(&self) -> Setting {
        self.shrinker.as_ref().map_or(Setting { quality: self.quality, scale: 1.0 }, Shrinker::setting)
    }

    /// Encodes a picture; `dropped` is the number of frames that the session has dropped so far.
    pub fn encode(&mut self, shot: &Shot, dropped: u64) -> Result<Frame, JpegError> {
        let (width, height) = self.fit(&shot.picture)?;
        let stamps = Stamps {
            due: shot.due.min(shot.captured),
            captured: shot.captured,
            encoded: self.clock.now(),
            ..Stamps::default()
        };
        let meta = Meta {
            source: self.identity.source.clone(),
            session: self.identity.session,
            frame: shot.frame,
            codec: Codec::Jpeg,
            key_frame: true,
            number: shot.number,
            pts: shot.pts,
            stamps,
            origin: Origin { boot: self.identity.boot.clone(), wall_offset_us: self.clock.wall_offset_us() },
            width: width as u32,
            height: height as u32,
            dropped,
            skipped: 0,
        };
        Ok(Frame { meta, payload: Bytes::copy_from_slice(&self.out), kind: FrameKind::Own })
    }

    /// Leaves the JPEG in `out`; returns its size in pixels.
    fn fit(&mut self, picture: &Picture) -> Result<(usize, usize), JpegError> {
        loop {
            let Setting { quality, scale } = self.setting();
            let picture = if scale < 1.0 {
                scale::shrink(picture, scale, &mut self.small);
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
                    self.tell_floor();
                    return Ok(size);
                }
            }
        }
    }

    fn tell_floor(&mut self) {
        if !std::mem::replace(&mut self.told_floor, true) {
            tracing::warn!(
                event = "frame_too_large",
                "a frame does not fit into one message at quality {QUALITY_FLOOR} and {SCALE_FLOOR} of its size: \
                 such frames are split; a larger --max-message-bytes would hold them"
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
