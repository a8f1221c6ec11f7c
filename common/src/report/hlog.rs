//! Writes HdrHistogram's interval log (`.hlog`): a histogram for each second, for HistogramLogAnalyzer and
//! HistogramLogProcessor.
//!
//! The total has no tag; each stage is tagged with its name. Values are in ns, which those tools assume.

use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::row::Row;
use crate::time::Stage;
use crate::time::latency::{Ahead, LATENCY_US_MAX};

const ACKNOWLEDGE: &str = "acknowledge";
/// Divisor that turns the maximum of an interval into ms, as it is meant for people.
const NS_PER_MS: f64 = 1e6;

/// Produces the text of the log, interval by interval.
pub struct IntervalLog {
    serializer: V2DeflateSerializer,
    total: Histogram<u64>,
    stages: [Histogram<u64>; Stage::ALL.len()],
    acknowledge: Histogram<u64>,
}

impl Default for IntervalLog {
    fn default() -> IntervalLog {
        let empty = || Histogram::new(3).expect("three digits are within what HdrHistogram takes");
        IntervalLog {
            serializer: V2DeflateSerializer::new(),
            total: empty(),
            stages: std::array::from_fn(|_| empty()),
            acknowledge: empty(),
        }
    }
}

impl IntervalLog {
    /// The beginning of the log; `wall_us` is the time at which the recorded run began.
    pub fn header(&mut self, program: &str, wall_us: u64) -> Vec<u8> {
        let mut log = Vec::new();
        let mut header = IntervalLogWriterBuilder::new();
        header
            .add_comment(&format!("[{program}: latency in ns; the stages are tagged]"))
            .add_comment("[Histogram log format version 1.3]")
            .with_start_time(UNIX_EPOCH + Duration::from_micros(wall_us));
        header.begin_log_with(&mut log, &mut self.serializer).expect("a Vec takes all that is written");
        log.extend(b"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n");
        log
    }

    /// Records the frames of an interval. Records none if so many seem to have arrived before they were sent that no
    /// latency can be stated.
    pub fn record(&mut self, rows: &[Row]) {
        let mut ahead = Ahead::default();
        rows.iter().filter(|row| row.tiles.is_none()).for_each(|row| ahead.note(&row.stamps, row.base));
        if ahead.of(rows.len() as u64).is_none() {
            rows.iter().for_each(|row| self.record_one(row));
        }
    }

    fn record_one(&mut self, row: &Row) {
        let Some(tiles) = row.counted() else { return };
        record(&mut self.total, tiles.total());
        tiles.iter().for_each(|(stage, duration)| record(&mut self.stages[stage as usize], duration));
        row.acknowledge.into_iter().for_each(|duration| record(&mut self.acknowledge, duration));
    }

    /// Ends an interval and begins the next. A second without frames has a line too, so that a stall is visible.
    pub fn interval(&mut self, began_wall_us: u64, length: Duration) -> Vec<u8> {
        let mut log = Vec::new();
        let mut writer = IntervalLogWriterBuilder::new()
            .with_max_value_divisor(NS_PER_MS)
            .begin_log_with(&mut log, &mut self.serializer)
            .expect("a Vec takes all that is written");
        let mut write = |histogram: &mut Histogram<u64>, tag: Option<&'static str>| {
            if tag.is_none() || !histogram.is_empty() {
                let began = Duration::from_micros(began_wall_us);
                writer
                    .write_histogram(histogram, began, length, tag.and_then(Tag::new))
                    .expect("a Vec takes all that is written, and counts fit into 64 bits");
            }
            histogram.reset();
        };
        write(&mut self.total, None);
        for stage in Stage::ALL {
            write(&mut self.stages[stage as usize], Some(stage.name()));
        }
        write(&mut self.acknowledge, Some(ACKNOWLEDGE));
        // Each writer begins with a comment about its divisor, which is left out.
        let comment = log.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        log.split_off(comment)
    }
}

impl std::fmt::Debug for IntervalLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IntervalLog({} frames)", self.total.len())
    }
}

fn record(histogram: &mut Histogram<u64>, duration: Duration) {
    let us = (duration.as_micros() as u64).min(LATENCY_US_MAX);
    histogram.record(us * 1000).expect("the histogram grows by itself");
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::super::row::tests::row;
    use super::*;
    use crate::time::{Micros, Stamps, TimeBase};

    #[test]
    fn an_interval_in_which_the_clocks_disagree_has_no_frames() {
        let frames = |ahead: usize, base: TimeBase| {
            let mut log = IntervalLog::default();
            let stamps = Stamps { published: Micros(9), received: Micros(5), ..Stamps::default() };
            let early = Row { stamps, base, tiles: None, ..row(7) };
            let rows: Vec<Row> = (0..100).map(|n| if n < ahead { early.clone() } else { row(7) }).collect();
            log.record(&rows);
            log.total.len()
        };
        assert_eq!([0, 2, 3, 100].map(|ahead| frames(ahead, TimeBase::WallClocks)), [100, 98, 0, 0]);
        // On a single host the headers of those frames are wrong, not the clocks.
        assert_eq!(frames(3, TimeBase::SameHost), 97);
    }

    #[test]
    fn hdrhistogram_reads_what_was_written() {
        let mut log = IntervalLog::default();
        let mut text = log.header("vidprod", 1_700_000_000_000_000);
        for second in 0..3u64 {
            log.record(&(0..second).map(|n| row(1000 * (n + 1))).collect::<Vec<_>>());
            text.extend(log.interval(1_700_000_000_000_000 + second * 1_000_000, Duration::from_secs(1)));
        }
        let mut read = Vec::new();
        for entry in IntervalLogIterator::new(&text) {
            if let LogEntry::Interval(interval) = entry.expect("it is a log") {
                let bytes = STANDARD.decode(interval.encoded_histogram()).expect("it is base64");
                let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).expect("a histogram");
                let tag = interval.tag().map_or("total".to_owned(), |tag| tag.as_str().to_owned());
                read.push((
                    interval.start_timestamp().as_secs() - 1_700_000_000,
                    tag,
                    histogram.len(),
                    histogram.max(),
                ));
            }
        }
        let of = |tag: &str| -> Vec<(u64, u64, u64)> {
            read.iter().filter(|r| r.1 == tag).map(|r| (r.0, r.2, r.3 / 10_000)).collect()
        };
        assert_eq!(of("total"), [(0, 0, 0), (1, 1, 101), (2, 2, 201)]);
        assert_eq!(of("encode"), [(1, 1, 100), (2, 2, 200)]);
        assert_eq!(of("acknowledge").len(), 2);
        assert!(of("broker").is_empty());
    }
}
