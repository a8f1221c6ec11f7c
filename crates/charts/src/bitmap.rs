//! A bitmap in memory on which plotters draws. Text uses the project's own bitmap font, so no system font is needed.

use std::convert::Infallible;

use common::draw::Font;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle, DrawingBackend, DrawingErrorKind};

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

pub(crate) struct Bitmap<'a> {
    rgb: &'a mut [u8],
    width: u32,
    height: u32,
}

impl Bitmap<'_> {
    pub(crate) fn new(rgb: &mut [u8], width: u32, height: u32) -> Bitmap<'_> {
        Bitmap { rgb, width, height }
    }
}

impl DrawingBackend for Bitmap<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        let inside = (0..self.width as i32).contains(&x) && (0..self.height as i32).contains(&y);
        if inside {
            let at = (y as usize * self.width as usize + x as usize) * 3;
            let (r, g, b) = color.rgb;
            for (under, over) in self.rgb[at..at + 3].iter_mut().zip([r, g, b]) {
                let mixed = f64::from(*under) * (1.0 - color.alpha) + f64::from(over) * color.alpha;
                *under = mixed.round() as u8;
            }
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let (width, height) = self.estimate_text_size(text, style)?;
        let left = match style.anchor().h_pos {
            HPos::Left => x,
            HPos::Center => x - width as i32 / 2,
            HPos::Right => x - width as i32,
        };
        let top = match style.anchor().v_pos {
            VPos::Top => y,
            VPos::Center => y - height as i32 / 2,
            VPos::Bottom => y - height as i32,
        };
        let mut runs = Vec::new();
        let clip = (self.width as usize, self.height as usize);
        font(style).draw(text, (left as isize, top as isize), clip, &mut |x, y, length| runs.push((x, y, length)));
        for (x, y, length) in runs {
            for x in x..x + length {
                self.draw_pixel((x as i32, y as i32), style.color())?;
            }
        }
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let font = font(style);
        Ok((font.width(text) as u32, font.height() as u32))
    }
}

/// The tallest font that is not taller than the style asks for: a bitmap font's height includes the space between
/// lines.
fn font<S: BackendTextStyle>(style: &S) -> Font {
    Font::of_height(style.size() as usize)
}
