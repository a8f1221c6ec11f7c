//! Latency by percentile. Each further nine takes the same width, as in HdrHistogram's own plots.

use common::time::Latency;
use plotters::prelude::*;

use super::axes::{Area, Drawn, LegendEntry, chart, head, ms_label, stage_entries, styled, top_ms};
use crate::colours::{ACKNOWLEDGE, INK};
use crate::figure::Figure;

/// Number of points for each halving of the distance to 100 %.
const TICKS_PER_HALF: u32 = 8;

pub(crate) fn draw<B: DrawingBackend>(area: &Area<B>, figure: &Figure<'_>, scale: i32) -> Drawn<B> {
    let mut legend: Vec<LegendEntry> = vec![("total", INK)];
    legend.extend(stage_entries(figure));
    let acknowledge = figure.acknowledge.filter(|latency| !latency.histogram().is_empty());
    legend.extend(acknowledge.map(|_| ("acknowledge", ACKNOWLEDGE)));
    let chart_area = head(area, "Percentiles of the latency", &legend, scale)?;

    let frames = figure.latencies.total.histogram().len();
    let nines = (frames.max(10) as f64).log10();
    let largest = [Some(&figure.latencies.total), acknowledge].into_iter().flatten();
    let top = top_ms(largest.map(|latency| latency.histogram().max() as f64));
    let mut chart = chart(&chart_area, 0.0..nines, top, 24, scale)?;
    styled(&mut chart.configure_mesh(), scale)
        .x_labels(nines as usize + 1)
        .y_labels(8)
        .x_label_formatter(&|nines| percentile(*nines))
        .y_label_formatter(&|ms| ms_label(*ms, top))
        .draw()?;
    let mut curve = |latency: &Latency, colour: RGBColor, width: i32| {
        let style = colour.stroke_width((width * scale) as u32);
        chart.draw_series(LineSeries::new(points(latency, nines), style)).map(|_| ())
    };
    for &stage in figure.stages {
        curve(figure.latencies.stage(stage), crate::colours::of_stage(stage), 1)?;
    }
    acknowledge.map_or(Ok(()), |latency| curve(latency, ACKNOWLEDGE, 1))?;
    curve(&figure.latencies.total, INK, 2)
}

/// Points of (nines, milliseconds), up to the largest value.
fn points(latency: &Latency, nines: f64) -> Vec<(f64, f64)> {
    let h = latency.histogram();
    let ms = |us: u64| us as f64 / 1000.0;
    let mut points: Vec<(f64, f64)> = h
        .iter_quantiles(TICKS_PER_HALF)
        .map(|point| ((-(1.0 - point.quantile_iterated_to()).log10()).min(nines), ms(point.value_iterated_to())))
        .collect();
    if !h.is_empty() {
        points.insert(0, (0.0, ms(h.min())));
    }
    points
}

/// A label for a whole number of nines, such as `0%`, `90%`, `99%`, `99.9%`; empty between them.
fn percentile(nines: f64) -> String {
    let whole = nines.round();
    if (nines - whole).abs() > 0.01 {
        return String::new();
    }
    let decimals = (whole as usize).saturating_sub(2);
    format!("{:.decimals$}%", 100.0 * (1.0 - 10f64.powf(-whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_counts_nines() {
        let names: Vec<String> = [0.0, 0.5, 1.0, 2.0, 3.0, 4.0].map(percentile).to_vec();
        assert_eq!(names, ["0%", "", "90%", "99%", "99.9%", "99.99%"]);
    }
}
