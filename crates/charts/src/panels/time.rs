//! Latency over time, second by second, in total and by stage.

use std::ops::Range;

use common::time::{Second, Stage};
use plotters::prelude::*;

use super::axes::{Area, Chart, Drawn, chart, head, ms_label, stage_entries, styled, top_ms};
use crate::colours::{MAX, P50, P99, of_stage};
use crate::figure::Figure;

/// Largest number of points: more could not be distinguished.
const POINTS_MAX: u32 = 400;

/// Draws the axes of time and milliseconds.
fn time_chart<B: DrawingBackend>(area: &Area<B>, axis: Range<f64>, top: f64, scale: i32) -> Drawn<B, Chart<'_, B>> {
    let end = axis.end;
    let mut chart = chart(area, axis, top, 24, scale)?;
    styled(&mut chart.configure_mesh(), scale)
        .disable_x_mesh()
        .x_labels(8)
        .y_labels(6)
        .x_label_formatter(&|seconds| moment(*seconds, end))
        .y_label_formatter(&|ms| ms_label(*ms, top))
        .draw()?;
    Ok(chart)
}

pub(crate) fn draw_latency<B: DrawingBackend>(area: &Area<B>, figure: &Figure<'_>, scale: i32) -> Drawn<B> {
    let course = Course::of(figure);
    let area = head(area, &course.title("Latency"), &[("p50", P50), ("p99", P99), ("max", MAX)], scale)?;
    let top = top_ms(course.points.iter().map(|p| f64::from(p.max)));
    let mut chart = time_chart(&area, course.axis(), top, scale)?;
    // With fewer than a hundred frames in a second the maximum is also the p99, so it is drawn wide and below the p99.
    let mut line = |colour: RGBColor, width: u32, value: fn(&Second) -> u32| {
        course.runs().try_for_each(|run| {
            let line = course.steps(run, |p| f64::from(value(p)));
            chart.draw_series(LineSeries::new(line, colour.stroke_width(width * scale as u32))).map(|_| ())
        })
    };
    line(MAX, 4, |p| p.max)?;
    line(P99, 2, |p| p.p99)?;
    line(P50, 2, |p| p.p50)
}

pub(crate) fn draw_stages<B: DrawingBackend>(area: &Area<B>, figure: &Figure<'_>, scale: i32) -> Drawn<B> {
    let course = Course::of(figure);
    let area = head(area, &course.title("Mean stages"), &stage_entries(figure), scale)?;
    let sum = |p: &Second, stages: &[Stage]| stages.iter().map(|&s| f64::from(p.stage(s))).sum::<f64>();
    let top = top_ms(course.points.iter().map(|p| sum(p, figure.stages)));
    let mut chart = time_chart(&area, course.axis(), top, scale)?;
    // The sum of all stages is drawn first, and the smaller sums over it.
    for (n, &stage) in figure.stages.iter().enumerate().rev() {
        for run in course.runs() {
            let line = course.steps(run, |p| sum(p, &figure.stages[..=n]));
            chart.draw_series(AreaSeries::new(line, 0.0, of_stage(stage).filled()))?;
        }
    }
    Ok(())
}

/// The points of a chart. Several seconds share a point if there are too many.
struct Course {
    points: Vec<Second>,
    /// Number of seconds in each point.
    step: u32,
}

impl Course {
    fn of(figure: &Figure<'_>) -> Course {
        let span = |first: Second, last: Second| last.at - first.at + 1;
        let all = || figure.timeline.all();
        let seconds = all().next().zip(all().last()).map_or(0, |(first, last)| span(first, last));
        let step = seconds.div_ceil(POINTS_MAX).max(1);
        let mut points: Vec<Second> = Vec::new();
        for second in all() {
            let at = second.at / step * step;
            match points.last_mut().filter(|point| point.at == at) {
                Some(point) => *point = worse(*point, second),
                None => points.push(Second { at, ..second }),
            }
        }
        Course { points, step }
    }

    fn title(&self, what: &str) -> String {
        match self.step {
            1 => format!("{what} over time, second by second"),
            n => format!("{what} over time, of {n} seconds the worst"),
        }
    }

    fn axis(&self) -> Range<f64> {
        let first = self.points.first().map_or(0, |p| p.at);
        let end = self.points.last().map_or(1, |p| p.at + self.step);
        f64::from(first)..f64::from(end)
    }

    /// Returns the runs of points without a gap between them.
    fn runs(&self) -> impl Iterator<Item = &[Second]> {
        self.points.chunk_by(|one, next| next.at == one.at + self.step)
    }

    /// The points as steps, in ms, so that a single second is visible too.
    fn steps(&self, run: &[Second], us: impl Fn(&Second) -> f64) -> Vec<(f64, f64)> {
        let (step, ms) = (self.step, |p: &Second| us(p) / 1000.0);
        run.iter().flat_map(|p| [(f64::from(p.at), ms(p)), (f64::from(p.at + step), ms(p))]).collect()
    }
}

/// Merges two seconds: the stages of the one with the larger total, and the larger of all other values.
fn worse(one: Second, other: Second) -> Second {
    let sum = |p: &Second| p.stages.iter().map(|us| u64::from(*us)).sum::<u64>();
    Second {
        at: one.at,
        frames: one.frames + other.frames,
        p50: one.p50.max(other.p50),
        p99: one.p99.max(other.p99),
        max: one.max.max(other.max),
        stages: if sum(&one) >= sum(&other) { one.stages } else { other.stages },
    }
}

/// A time since the start, such as `75 s`, `12:30` or `3:12:30`.
fn moment(seconds: f64, end: f64) -> String {
    let s = seconds.round() as u64;
    match end {
        ..120.0 => format!("{s} s"),
        120.0..3600.0 => format!("{}:{:02}", s / 60, s % 60),
        _ => format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_fit_the_length_of_the_run() {
        assert_eq!(moment(75.0, 100.0), "75 s");
        assert_eq!(moment(75.0, 600.0), "1:15");
        assert_eq!(moment(3675.0, 7200.0), "1:01:15");
    }

    #[test]
    fn a_gap_ends_a_run() {
        let second = |at| Second { at, frames: 1, ..Second::default() };
        let course = Course { points: [0, 1, 5, 6].map(second).to_vec(), step: 1 };
        assert_eq!(course.runs().map(<[Second]>::len).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(course.axis(), 0.0..7.0);
    }
}
