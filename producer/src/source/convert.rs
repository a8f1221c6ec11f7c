//! Turns a decoder's frame into the picture that the encoder takes.
//!
//! ```text
//!  frame ──(swscale: size and pixel format,──▶ planes ──(turn)──▶ planes ──(colour: matrix, range; tone: HDR)──▶ Picture
//!           where they are not right yet)       8-bit
//! ```
//! swscale leaves matrix and range of YUV as they are (and makes full-range BT.601 of RGB), so that colours are
//! converted once, at the last step, which has to touch every byte anyway.

use ffmpeg_next::color::{Range, Space};
use ffmpeg_next::format::{Pixel, pixel::Descriptor};
use ffmpeg_next::software::scaling;
use ffmpeg_next::{Error, frame};
use jpeg::Subsampling;

use super::colour::Colour;
use super::ffi;
use super::geometry::{PictureGeometry, fit};
use super::opened::Sizes;
use super::planes::{SourcePlanes, Turn};
use super::tone::{Hdr, ToneMap};
use crate::picture::Picture;

/// The converter of one source. It keeps its plan until a frame of another kind comes.
pub struct Converter {
    box_size: Option<(usize, usize)>,
    subsampling: Subsampling,
    /// The scaling algorithm of swscale.
    filter: scaling::Flags,
    current: Option<(Kind, Plan)>,
    turned: Vec<u8>,
    halved: Vec<u8>,
    coloured: Picture,
}

/// The properties of a frame that determine how it is converted.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Kind {
    format: Pixel,
    size: (u32, u32),
    space: Space,
    range: Range,
    hdr: Option<Hdr>,
    geometry: PictureGeometry,
}

struct Plan {
    /// Size of the picture that the encoder takes.
    size: (usize, usize),
    /// Subsampling of the planes before the colour conversion: the picture's, or finer if grey luma depends on chroma.
    subsampling: Subsampling,
    /// The scaler and the frame that it fills; `None` if the decoder's planes fit as they are.
    scaler: Option<(ffi::FfmpegScaler, frame::Video)>,
    /// True if the planes fit except for chroma, which has twice the rows.
    halve: bool,
    turn: Turn,
    colour: Colour,
    tone: Option<ToneMap>,
}

impl Converter {
    /// Makes a converter that scales with the quality of FFmpeg's own tools.
    pub fn new(box_size: Option<(usize, usize)>, subsampling: Subsampling) -> Converter {
        let (turned, halved, coloured) = (Vec::new(), Vec::new(), Picture::default());
        let filter = scaling::Flags::BICUBIC;
        Converter { box_size, subsampling, filter, current: None, turned, halved, coloured }
    }

    /// Makes a converter that scales in half the time, for live pictures, whose latency counts.
    pub fn quick(box_size: Option<(usize, usize)>, subsampling: Subsampling) -> Converter {
        Converter { filter: scaling::Flags::BILINEAR, ..Converter::new(box_size, subsampling) }
    }

    /// The sizes of a decoded picture with this geometry.
    pub fn sizes(&self, frame: &frame::Video, geometry: PictureGeometry) -> Sizes {
        let size = geometry.display_size((frame.width() as usize, frame.height() as usize));
        (size, fit(size, self.box_size))
    }

    pub fn convert(
        &mut self,
        frame: &frame::Video,
        geometry: PictureGeometry,
        into: &mut Picture,
    ) -> Result<(), Error> {
        self.plan_for(frame, geometry)?;
        let Some((_, plan)) = &mut self.current else { return Err(Error::Bug) };
        let frame = match &mut plan.scaler {
            Some((scaler, scaled)) => {
                ffi::scale(scaler, frame, scaled)?;
                scaled
            }
            None => frame,
        };
        into.reshape(plan.size.0, plan.size.1, self.subsampling);
        let before = shape(plan.turn.size(plan.size), plan.subsampling, plan.turn);
        let planes = match plan.halve {
            true => halve(frame, &before, &mut self.halved),
            false => borrow(frame, &before),
        };
        let planes = planes.ok_or(Error::Bug)?;
        let planes = turn(planes, &before, plan.turn, &mut self.turned);
        let tone = plan.tone.as_ref();
        if plan.subsampling == self.subsampling {
            plan.colour.lay(&planes, into);
            tone.inspect(|tone| tone.apply(into));
        } else {
            self.coloured.reshape(plan.size.0, plan.size.1, plan.subsampling);
            plan.colour.lay(&planes, &mut self.coloured);
            tone.inspect(|tone| tone.apply(&mut self.coloured));
            let stride = self.coloured.luma_size().0;
            for (to, from) in into.data.chunks_exact_mut(plan.size.0).zip(self.coloured.data.chunks_exact(stride)) {
                to.copy_from_slice(&from[..plan.size.0]);
            }
        }
        Ok(())
    }

