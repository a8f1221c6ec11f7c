//! The stages of a frame at p50, p90, p99 and max. Each bar shows frames at that percentile only, so that the stages
//! add up.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axes::{Area, Drawn, HEAD_HEIGHT, chart, head, ms_label, styled, text_style, top_ms};
use crate::colours::of_stage;
use crate::figure::Figure;

const BARS: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)];
const HALF_WIDTH: f64 = 0.34;

pub(crate) fn draw<B: DrawingBackend>(area: &Area<B>, figure: &Figure<'_>, scale: i32) -> Drawn<B> {
    let (title, chart_area) = area.split_vertically(HEAD_HEIGHT * scale);
    head(&title, "Stages of the frames at that latency", &[], scale)?;
    let made_of: Vec<_> = BARS.iter().map(|(_, quantile)| figure.breakdown.at(*quantile).unwrap_or_default()).collect();
    let top = top_ms(made_of.iter().map(|stages| stages.iter().sum()));
    let mut chart = chart(&chart_area, 0.0..BARS.len() as f64, top, 10, scale)?;
    styled(&mut chart.configure_mesh(), scale)
        .disable_x_mesh()
        .disable_x_axis()
        .y_labels(6)
        .y_label_formatter(&|ms| ms_label(*ms, top))
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
        let style = text_style(scale).pos(Pos::new(HPos::Center, VPos::Top));
        let (x, y) = chart.backend_coord(&(middle, 0.0));
        let (base_x, base_y) = chart_area.get_base_pixel();
        chart_area.draw(&Text::new(BARS[n].0, (x - base_x, y - base_y + 6 * scale), style))?;
    }
    Ok(())
}
