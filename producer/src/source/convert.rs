//! Turns what a decoder gives into the picture that the encoder takes.
//!
//! ```text
//!  frame ──(swscale: size and pixel format,──▶ planes ──(turn)──▶ planes ──(colour: matrix, range)──▶ Picture
//!           where they are not right yet)       8-bit
//! ```
//! swscale leaves matrix and range of YUV as they are (and makes full-range BT.601 of RGB), so that colours are
//! converted once, at the last step, which has to touch every byte anyway.

use ffmpeg_next::color::{Range, Space};
use ffmpeg_next::format::{Pixel, pixel::Descriptor};
use ffmpeg_next::software::scaling;
use ffmpeg_next::{Error, Rational, frame};
use jpeg::Subsampling;

use super::colour::Colour;
use super::ffi;
use super::planes::{Planes, Turn};
use crate::picture::Picture;

/// How a decoded picture is to be shown.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pose {
    pub turn: Turn,
    pub sample_aspect: (u32, u32),
}

impl Pose {
    pub const PLAIN: Pose = Pose { turn: Turn::NONE, sample_aspect: (1, 1) };

    /// The frame's own word on aspect and turn, or else the stream's.
    pub fn of(frame: &frame::Video, stream: Pose) -> Pose {
        let matrix = frame.side_data(frame::side_data::Type::DisplayMatrix);
        Pose {
            turn: matrix.map_or(stream.turn, |matrix| Turn::from_display_matrix(matrix.data())),
            sample_aspect: sample_aspect(frame.aspect_ratio()).unwrap_or(stream.sample_aspect),
        }
    }

    /// The size at which a decoded picture is meant to be seen: upright, with square pixels.
    pub fn display_size(&self, (width, height): (usize, usize)) -> (usize, usize) {
        let (num, den) = self.sample_aspect;
        let stretch = |side: usize, num: u32, den: u32| {
            (side as u64 * u64::from(num) + u64::from(den) / 2).checked_div(u64::from(den)).unwrap_or(0).max(1) as usize
        };
        let shown = if num >= den { (stretch(width, num, den), height) } else { (width, stretch(height, den, num)) };
        self.turn.size(shown)
    }
}

/// A ratio that can be meant; nonsense counts as unknown.
pub fn sample_aspect(ratio: Rational) -> Option<(u32, u32)> {
    let (num, den) = (u32::try_from(ratio.numerator()).ok()?, u32::try_from(ratio.denominator()).ok()?);
    let sane = num > 0 && den > 0 && u64::from(num) <= u64::from(den) * 8 && u64::from(den) <= u64::from(num) * 8;
    sane.then_some((num, den))
}

/// The largest size of this shape inside the box; never larger than it is.
pub fn fit((width, height): (usize, usize), into: Option<(usize, usize)>) -> (usize, usize) {
    let Some((box_width, box_height)) = into else { return (width, height) };
    if width <= box_width && height <= box_height {
        return (width, height);
    }
    let scaled = |side: usize, num: usize, den: usize| ((2 * side * num + den) / (2 * den)).max(1);
    if width * box_height > height * box_width {
        (box_width, scaled(height, box_width, width).min(box_height))
    } else {
        (scaled(width, box_height, height).min(box_width), box_height)
    }
}

/// The converter of one source; what it sets up for one kind of frame it keeps until another kind comes.
pub struct Converter {
    box_size: Option<(usize, usize)>,
    subsampling: Subsampling,
    current: Option<(Kind, Plan)>,
    turned: Vec<u8>,
    coloured: Picture,
}

/// All of a frame that decides how it is converted.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Kind {
    format: Pixel,
    size: (u32, u32),
    space: Space,
    range: Range,
    pose: Pose,
}

struct Plan {
    /// As the encoder takes it.
    size: (usize, usize),
    /// Of the planes before colours are changed: of the picture, or finer where gray luma needs chroma.
    subsampling: Subsampling,
    /// Scaler and the frame it fills; none where the decoder's planes fit as they are.
    scaler: Option<(ffi::Scaler, frame::Video)>,
    turn: Turn,
    colour: Colour,
}

impl std::fmt::Debug for Converter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Converter").field("box_size", &self.box_size).finish_non_exhaustive()
    }
}

impl Converter {
    pub fn new(box_size: Option<(usize, usize)>, subsampling: Subsampling) -> Converter {
        Converter { box_size, subsampling, current: None, turned: Vec::new(), coloured: Picture::default() }
    }

    /// The size that pictures of this size and pose will have.
    pub fn out_size(&self, size: (usize, usize), pose: &Pose) -> (usize, usize) {
        fit(pose.display_size(size), self.box_size)
    }

