//! The size at which a picture is meant to be seen, and the size at which it is sent.

use ffmpeg_next::{Rational, frame};

use super::planes::Turn;

/// The orientation and pixel shape of a decoded picture.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PictureGeometry {
    pub turn: Turn,
    pub sample_aspect: (u32, u32),
}

impl PictureGeometry {
    pub const PLAIN: PictureGeometry = PictureGeometry { turn: Turn::NONE, sample_aspect: (1, 1) };

    /// The frame's own aspect ratio and orientation, or else the stream's.
    pub fn of(frame: &frame::Video, stream: PictureGeometry) -> PictureGeometry {
        let matrix = frame.side_data(frame::side_data::Type::DisplayMatrix);
        PictureGeometry {
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

/// A plausible aspect ratio; others count as unknown.
pub fn sample_aspect(ratio: Rational) -> Option<(u32, u32)> {
    let (num, den) = (u32::try_from(ratio.numerator()).ok()?, u32::try_from(ratio.denominator()).ok()?);
    let sane = num > 0 && den > 0 && u64::from(num) <= u64::from(den) * 8 && u64::from(den) <= u64::from(num) * 8;
    sane.then_some((num, den))
}

/// The largest size with this aspect ratio inside the box, but never larger than the picture.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_scaled_down_into_the_box_and_never_up() {
        for (size, into, expected) in [
            ((1920, 1080), Some((1280, 720)), (1280, 720)),
            ((1080, 1920), Some((1280, 720)), (405, 720)),
            ((640, 480), Some((1280, 720)), (640, 480)),
            ((1440, 1080), Some((1280, 720)), (960, 720)),
            ((4000, 3), Some((100, 100)), (100, 1)),
            ((321, 239), None, (321, 239)),
            ((100, 100), Some((1, 1)), (1, 1)),
        ] {
            assert_eq!(fit(size, into), expected, "{size:?} into {into:?}");
        }
    }

    #[test]
    fn pixels_that_are_not_square_are_shown_as_they_should_be() {
        let wide = PictureGeometry { sample_aspect: (64, 45), turn: Turn::NONE };
        assert_eq!(wide.display_size((720, 576)), (1024, 576));
        let tall = PictureGeometry { sample_aspect: (1, 2), turn: Turn::NONE };
        assert_eq!(tall.display_size((100, 50)), (100, 100));
        let turned = PictureGeometry { sample_aspect: (2, 1), turn: Turn { swap: true, ..Turn::NONE } };
        assert_eq!(turned.display_size((100, 50)), (50, 200));
        assert_eq!(sample_aspect(Rational::new(0, 1)), None);
        assert_eq!(sample_aspect(Rational::new(1000, 1)), None, "nonsense is not believed");
    }
}
