//! Which records of a partition to read, so that a few of them show most of its sources and where each of them ended.
//!
//! ```text
//! offsets   ├──────────────┬──┬───────┬┬┬────────────────┬──┬─────────────┬────┤
//!            not read       A  A       A B B               B                C C C
//!                              └ A's end is looked for between here and the next look without A
//! ```
//! It is told what was seen and reads nothing itself. Sources mostly follow each other, or are there side by side: then the end
//! of each is found by halving. A source with few frames among many of others may be missed, or seem to have gone too early.

use std::collections::BTreeMap;
use std::ops::Range;

/// A look reads at least that many records, and twice as many as there are sources, so that each of several sources that are
/// there at once is probably among them.
const LOOK_RECORDS_MIN: i64 = 4;
const LOOK_RECORDS_MAX: i64 = 32;

#[derive(Debug)]
pub struct Survey {
    /// First offset → the offset behind the last one, of what was not read.
    gaps: BTreeMap<i64, i64>,
    sources: BTreeMap<String, Newest>,
}

/// Where a source was seen last.
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

    /// Enters a record that was read; `ended`: it is the end of its source's session.
    pub fn saw(&mut self, source: &str, offset: i64, ended: bool) {
        let newest = Newest { offset, ended };
        match self.sources.get_mut(source) {
            Some(known) if known.offset <= offset => *known = newest,
            Some(_) => {}
            None => drop(self.sources.insert(source.to_owned(), newest)),
        }
    }

    /// Enters that all records with these offsets were read.
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

    /// The number of records that were not read.
    pub fn unread(&self) -> i64 {
        self.gaps.iter().map(|(first, end)| end - first).sum()
    }

    /// What to read next; `None` once all was read.
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

    /// The gap in which a source's last record may be. `None` where that was seen, or where the records that follow the newest
    /// one were read and are all of others.
    fn gap_at_end(&self, newest: Newest) -> Option<Range<i64>> {
        let (&first, &end) = self.gaps.range(newest.offset..).next()?;
        let is_near = first - newest.offset <= self.look_records();
        (is_near && !newest.ended).then_some(first..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A partition: each record is of a source, and may be the end of its session.
    type Log = Vec<(&'static str, bool)>;

    /// So many records of each of these sources in turn, the last ones of each being the end of its session.
    fn together(sources: &[&'static str], rounds: usize) -> Log {
        let round = |ended: bool| sources.iter().map(move |source| (*source, ended));
        (1..rounds).flat_map(|_| round(false)).chain(round(true)).collect()
    }

    /// The sources that are seen in `looks` looks, with the offset at which each was seen last and whether it ended there; and
    /// the number of records that were read for that.
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