    pub fn convert(&mut self, frame: &frame::Video, pose: Pose, into: &mut Picture) -> Result<(), Error> {
        let kind = Kind {
            format: frame.format(),
            size: (frame.width(), frame.height()),
            space: frame.color_space(),
            range: frame.color_range(),
            pose,
        };
        if self.current.as_ref().is_none_or(|(known, _)| *known != kind) {
            self.current = None;
            self.current = Some((kind, self.plan(frame, kind)?));
        }
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
        let planes = borrow(frame, &before).ok_or(Error::Bug)?;
        let planes = turn(planes, &before, plan.turn, &mut self.turned);
        if plan.subsampling == self.subsampling {
            plan.colour.lay(&planes, into);
        } else {
            self.coloured.reshape(plan.size.0, plan.size.1, plan.subsampling);
            plan.colour.lay(&planes, &mut self.coloured);
            let stride = self.coloured.luma_size().0;
            for (to, from) in into.data.chunks_exact_mut(plan.size.0).zip(self.coloured.data.chunks_exact(stride)) {
                to.copy_from_slice(&from[..plan.size.0]);
            }
        }
        Ok(())
    }

    fn plan(&self, frame: &frame::Video, kind: Kind) -> Result<Plan, Error> {
        let size = self.out_size((kind.size.0 as usize, kind.size.1 as usize), &kind.pose);
        let from_rgb = !is_yuv(kind.format);
        let colour = if from_rgb { Colour::none() } else { Colour::new(kind.space, kind.range, kind.format) };
        let subsampling = match self.subsampling {
            Subsampling::Gray if !colour.keeps_luma() && has_chroma(kind.format) => Subsampling::S444,
            wanted => wanted,
        };
        let turn = kind.pose.turn;
        let before = turn.size(size);
        let fits = kind.size == (before.0 as u32, before.1 as u32)
            && holds(kind.format, subsampling, turn)
            && borrow(frame, &shape(before, subsampling, turn)).is_some();
        let scaler = if fits { None } else { Some(scaler(kind, subsampling, before, from_rgb)?) };
        Ok(Plan { size, subsampling, scaler, turn, colour })
    }
}

fn scaler(
    kind: Kind,
    subsampling: Subsampling,
    size: (usize, usize),
    from_rgb: bool,
) -> Result<(ffi::Scaler, frame::Video), Error> {
    let target = planar(subsampling, kind.pose.turn);
    // Where the size stays, only chroma is resampled, and the shorter filter is as good there.
    let unscaled = kind.size == (size.0 as u32, size.1 as u32);
    let flags = if unscaled { scaling::Flags::BILINEAR } else { scaling::Flags::BICUBIC };
    let (width, height) = (size.0 as u32, size.1 as u32);
    let mut scaler =
        scaling::Context::get(without_range(kind.format), kind.size.0, kind.size.1, target, width, height, flags)?;
    ffi::keep_colours(&mut scaler, from_rgb);
    Ok((ffi::Scaler(scaler), frame::Video::new(target, width, height)))
}

/// Columns and rows of each plane.
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

fn borrow<'a>(frame: &'a frame::Video, shape: &[(usize, usize); 3]) -> Option<Planes<'a>> {
    let mut planes = Planes { data: [&[]; 3], strides: [0; 3] };
    for (i, (columns, rows)) in shape.iter().enumerate().filter(|(_, (columns, _))| *columns > 0) {
        let (data, stride) = ffi::plane(frame, i, *rows).filter(|(_, stride)| stride >= columns)?;
        (planes.data[i], planes.strides[i]) = (data, stride);
    }
    Some(planes)
}

fn turn<'a>(planes: Planes<'a>, shape: &[(usize, usize); 3], turn: Turn, into: &'a mut Vec<u8>) -> Planes<'a> {
    if turn == Turn::NONE {
        return planes;
    }
    into.resize(shape.iter().map(|(columns, rows)| columns * rows).sum(), 0);
    let mut rest: &mut [u8] = into;
    let mut turned = Planes { data: [&[]; 3], strides: [0; 3] };
    for (i, size) in shape.iter().enumerate().filter(|(_, (columns, _))| *columns > 0) {
        let (plane, behind) = rest.split_at_mut(size.0 * size.1);
        turn.plane(planes.data[i], planes.strides[i], *size, plane);
        (turned.data[i], turned.strides[i]) = (plane, turn.size(*size).0);
        rest = behind;
    }
    turned
}

/// The pixel format that becomes this subsampling by turning.
fn planar(subsampling: Subsampling, turn: Turn) -> Pixel {
    match subsampling {
        Subsampling::S420 => Pixel::YUV420P,
        Subsampling::S422 if turn.swap => Pixel::YUV440P,
        Subsampling::S422 => Pixel::YUV422P,
        Subsampling::S444 => Pixel::YUV444P,
        Subsampling::Gray => Pixel::GRAY8,
    }
}

/// Whether the planes of this format are those of [`planar`], whatever their range.
fn holds(format: Pixel, subsampling: Subsampling, turn: Turn) -> bool {
    let eight_bit_luma = matches!(
        without_range(format),
        Pixel::GRAY8 | Pixel::YUV420P | Pixel::YUV422P | Pixel::YUV444P | Pixel::YUV440P | Pixel::YUV411P
    );
    (subsampling == Subsampling::Gray && eight_bit_luma) || without_range(format) == planar(subsampling, turn)
}

/// swscale takes the range from these names whatever else it is told.
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

fn is_yuv(format: Pixel) -> bool {
    ffi::is_yuv(format)
}

fn has_chroma(format: Pixel) -> bool {
    format.descriptor().map(Descriptor::nb_components).is_some_and(|n| n >= 3)
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
