//! The charts, on any backend: percentiles, latency over time, stages over time, and stages of slow frames.

mod axes;
mod bars;
mod percentiles;
mod time;

use plotters::prelude::*;

pub(crate) use self::axes::{Area, Drawn};
use crate::figure::Figure;

pub(crate) fn draw<B: DrawingBackend>(area: &Area<B>, figure: &Figure<'_>, scale: i32) -> Drawn<B> {
    let area = area.margin(6 * scale, 6 * scale, 6 * scale, 14 * scale);
    let height = area.dim_in_pixel().1 as i32;
    let (first, rest) = area.split_vertically(height * 36 / 100);
    let (second, third) = rest.split_vertically(height * 31 / 100);
    let (left, right) = third.split_horizontally(area.dim_in_pixel().0 as i32 * 66 / 100);
    percentiles::draw(&first, figure, scale)?;
    time::draw_latency(&second, figure, scale)?;
    time::draw_stages(&left, figure, scale)?;
    bars::draw(&right, figure, scale)
}
