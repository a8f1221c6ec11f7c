//! Parts that all panels share: sizes, title, legend and the labels of the axes.

use std::ops::Range;

use plotters::chart::MeshStyle;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::colours::{INK, of_stage};
use crate::figure::Figure;

pub(crate) type Area<B> = DrawingArea<B, Shift>;
pub(crate) type Drawn<B, T = ()> = Result<T, DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;
/// A chart with milliseconds upwards.
pub(crate) type Chart<'a, B> = ChartContext<'a, B, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Sizes in screen pixels; `scale` converts them into pixels of the picture.
const TITLE: i32 = 17;
const TEXT: i32 = 14;
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
) -> Drawn<B, Area<B>> {
    let height = if legend.is_empty() { HEAD_HEIGHT - LEGEND_HEIGHT } else { HEAD_HEIGHT };
    let (top, chart) = area.split_vertically(height * scale);
    let left = 12 * scale;
    top.draw(&Text::new(title.to_owned(), (left, 8 * scale), sized(TITLE * scale)))?;
    let mut x = left;
    let middle = (HEAD_HEIGHT - LEGEND_HEIGHT / 2 - 2) * scale;
    let style = text_style(scale).pos(Pos::new(HPos::Left, VPos::Center));
    for (name, colour) in legend {
        let half = 5 * scale;
        top.draw(&Rectangle::new([(x, middle - half), (x + 2 * half, middle + half)], colour.filled()))?;
        x += 15 * scale;
        top.draw(&Text::new(*name, (x, middle), style.clone()))?;
        x += top.estimate_text_size(name, &style)?.0 as i32 + 16 * scale;
    }
    Ok(chart)
}

/// The style of all text but titles.
pub(crate) fn text_style<'a>(scale: i32) -> TextStyle<'a> {
    sized(TEXT * scale)
}

fn sized<'a>(size: i32) -> TextStyle<'a> {
    TextStyle::from(("sans-serif", size).into_font()).color(&INK)
}

/// Makes room for the axes of a chart: `across`, and milliseconds up to `top`.
pub(crate) fn chart<B: DrawingBackend>(
    area: &Area<B>,
    across: Range<f64>,
    top: f64,
    margin_right: i32,
    scale: i32,
) -> Drawn<B, Chart<'_, B>> {
    ChartBuilder::on(area)
        .set_label_area_size(LabelAreaPosition::Left, LABELS.0 * scale)
        .set_label_area_size(LabelAreaPosition::Bottom, LABELS.1 * scale)
        .margin_right(margin_right * scale)
        .build_cartesian_2d(across, 0.0..top)
}

/// Sets the style of the axes and of the lines behind the curves.
pub(crate) fn styled<'m, 'a, 'b, B: DrawingBackend>(
    mesh: &'m mut MeshStyle<'a, 'b, RangedCoordf64, RangedCoordf64, B>,
    scale: i32,
) -> &'m mut MeshStyle<'a, 'b, RangedCoordf64, RangedCoordf64, B> {
    mesh.label_style(text_style(scale))
        .axis_style(INK.mix(0.5).stroke_width(scale as u32))
        .bold_line_style(INK.mix(0.18).stroke_width(scale as u32))
        .light_line_style(INK.mix(0.0))
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
