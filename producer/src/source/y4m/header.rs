//! Parses the first line of a y4m stream.

use ffmpeg_next::color::Range;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Rational, frame};

use crate::source::deinterlace::Order;
use crate::source::error::SourceError;
use crate::source::geometry::{PictureGeometry, sample_aspect};

/// The line before each picture, if it has no parameters.
pub const FRAME_LINE: [u8; 6] = *b"FRAME\n";

#[derive(Clone, PartialEq, Debug)]
pub struct Y4mHeader {
    pub width: u32,
    pub height: u32,
    pub fps: Option<f64>,
    pub pixel: Pixel,
    pub colour: String,
    pub range: Range,
    pub sample_aspect: (u32, u32),
    /// `None` for progressive pictures, and for streams that declare it per frame, which is not read.
    pub interlaced: Option<Order>,
}

/// Offset of the first picture's line, and number of bytes of each picture including its line.
pub fn layout(head: &[u8]) -> Option<(u64, u64)> {
    let line = head.split(|byte| *byte == b'\n').next().filter(|line| line.len() < head.len())?;
    let header = Y4mHeader::parse(line, "").ok()?;
    let frame = header.frame();
    let sample_bytes = header.sample_bytes() as u64;
    let plane =
        |plane: usize| u64::from(frame.plane_width(plane)) * u64::from(frame.plane_height(plane)) * sample_bytes;
    let picture = FRAME_LINE.len() as u64 + (0..frame.planes()).map(plane).sum::<u64>();
    Some((line.len() as u64 + 1, picture))
}

impl Y4mHeader {
    pub fn parse(line: &[u8], name: &str) -> Result<Y4mHeader, SourceError> {
        let nonsense = |what: String| SourceError::Header { name: name.to_owned(), what };
        let line = std::str::from_utf8(line).map_err(|_| nonsense("it is not text".into()))?;
        let mut header = Y4mHeader {
            width: 0,
            height: 0,
            fps: None,
            pixel: Pixel::YUV420P,
            colour: "420".to_owned(),
            range: Range::Unspecified,
            sample_aspect: (1, 1),
            interlaced: None,
        };
        let (mut width, mut height) = (0, 0);
        for word in line.split_ascii_whitespace().skip(1) {
            let (tag, value) = word.split_at_checked(1).ok_or_else(|| nonsense(format!("the word {word:?}")))?;
            let number = || value.parse::<i64>().map_err(|_| nonsense(format!("{word:?} is no number")));
            match tag {
                "W" => width = number()?,
                "H" => height = number()?,
                "F" => header.fps = ratio(value).map(|(num, den)| f64::from(num) / f64::from(den)),
                "A" => header.sample_aspect = ratio(value).and_then(to_aspect).unwrap_or((1, 1)),
                "I" if value == "t" => header.interlaced = Some(Order::TopFirst),
                "I" if value == "b" => header.interlaced = Some(Order::BottomFirst),
                "C" => {
                    header.pixel = pixel(value).ok_or_else(|| nonsense(format!("unknown pixels {word:?}")))?;
                    header.colour = value.to_owned();
                }
                "X" if value == "COLORRANGE=FULL" => header.range = Range::JPEG,
                "X" if value == "COLORRANGE=LIMITED" => header.range = Range::MPEG,
                _ => {}
            }
        }
        SourceError::check_size(name, width, height)?;
        (header.width, header.height) = (width as u32, height as u32);
        Ok(header)
    }

    /// Number of bytes of a sample.
    pub fn sample_bytes(&self) -> usize {
        if self.pixel.descriptor().is_some_and(is_deep) { 2 } else { 1 }
    }

    pub fn geometry(&self) -> PictureGeometry {
        PictureGeometry { sample_aspect: self.sample_aspect, ..PictureGeometry::PLAIN }
    }

    /// Makes a frame with room for one picture.
    pub fn frame(&self) -> frame::Video {
        let mut frame = frame::Video::new(self.pixel, self.width, self.height);
        frame.set_color_range(self.range);
        frame
    }
}

fn ratio(text: &str) -> Option<(i32, i32)> {
    let (num, den) = text.split_once(':')?;
    let (num, den) = (num.parse::<i32>().ok()?, den.parse::<i32>().ok()?);
    (num > 0 && den > 0).then_some((num, den))
}

fn to_aspect((num, den): (i32, i32)) -> Option<(u32, u32)> {
    sample_aspect(Rational::new(num, den))
}

fn pixel(name: &str) -> Option<Pixel> {
    let is_planar = ["420p", "422p", "444p"].iter().any(|planes| name.starts_with(planes));
    Some(match name {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => Pixel::YUV420P,
        "411" => Pixel::YUV411P,
        "422" => Pixel::YUV422P,
        "444" => Pixel::YUV444P,
        "444alpha" => Pixel::YUVA444P,
        "mono" => Pixel::GRAY8,
        // The others name their depth, as in 420p10 and mono16.
        _ if is_planar => format!("yuv{name}le").parse().ok()?,
        _ => format!("gray{}le", name.strip_prefix("mono")?).parse().ok()?,
    })
}

fn is_deep(descriptor: ffmpeg_next::format::pixel::Descriptor) -> bool {
    descriptor.name().ends_with("le")
}
