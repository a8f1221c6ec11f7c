//! Parts that all panels share: sizes, title, legend and the labels of the axes.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::colours::{INK, of_stage};
use crate::figure::Figure;

pub(crate) type Area<B> = DrawingArea<B, Shift>;
pub(crate) type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// Sizes in screen pixels; `scale` converts them into pixels of the picture.
const TITLE: i32 = 17;
pub(super) const TEXT: i32 = 14;
pub(super) const HEAD_HEIGHT: i32 = 56;
const LEGEND_HEIGHT: i32 = 24;
/// Space for the labels beside the axes.
const LABELS: (i32, i32) = (58, 28);

/// A name in a legend, and its colour.
pub(crate) type LegendEntry = (&'static str, RGBColor);

/// Writes the title and the legend, and returns the remaining area for the chart.
pub(crate) fn head<B: DrawingBackend>(
    area: &Area<B>,
    title: &str,
    legend: &[LegendEntry],
    scale: i32,
) -> Result<Area<B>, DrawingAreaErrorKind<B::ErrorType>>
where
    B::ErrorType: Error + Send + Sync + 'static,
{
    let height = if legend.is_empty() { HEAD_HEIGHT - LEGEND_HEIGHT } else { HEAD_HEIGHT };
    let (top, chart) = area.split_vertically(height * scale);
    let left = 12 * scale;
    top.draw(&Text::new(title.to_owned(), (left, 8 * scale), text_style(TITLE * scale)))?;
    let mut x = left;
    let middle = (HEAD_HEIGHT - LEGEND_HEIGHT / 2 - 2) * scale;
    let style = text_style(TEXT * scale).pos(Pos::new(HPos::Left, VPos::Center));
    for (name, colour) in legend {
        let half = 5 * scale;
        top.draw(&Rectangle::new([(x, middle - half), (x + 2 * half, middle + half)], colour.filled()))?;
        x += 15 * scale;
        top.draw(&Text::new(*name, (x, middle), style.clone()))?;
        x += top.estimate_text_size(name, &style)?.0 as i32 + 16 * scale;
    }
    Ok(chart)
}

pub(crate) fn text_style<'a>(size: i32) -> TextStyle<'a> {
    TextStyle::from(("sans-serif", size).into_font()).color(&INK)
}

/// The legend of the run's stages.
pub(crate) fn stage_entries(figure: &Figure<'_>) -> Vec<LegendEntry> {
    figure.stages.iter().map(|&stage| (stage.name(), of_stage(stage))).collect()
}

/// The upper end of an axis in milliseconds.
pub(crate) fn top_ms(us: impl Iterator<Item = f64>) -> f64 {
    us.fold(0.0, f64::max).max(10.0) / 1000.0 * 1.06
}

/// A label of an axis in milliseconds that ends at `top`.
pub(crate) fn ms_label(ms: f64, top: f64) -> String {
    match top {
        1000.0.. => format!("{:.1} s", ms / 1000.0),
        5.0..1000.0 => format!("{ms:.0} ms"),
        0.5..5.0 => format!("{ms:.1} ms"),
        _ => format!("{ms:.2} ms"),
    }
}

pub(crate) fn labels(scale: i32) -> (i32, i32) {
    (LABELS.0 * scale, LABELS.1 * scale)
}
