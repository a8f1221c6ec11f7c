//! Gaps in reading: a member of a group does not read the records that other members read while they had the partition.

use std::collections::BTreeMap;

/// Numbers the stretches in which this member reads a partition without a gap.
#[derive(Default, Debug)]
pub struct Stretches {
    /// For each partition: the next offset, and the number of the stretch.
    partitions: BTreeMap<i32, (i64, u64)>,
    /// Number of gaps.
    gaps: u64,
}

impl Stretches {
    /// Enters a record; returns the number of its stretch.
    pub fn note(&mut self, partition: i32, offset: i64) -> u64 {
        let (next, stretch) = self.partitions.entry(partition).or_insert((offset, 0));
        if offset > *next {
            self.gaps += 1;
            *stretch = self.gaps;
        }
        *next = (offset + 1).max(*next);
        *stretch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_in_the_offsets_of_a_partition_begins_a_new_stretch() {
        let mut stretches = Stretches::default();
        let records = [(0, 100), (0, 101), (1, 7), (0, 150), (1, 8), (0, 151), (0, 140), (0, 141), (0, 152), (1, 20)];
        let numbers: Vec<u64> = records.iter().map(|&(partition, offset)| stretches.note(partition, offset)).collect();
        assert_eq!(numbers, [0, 0, 0, 1, 0, 1, 1, 1, 1, 2]);
    }
}
