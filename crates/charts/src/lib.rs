//! Draws a report's figures: numbers go in; SVG, PNG and an HTML page come out.
//!
//! ```text
//! Figure ─▶ panels (one drawing, on any backend) ─▶ plotters' SVG │ our bitmap (text by Spleen) ─▶ PNG
//!        └▶ page: the tables, and the SVG inline
//! ```
//! No system font, script or network is needed, so the files open anywhere.

mod bitmap;
mod colours;
mod figure;
mod page;
mod panels;

use std::io::Cursor;

use image::{ImageFormat, RgbImage};
use plotters::prelude::*;

pub use self::figure::{ChartError, Figure};
use self::panels::{Area, Drawn};

/// Size in screen pixels; a PNG has twice as many in each direction.
const SIZE: (u32, u32) = (1000, 1120);
const PNG_SCALE: u32 = 2;

/// Makes the report's page of HTML, with the charts inline.
pub fn html(figure: &Figure<'_>) -> Result<String, ChartError> {
    Ok(page::html(figure, &draw_svg(figure, false)?))
}

/// Draws all charts as one SVG, on white.
pub fn svg(figure: &Figure<'_>) -> Result<String, ChartError> {
    draw_svg(figure, true)
}

fn draw_svg(figure: &Figure<'_>, ground: bool) -> Result<String, ChartError> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        draw(&area, figure, ground, 1).map_err(ChartError::new)?;
    }
    Ok(text)
}

/// Draws the same charts as PNG.
pub fn png(figure: &Figure<'_>) -> Result<Vec<u8>, ChartError> {
    let (width, height) = (SIZE.0 * PNG_SCALE, SIZE.1 * PNG_SCALE);
    let mut rgb = vec![0; (width * height * 3) as usize];
    let area = bitmap::Bitmap::new(&mut rgb, width, height).into_drawing_area();
    draw(&area, figure, true, PNG_SCALE as i32).map_err(ChartError::new)?;
    drop(area);
    let picture = RgbImage::from_raw(width, height, rgb).ok_or_else(|| ChartError::new("the bitmap's size"))?;
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).map_err(ChartError::new)?;
    Ok(file.into_inner())
}

fn draw<B: DrawingBackend>(area: &Area<B>, figure: &Figure<'_>, ground: bool, scale: i32) -> Drawn<B> {
    if ground {
        area.fill(&WHITE)?;
    }
    panels::draw(area, figure, scale)?;
    area.present()
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::*;
    use common::time::Stage;

    #[test]
    fn the_picture_is_labelled() {
        testing::with_figure(1500, |figure| {
            let svg = svg(figure).expect("it is drawn");
            roxmltree::Document::parse(&svg).expect("it is XML");
            for label in ["0%", "99.9%", "total", "encode", "broker", "present", "p50", "p99", "max", "10 s", "20 ms"] {
                assert!(svg.lines().any(|line| line == label), "no {label} in {svg}");
            }
            assert!(svg.contains("Percentiles of the latency") && svg.contains("Latency over time"), "{svg}");
        });
    }

    #[test]
    fn a_run_without_frames_is_drawn_too() {
        for frames in [0, 1, 2] {
            testing::with_figure(frames, |figure| {
                roxmltree::Document::parse(&svg(figure).expect("it is drawn")).expect("it is XML");
                png(figure).expect("it is drawn");
            });
        }
    }

    #[test]
    fn the_png_has_ink_of_every_stage() {
        testing::with_figure(500, |figure| {
            let png = png(figure).expect("it is drawn");
            let picture = image::load_from_memory(&png).expect("it is a PNG").to_rgb8();
            assert_eq!(picture.dimensions(), (SIZE.0 * PNG_SCALE, SIZE.1 * PNG_SCALE));
            for stage in Stage::ALL {
                let RGBColor(r, g, b) = colours::of_stage(stage);
                assert!(picture.pixels().any(|p| p.0 == [r, g, b]), "nothing of {}", stage.name());
            }
        });
    }
}