    /// Returns the colour conversion if it can be applied sample by sample: each sample of the frame becomes one of the
    /// picture, in the same order. Gives the picture its shape. `None` if the whole frame is needed.
    pub fn by_samples(
        &mut self,
        frame: &frame::Video,
        geometry: PictureGeometry,
        into: &mut Picture,
    ) -> Result<Option<&Colour>, Error> {
        self.plan_for(frame, geometry)?;
        let Some((_, plan)) = &self.current else { return Err(Error::Bug) };
        let as_it_is = plan.tone.is_none()
            && plan.scaler.is_none()
            && !plan.halve
            && plan.turn == Turn::NONE
            && plan.colour.keeps_luma();
        into.reshape(plan.size.0, plan.size.1, self.subsampling);
        let same_planes = plan.subsampling == self.subsampling
            && into.luma_size() == plan.size
            // A grey copy of a coloured picture leaves samples out.
            && (self.subsampling != Subsampling::Gray || !has_chroma(frame.format()));
        Ok((as_it_is && same_planes).then_some(&plan.colour))
    }

    fn plan_for(&mut self, frame: &frame::Video, geometry: PictureGeometry) -> Result<(), Error> {
        let kind = Kind {
            format: frame.format(),
            size: (frame.width(), frame.height()),
            space: frame.color_space(),
            range: frame.color_range(),
            hdr: Hdr::of(frame.color_transfer_characteristic()),
            geometry,
        };
        if self.current.as_ref().is_none_or(|(known, _)| *known != kind) {
            self.current = None;
            self.current = Some((kind, self.plan(frame, kind)?));
        }
        Ok(())
    }

    fn plan(&self, frame: &frame::Video, kind: Kind) -> Result<Plan, Error> {
        let (_, size) = self.sizes(frame, kind.geometry);
        let from_rgb = !ffi::is_yuv(kind.format);
        let space = match kind.space {
            Space::Unspecified if kind.hdr.is_some() => Space::BT2020NCL,
            space => space,
        };
        let colour = if from_rgb { Colour::none() } else { Colour::new(space, kind.range, kind.format) };
        let subsampling = match self.subsampling {
            Subsampling::Gray if !colour.keeps_luma() && has_chroma(kind.format) => Subsampling::S444,
            wanted => wanted,
        };
        let turn = kind.geometry.turn;
        let before = turn.size(size);
        let same_size = kind.size == (before.0 as u32, before.1 as u32);
        let halve = same_size
            && subsampling == Subsampling::S420
            && without_range(kind.format) == Pixel::YUV422P
            && borrow(frame, &shape(before, Subsampling::S422, Turn::NONE)).is_some();
        let fits = same_size
            && holds(kind.format, subsampling, turn)
            && borrow(frame, &shape(before, subsampling, turn)).is_some();
        let scaler = if fits || halve { None } else { Some(scaler(kind, subsampling, before, from_rgb, self.filter)?) };
        Ok(Plan { size, subsampling, scaler, halve, turn, colour, tone: kind.hdr.map(ToneMap::new) })
    }
}

fn scaler(
    kind: Kind,
    subsampling: Subsampling,
    size: (usize, usize),
    from_rgb: bool,
    filter: scaling::Flags,
) -> Result<(ffi::FfmpegScaler, frame::Video), Error> {
    let target = planar(subsampling, kind.geometry.turn);
    // If the size stays the same, only chroma is resampled, and the shorter filter is as good for that.
    let unscaled = kind.size == (size.0 as u32, size.1 as u32);
    let flags = if unscaled { scaling::Flags::BILINEAR } else { filter };
    let (width, height) = (size.0 as u32, size.1 as u32);
    let mut scaler =
        scaling::Context::get(without_range(kind.format), kind.size.0, kind.size.1, target, width, height, flags)?;
    ffi::keep_colours(&mut scaler, from_rgb);
    Ok((ffi::FfmpegScaler(scaler), frame::Video::new(target, width, height)))
}

/// The columns and rows of each plane.
fn shape(size: (usize, usize), subsampling: Subsampling, turn: Turn) -> [(usize, usize); 3] {
    let (across, down) = match subsampling {
        Subsampling::S420 => (2, 2),
        Subsampling::S422 => turn.size((2, 1)),
        Subsampling::S444 => (1, 1),
        Subsampling::Gray => return [size, (0, 0), (0, 0)],
    };
    let chroma = (size.0.div_ceil(across), size.1.div_ceil(down));
    [size, chroma, chroma]
}

