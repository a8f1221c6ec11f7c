//! Decides which records of a partition to read, so that few of them show most of its sources and the end of each.
//!
//! ```text
//! offsets   ├──────────────┬──┬───────┬┬┬────────────────┬──┬─────────────┬────┤
//!            not read       A  A       A B B               B                C C C
//!                              └ A's end is looked for between here and the next look without A
//! ```
//! This type does not read records itself; it is given the results. Sources mostly follow each other or run in
//! parallel, so the end of each can be found by bisection. A source with few frames among many of others may be missed,
//! or may seem to have ended too early.

use std::collections::BTreeMap;
use std::ops::Range;

/// Smallest number of records in a look. A look reads twice as many records as there are sources, so that each of
/// several parallel sources is probably among them.
const LOOK_RECORDS_MIN: i64 = 4;
const LOOK_RECORDS_MAX: i64 = 32;

#[derive(Debug)]
pub struct Survey {
    /// Ranges that were not read: first offset → offset after the last one.
    gaps: BTreeMap<i64, i64>,
    sources: BTreeMap<String, Newest>,
}

/// The last record seen of a source.
#[derive(Clone, Copy, Debug)]
struct Newest {
    offset: i64,
    ended: bool,
}

impl Survey {
    pub fn new(offsets: Range<i64>) -> Survey {
        let gaps = (!offsets.is_empty()).then_some((offsets.start, offsets.end));
        Survey { gaps: gaps.into_iter().collect(), sources: BTreeMap::new() }
    }

    /// Enters a record that was read; `ended` is true if it is the end of its source's session.
    pub fn saw(&mut self, source: &str, offset: i64, ended: bool) {
        let newest = Newest { offset, ended };
        match self.sources.get_mut(source) {
            Some(known) if known.offset <= offset => *known = newest,
            Some(_) => {}
            None => drop(self.sources.insert(source.to_owned(), newest)),
        }
    }

    /// Marks a range of offsets as read.
    pub fn was_read(&mut self, offsets: Range<i64>) {
        let overlapping: Vec<(i64, i64)> = self.gaps.range(..offsets.end).map(|(&first, &end)| (first, end)).collect();
        for (first, end) in overlapping.into_iter().filter(|(_, end)| *end > offsets.start) {
            self.gaps.remove(&first);
            if first < offsets.start {
                self.gaps.insert(first, offsets.start);
            }
            if end > offsets.end {
                self.gaps.insert(offsets.end, end);
            }
        }
    }

    /// Number of records that were not read.
    pub fn unread(&self) -> i64 {
        self.gaps.iter().map(|(first, end)| end - first).sum()
    }

    /// The range to read next; `None` once everything was read.
    pub fn next_look(&self) -> Option<Range<i64>> {
        let ends = self.sources.values().filter_map(|newest| self.gap_at_end(*newest));
        let largest = || self.gaps.iter().map(|(&first, &end)| first..end).max_by_key(|gap| gap.end - gap.start);
        let gap = ends.min_by_key(|gap| gap.end - gap.start).or_else(largest)?;
        let records = self.look_records();
        if gap.end - gap.start <= 2 * records {
            return Some(gap);
        }
        let middle = gap.start + (gap.end - gap.start) / 2;
        Some(middle..middle + records)
    }

    fn look_records(&self) -> i64 {
        (2 * self.sources.len() as i64).clamp(LOOK_RECORDS_MIN, LOOK_RECORDS_MAX)
    }

    /// The gap in which a source's last record may be. `None` if that was seen, or if the records after the newest one
    /// were read and all belong to other sources.
    fn gap_at_end(&self, newest: Newest) -> Option<Range<i64>> {
        let (&first, &end) = self.gaps.range(newest.offset..).next()?;
        let is_near = first - newest.offset <= self.look_records();
        (is_near && !newest.ended).then_some(first..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A partition: the source of each record, and true if the record is the end of a session.
    type Log = Vec<(&'static str, bool)>;

    /// Records of these sources in turn, `rounds` of each, the last of which is the end of its session.
    fn together(sources: &[&'static str], rounds: usize) -> Log {
        let round = |ended: bool| sources.iter().map(move |source| (*source, ended));
        (1..rounds).flat_map(|_| round(false)).chain(round(true)).collect()
    }

    /// Returns the sources seen in `looks` looks, each with the offset of its last record and true if it ended there,
    /// and the number of records read.
    fn survey(log: &Log, looks: usize) -> (Vec<(String, i64, bool)>, usize) {
        let mut survey = Survey::new(0..log.len() as i64);
        let mut records = 0;
        let mut look = Some(log.len().saturating_sub(100) as i64..log.len() as i64);
        for _ in 0..looks {
            let Some(range) = look else { break };
            for offset in range.clone() {
                let (source, ended) = log[offset as usize];
                survey.saw(source, offset, ended);
            }
            records += range.clone().count();
            survey.was_read(range);
            look = survey.next_look();
        }
        assert_eq!(survey.unread() as usize, log.len() - records, "no record is read twice");
        (survey.sources.into_iter().map(|(name, newest)| (name, newest.offset, newest.ended)).collect(), records)
    }

    #[test]
    fn sources_that_followed_each_other_are_found_with_their_ends() {
        let live = (0..20_000).map(|_| ("c", false));
        let log: Log = together(&["a"], 30_000).into_iter().chain(together(&["b"], 9000)).chain(live).collect();
        let (sources, records) = survey(&log, 60);
        let expected = [("a", 29_999, true), ("b", 38_999, true), ("c", 58_999, false)];
        assert_eq!(sources, expected.map(|(name, offset, ended)| (name.to_owned(), offset, ended)));
        assert!(records < 600, "{records} of {} records were read", log.len());
    }

    #[test]
    fn sources_side_by_side_are_found_with_their_ends() {
        let first = ["a", "b", "c", "d", "e", "f"];
        let log: Log = together(&first, 2000).into_iter().chain(together(&["g"], 10_000)).collect();
        let (sources, _) = survey(&log, 60);
        assert_eq!(sources.len(), 7);
        assert!(sources.iter().all(|(.., ended)| *ended), "{sources:?}");
    }

    #[test]
    fn a_producer_that_was_killed_has_a_last_record_and_no_end() {
        let log: Log = (0..5000).map(|_| ("a", false)).chain(together(&["b"], 5000)).collect();
        let (sources, _) = survey(&log, 60);
        assert_eq!(sources[0], ("a".to_owned(), 4999, false));
    }

    #[test]
    fn a_short_partition_is_read_whole() {
        let log = [together(&["a"], 150), together(&["b"], 150), together(&["c"], 3)].concat();
        let (sources, records) = survey(&log, 1000);
        assert_eq!((sources.len(), records), (3, 303));
        assert_eq!(survey(&Log::new(), 10), (vec![], 0));
    }
}
