//! The latency as a few lines on a terminal: a sparkline of the last minute, and a histogram of all frames.

use std::fmt::Write;
use std::time::Duration;

use common::time::{Latency, Timeline};

const LAST: Duration = Duration::from_secs(59);
/// Number of rows of the histogram; the last one includes all longer latencies.
const ROWS: u64 = 8;
const BAR: usize = 32;
const EIGHTHS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The lines for below the status line; empty before the first frame.
pub fn histogram(timeline: &Timeline, total: &Latency) -> String {
    let mut text = String::new();
    let h = total.histogram();
    if h.is_empty() {
        return text;
    }
    let seconds: Vec<u32> = timeline.last(LAST).map(|second| second.p99).collect();
    let most = seconds.iter().copied().max().unwrap_or(0);
    // Writing into a String cannot fail.
    let _ = write!(text, "\n  p99 of each second {} up to {:.1} ms", sparkline(&seconds), f64::from(most) / 1000.0);
    let (low, step) = rows(h.min(), h.value_at_quantile(0.99));
    let mut counts = [0; ROWS as usize];
    for value in h.iter_recorded() {
        let row = (value.value_iterated_to().saturating_sub(low) / step).min(ROWS - 1);
        counts[row as usize] += u64::from(value.count_at_value());
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    for (row, count) in counts.iter().enumerate() {
        let ms = (low + row as u64 * step) as f64 / 1000.0;
        let from = if row + 1 < counts.len() { ' ' } else { '≥' };
        let _ = write!(text, "\n {from}{ms:8.1} ms {:<BAR$} {count}", bar(*count, most));
    }
    text
}

/// Start of the first row and height of a row, in µs, chosen so that the last row begins at about p99.
fn rows(min: u64, p99: u64) -> (u64, u64) {
    let wanted = (p99.saturating_sub(min) / (ROWS - 1)).max(1);
    let tens = 10u64.pow(wanted.ilog10());
    let step = [1, 2, 5, 10].map(|n| n * tens).into_iter().find(|step| *step >= wanted).unwrap_or(wanted).max(100);
    (min / step * step, step)
}

fn sparkline(values: &[u32]) -> String {
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    values.iter().map(|value| EIGHTHS[(u64::from(*value) * 7 / u64::from(most)) as usize]).collect()
}

/// A bar with a resolution of an eighth of a character.
fn bar(count: u64, most: u64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (count * 8 * BAR as u64).div_ceil(most.max(1)) as usize;
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_differ_by_eighths_and_one_frame_is_visible() {
        assert_eq!(bar(1000, 1000).chars().count(), BAR);
        assert_eq!(bar(1, 1000), "▏");
        assert_eq!(bar(0, 1000), "");
        assert_eq!(bar(0, 0), "");
    }

    #[test]
    fn a_sparkline_has_a_mark_for_each_second() {
        assert_eq!(sparkline(&[0, 50, 100]), "▁▄█");
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn rows_are_round_and_reach_p99() {
        assert_eq!(rows(6_400, 18_000), (6_000, 2_000));
        assert_eq!(rows(10, 10), (0, 100));
        for (min, p99) in [(1, 1_000_000), (999, 1000), (5_000, 7_777)] {
            let (low, step) = rows(min, p99);
            assert!(low <= min && low + (ROWS + 1) * step > p99, "{min} {p99}");
        }
    }

    #[test]
    fn every_frame_is_in_a_row() {
        let mut total = Latency::default();
        (0..1000u64).for_each(|n| total.record(Duration::from_micros(5000 + n * n % 9000)));
        let text = histogram(&Timeline::default(), &total);
        let counts = text.lines().skip(2).filter_map(|line| line.split(' ').next_back()?.parse::<u64>().ok());
        assert_eq!(counts.sum::<u64>(), 1000, "{text}");
    }
}
