//! The stages of a frame at p50, p90, p99 and max. Each bar shows frames at that percentile only, so that the stages
//! add up.

use std::error::Error;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axes::{self, Area, Drawn, head, labels, ms_label, text_style, top_ms};
use crate::colours::{INK, of_stage};
use crate::figure::Figure;

const BARS: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)];
const HALF_WIDTH: f64 = 0.34;

pub(crate) fn draw<B: DrawingBackend>(area: &Area<B>, figure: &Figure<'_>, scale: i32) -> Drawn<B>
where
    B::ErrorType: Error + Send + Sync + 'static,
{
    let (title, chart_area) = area.split_vertically(axes::HEAD_HEIGHT * scale);
    head(&title, "Stages of the frames at that latency", &[], scale)?;
    let made_of: Vec<_> = BARS.iter().map(|(_, quantile)| figure.breakdown.at(*quantile).unwrap_or_default()).collect();
    let top = top_ms(made_of.iter().map(|stages| stages.iter().sum()));
    let (left, bottom) = labels(scale);
    let mut chart = ChartBuilder::on(&chart_area)
        .set_label_area_size(LabelAreaPosition::Left, left)
        .set_label_area_size(LabelAreaPosition::Bottom, bottom)
        .margin_right(10 * scale)
        .build_cartesian_2d(0.0..BARS.len() as f64, 0.0..top)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_labels(6)
        .y_label_formatter(&|ms| ms_label(*ms, top))
        .label_style(text_style(axes::TEXT * scale))
        .axis_style(INK.mix(0.5).stroke_width(scale as u32))
        .bold_line_style(INK.mix(0.18).stroke_width(scale as u32))
        .light_line_style(INK.mix(0.0))
        .draw()?;
    for (n, stages) in made_of.iter().enumerate() {
        let middle = n as f64 + 0.5;
        let mut from = 0.0;
        for &stage in figure.stages {
            let to = from + stages[stage as usize] / 1000.0;
            let bar = [(middle - HALF_WIDTH, from), (middle + HALF_WIDTH, to)];
            chart.draw_series([Rectangle::new(bar, of_stage(stage).filled())])?;
            from = to;
        }
        let style = text_style(axes::TEXT * scale).pos(Pos::new(HPos::Center, VPos::Top));
        let (x, y) = chart.backend_coord(&(middle, 0.0));
        let (base_x, base_y) = chart_area.get_base_pixel();
        chart_area.draw(&Text::new(BARS[n].0, (x - base_x, y - base_y + 6 * scale), style))?;
    }
    Ok(())
}