fn borrow<'a>(frame: &'a frame::Video, shape: &[(usize, usize); 3]) -> Option<SourcePlanes<'a>> {
    let mut planes = SourcePlanes { data: [&[]; 3], strides: [0; 3] };
    for (i, (columns, rows)) in shape.iter().enumerate().filter(|(_, (columns, _))| *columns > 0) {
        let (data, stride) = ffi::plane(frame, i, *rows).filter(|(_, stride)| stride >= columns)?;
        (planes.data[i], planes.strides[i]) = (data, stride);
    }
    Some(planes)
}

/// Halves the chroma rows of 4:2:2, which the JPEGs of cameras have, to get 4:2:0: the mean of two rows each. swscale
/// takes 20 times as long.
fn halve<'a>(frame: &'a frame::Video, shape: &[(usize, usize); 3], into: &'a mut Vec<u8>) -> Option<SourcePlanes<'a>> {
    let (columns, rows) = shape[1];
    let full = borrow(frame, &[shape[0], (columns, shape[0].1), (columns, shape[0].1)])?;
    into.resize(2 * columns * rows, 0);
    for (plane, into) in into.chunks_exact_mut(columns * rows).enumerate() {
        for (row, into) in into.chunks_exact_mut(columns).enumerate() {
            let upper = full.row(plane + 1, 2 * row, columns);
            let lower = full.row(plane + 1, (2 * row + 1).min(shape[0].1 - 1), columns);
            for ((to, a), b) in into.iter_mut().zip(upper).zip(lower) {
                *to = (u16::from(*a) + u16::from(*b)).div_ceil(2) as u8;
            }
        }
    }
    let (u, v) = into.split_at(columns * rows);
    Some(SourcePlanes { data: [full.data[0], u, v], strides: [full.strides[0], columns, columns] })
}

fn turn<'a>(
    planes: SourcePlanes<'a>,
    shape: &[(usize, usize); 3],
    turn: Turn,
    into: &'a mut Vec<u8>,
) -> SourcePlanes<'a> {
    if turn == Turn::NONE {
        return planes;
    }
    into.resize(shape.iter().map(|(columns, rows)| columns * rows).sum(), 0);
    let mut rest: &mut [u8] = into;
    let mut turned = SourcePlanes { data: [&[]; 3], strides: [0; 3] };
    for (i, size) in shape.iter().enumerate().filter(|(_, (columns, _))| *columns > 0) {
        let (plane, behind) = rest.split_at_mut(size.0 * size.1);
        turn.plane(planes.data[i], planes.strides[i], *size, plane);
        (turned.data[i], turned.strides[i]) = (plane, turn.size(*size).0);
        rest = behind;
    }
    turned
}

/// The pixel format that has this subsampling after turning.
fn planar(subsampling: Subsampling, turn: Turn) -> Pixel {
    match subsampling {
        Subsampling::S420 => Pixel::YUV420P,
        Subsampling::S422 if turn.swap => Pixel::YUV440P,
        Subsampling::S422 => Pixel::YUV422P,
        Subsampling::S444 => Pixel::YUV444P,
        Subsampling::Gray => Pixel::GRAY8,
    }
}

/// True if this format has the planes of [`planar`], in any range.
fn holds(format: Pixel, subsampling: Subsampling, turn: Turn) -> bool {
    let eight_bit_luma = matches!(
        without_range(format),
        Pixel::GRAY8 | Pixel::YUV420P | Pixel::YUV422P | Pixel::YUV444P | Pixel::YUV440P | Pixel::YUV411P
    );
    (subsampling == Subsampling::Gray && eight_bit_luma) || without_range(format) == planar(subsampling, turn)
}

/// Replaces the pixel formats that name a range: swscale would use that range regardless of its other settings.
fn without_range(format: Pixel) -> Pixel {
    match format {
        Pixel::YUVJ420P => Pixel::YUV420P,
        Pixel::YUVJ422P => Pixel::YUV422P,
        Pixel::YUVJ444P => Pixel::YUV444P,
        Pixel::YUVJ440P => Pixel::YUV440P,
        Pixel::YUVJ411P => Pixel::YUV411P,
        other => other,
    }
}

fn has_chroma(format: Pixel) -> bool {
    format.descriptor().map(Descriptor::nb_components).is_some_and(|n| n >= 3)
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
