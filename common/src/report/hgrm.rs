//! Writes HdrHistogram's percentile format (`.hgrm`), for HdrHistogram's own plotter.

use std::fmt::Write;

use crate::time::Latency;

/// Number of steps for each halving of the distance to 100 %.
const TICKS_PER_HALF: u32 = 5;

/// The distribution as text, in ms.
pub fn percentiles(latency: &Latency) -> String {
    let h = latency.histogram();
    let mut text = String::from("       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
    let mut below = 0;
    for point in h.iter_quantiles(TICKS_PER_HALF) {
        below += point.count_since_last_iteration();
        let quantile = point.quantile_iterated_to();
        let ms = point.value_iterated_to() as f64 / 1000.0;
        // Writing into a String cannot fail.
        let _ = if quantile < 1.0 {
            writeln!(text, "{ms:12.3} {quantile:2.12} {below:10} {:14.2}", 1.0 / (1.0 - quantile))
        } else {
            writeln!(text, "{ms:12.3} {quantile:2.12} {below:10}")
        };
    }
    let _ = writeln!(text, "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]", h.mean() / 1000.0, h.stdev() / 1000.0);
    let _ = writeln!(text, "#[Max     = {:12.3}, Total count    = {:12}]", h.max() as f64 / 1000.0, h.len());
    let _ = writeln!(text, "#[Buckets = {:12}, SubBuckets     = {:12}]", h.buckets(), 2048);
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ends_at_the_largest_value_and_counts_all() {
        let mut latency = Latency::default();
        (1..=100).for_each(|n| latency.record(Duration::from_millis(n)));
        let text = percentiles(&latency);
        let last = text.lines().rfind(|l| !l.starts_with('#')).expect("there are rows");
        assert_eq!(last.split_whitespace().collect::<Vec<_>>(), ["100.031", "1.000000000000", "100"]);
        assert!(text.contains("Total count    =          100"));
    }
}
