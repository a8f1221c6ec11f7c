//! Publishing an input's JPEGs as they are, without decoding and encoding them.

use common::wire::record::FRAME_BYTES_MAX;
use ffmpeg_next::color::Range;
use ffmpeg_next::frame;
use jpeg::{Obstacle, Passable};

use super::geometry::{PictureGeometry, fit};
use super::planes::Turn;
use crate::picture::PassedJpeg;

/// The reason why an input's pictures are encoded.
#[derive(thiserror::Error, Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the message of each variant says what it means")]
pub enum NotPassed {
    #[error("it holds no JPEGs")]
    NoJpegs,
    #[error(transparent)]
    Obstacle(#[from] Obstacle),
    #[error("its pictures must be turned")]
    Turned,
    #[error("its pictures must be scaled down to {0}x{1} (--size source keeps their size)")]
    Scaled(usize, usize),
}

/// Passes JPEGs through. The first picture decides for its input; later ones that cannot be passed are encoded.
#[derive(Debug)]
pub struct JpegPass {
    box_size: Option<(usize, usize)>,
    /// `None` until the first picture has come.
    outcome: Option<Result<(), NotPassed>>,
}

impl JpegPass {
    /// `wanted` is false if the input holds no JPEGs, or if they are to be encoded in any case.
    pub fn new(box_size: Option<(usize, usize)>, wanted: bool) -> JpegPass {
        JpegPass { box_size, outcome: (!wanted).then_some(Err(NotPassed::NoJpegs)) }
    }

    /// Refuses pictures that are too large by what the container says. Zero is unknown.
    pub fn expect_size(&mut self, width: usize, height: usize) {
        let fitted = fit((width, height), self.box_size);
        if self.outcome.is_none() && fitted != (width, height) {
            self.outcome = Some(Err(NotPassed::Scaled(fitted.0, fitted.1)));
        }
    }

    /// True until the first picture has come, if its input holds JPEGs.
    pub fn is_undecided(&self) -> bool {
        self.outcome.is_none()
    }

    pub fn outcome(&self) -> Result<(), NotPassed> {
        self.outcome.unwrap_or(Err(NotPassed::NoJpegs))
    }

    /// Decides by the first picture, which is given as a JPEG and decoded. Returns it if it is passed through.
    pub fn decide(&mut self, jpeg: &[u8], decoded: &frame::Video, geometry: PictureGeometry) -> Option<PassedJpeg> {
        let first = self.check(jpeg).and_then(|passed| match () {
            () if geometry.turn != Turn::NONE => Err(NotPassed::Turned),
            () if geometry.sample_aspect != (1, 1) => Err(Obstacle::Aspect.into()),
            () if decoded.is_interlaced() || decoded.height() as usize != passed.height => Err(Obstacle::Fields.into()),
            () if decoded.color_range() == Range::MPEG => Err(Obstacle::Range.into()),
            () => Ok(passed),
        });
        self.outcome = Some(first.as_ref().map(|_| ()).map_err(|why| *why));
        first.ok()
    }

    /// Returns the picture if it is passed through; otherwise it has to be decoded.
    pub fn pass(&self, jpeg: &[u8]) -> Option<PassedJpeg> {
        self.outcome().and_then(|()| self.check(jpeg)).ok()
    }

    fn check(&self, jpeg: &[u8]) -> Result<PassedJpeg, NotPassed> {
        let passable = Passable::check(jpeg)?;
        let (width, height) = (passable.width, passable.height);
        let fitted = fit((width, height), self.box_size);
        if fitted != (width, height) {
            return Err(NotPassed::Scaled(fitted.0, fitted.1));
        }
        let jpeg = passable.complete(jpeg);
        // Viewers refuse a frame of more bytes, which a picture with large comments could have.
        if jpeg.len() > FRAME_BYTES_MAX {
            return Err(Obstacle::TooLarge.into());
        }
        Ok(PassedJpeg { width, height, jpeg: jpeg.into() })
    }
}
