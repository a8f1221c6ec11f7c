//! Kafka's two assignors, which distribute partitions among members.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::assignment::Assignment;

/// The strategy by which partitions are distributed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Assignor {
    /// The numbers of partitions of two members differ by at most one. If that permits, members keep their partitions.
    #[default]
    Uniform,
    /// Each topic is divided into ranges, in the order of the members, so that partitions with the same number go to
    /// the same member.
    Range,
}

impl Assignor {
    pub const ALL: [Assignor; 2] = [Assignor::Uniform, Assignor::Range];

    pub fn name(self) -> &'static str {
        match self {
            Assignor::Uniform => "uniform",
            Assignor::Range => "range",
        }
    }

    pub fn named(name: &str) -> Option<Assignor> {
        Assignor::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// The assignments of the members, in their order. `partitions` contains the number of partitions of every topic
    /// that a member reads.
    pub fn assign(self, members: &[Reader<'_>], partitions: &BTreeMap<Uuid, i32>) -> Vec<Assignment> {
        match self {
            Assignor::Uniform => uniform(members, partitions),
            Assignor::Range => range(members, partitions),
        }
    }
}

/// An assignor's view of a member.
pub struct Reader<'a> {
    pub topics: BTreeSet<Uuid>,
    /// The member's previous target.
    pub had: &'a Assignment,
}

/// The indexes of the members that read a topic.
fn readers(members: &[Reader<'_>], topic: Uuid) -> Vec<usize> {
    (0..members.len()).filter(|&nth| members[nth].topics.contains(&topic)).collect()
}

fn range(members: &[Reader<'_>], partitions: &BTreeMap<Uuid, i32>) -> Vec<Assignment> {
    let mut given = vec![Assignment::default(); members.len()];
    for (&topic, &count) in partitions {
        let readers = readers(members, topic);
        let of = i32::try_from(readers.len()).unwrap_or(i32::MAX).max(1);
        let (each, more) = (count / of, count % of);
        let mut next = 0;
        for (nth, member) in (0..).zip(readers) {
            let end = next + each + i32::from(nth < more);
            (next..end).for_each(|partition| given[member].add(topic, partition));
            next = end;
        }
    }
    given
}

fn uniform(members: &[Reader<'_>], partitions: &BTreeMap<Uuid, i32>) -> Vec<Assignment> {
    let still = |reader: &Reader<'_>, topic, partition| {
        reader.topics.contains(&topic) && partitions.get(&topic).is_some_and(|count| partition < *count)
    };
    let kept = |reader: &Reader<'_>| reader.had.filtered(|topic, partition| still(reader, topic, partition));
    let mut dealer = Dealer::new(members.iter().map(kept).collect());
    let readers: Vec<(Uuid, Vec<usize>)> = partitions.keys().map(|&topic| (topic, readers(members, topic))).collect();
    for (topic, readers) in &readers {
        let all = 0..partitions.get(topic).copied().unwrap_or(0);
        let taken: BTreeSet<i32> = readers.iter().flat_map(|&nth| dealer.of_topic(nth, *topic)).collect();
        all.filter(|partition| !taken.contains(partition))
            .for_each(|partition| dealer.deal(*topic, partition, readers));
    }
    // Levelling one topic may unbalance the readers of another, so this repeats until nothing moves. It ends, because
    // each move brings the loads of two members closer together.
    while readers.iter().fold(false, |moved, (topic, readers)| dealer.level(*topic, readers) || moved) {}
    dealer.given
}

/// Unfinished assignments, and the number of partitions in each.
struct Dealer {
    given: Vec<Assignment>,
    loads: Vec<usize>,
}

impl Dealer {
    fn new(given: Vec<Assignment>) -> Dealer {
        Dealer { loads: given.iter().map(Assignment::len).collect(), given }
    }

    fn of_topic(&self, member: usize, topic: Uuid) -> Vec<i32> {
        let of_topic = self.given[member].topics().filter(|(id, _)| *id == topic);
        of_topic.flat_map(|(_, partitions)| partitions.iter().copied()).collect()
    }

    fn least(&self, readers: &[usize]) -> Option<usize> {
        readers.iter().copied().min_by_key(|&nth| self.loads[nth])
    }

    fn deal(&mut self, topic: Uuid, partition: i32, readers: &[usize]) {
        if let Some(to) = self.least(readers) {
            self.given[to].add(topic, partition);
            self.loads[to] += 1;
        }
    }

    /// Moves partitions of a topic from the members with the most to those with the fewest. Returns true if any was
    /// moved.
    fn level(&mut self, topic: Uuid, readers: &[usize]) -> bool {
        let mut moved = false;
        loop {
            let holders = readers.iter().copied().filter(|&nth| self.given[nth].has_topic(topic));
            let (Some(from), Some(to)) = (holders.max_by_key(|&nth| self.loads[nth]), self.least(readers)) else {
                return moved;
            };
            if self.loads[from] <= self.loads[to] + 1 {
                return moved;
            }
            let Some(partition) = self.given[from].take_one(topic) else { return moved };
            self.loads[from] -= 1;
            self.given[to].add(topic, partition);
            self.loads[to] += 1;
            moved = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The topics that a member reads, and its previous partitions.
    type Wants<'a> = (&'a [u128], &'a [(u128, i32)]);

    fn topic(nth: u128) -> Uuid {
        Uuid::from_u128(nth)
    }

    /// The resulting assignments.
    fn assigned(assignor: Assignor, counts: &[i32], members: &[Wants<'_>]) -> Vec<Vec<(u128, i32)>> {
        let partitions = (0..).zip(counts).map(|(nth, count)| (topic(nth), *count)).collect();
        let had: Vec<Assignment> =
            members.iter().map(|(_, had)| had.iter().map(|&(nth, p)| (topic(nth), p)).collect()).collect();
        let readers = members.iter().zip(&had);
        let readers: Vec<Reader<'_>> = readers
            .map(|((topics, _), had)| Reader { topics: topics.iter().copied().map(topic).collect(), had })
            .collect();
        let given = assignor.assign(&readers, &partitions);
        given.iter().map(|a| a.partitions().map(|(id, p)| (id.as_u128(), p)).collect()).collect()
    }

    #[test]
    fn ranges_follow_the_members() {
        let both: &[u128] = &[0, 1];
        assert_eq!(
            assigned(Assignor::Range, &[3, 3], &[(both, &[]), (both, &[])]),
            [[(0, 0), (0, 1), (1, 0), (1, 1)].to_vec(), [(0, 2), (1, 2)].to_vec()]
        );
        assert_eq!(assigned(Assignor::Range, &[2], &[(&[0], &[]), (&[], &[])]), [vec![(0, 0), (0, 1)], vec![]]);
    }

    #[test]
    fn a_second_member_takes_half_and_the_first_keeps_the_other() {
        let had: &[(u128, i32)] = &[(0, 0), (0, 1), (0, 2), (0, 3)];
        let one: &[u128] = &[0];
        assert_eq!(assigned(Assignor::Uniform, &[4], &[(one, had), (one, &[])]), [[(0, 0), (0, 1)], [(0, 2), (0, 3)]]);
    }

    #[test]
    fn deleted_partitions_are_not_kept() {
        assert_eq!(assigned(Assignor::Uniform, &[1], &[(&[0], &[(0, 0), (0, 5), (7, 0)])]), [[(0, 0)]]);
    }

    #[test]
    fn a_member_with_fewer_topics_gets_only_those() {
        let had: &[(u128, i32)] = &[(0, 0), (0, 1), (1, 0), (1, 1)];
        let given = assigned(Assignor::Uniform, &[2, 2], &[(&[0, 1], had), (&[1], &[])]);
        assert_eq!(given, [[(0, 0), (0, 1)], [(1, 0), (1, 1)]]);
    }

    proptest! {
        #[test]
        fn every_partition_is_read_once_and_loads_are_even(
            counts in prop::collection::vec(0..6i32, 1..5),
            reads in prop::collection::vec(prop::collection::vec(any::<bool>(), 5), 1..6),
            range: bool,
        ) {
            let topics = |reads: &Vec<bool>| (0..counts.len() as u128).filter(|&t| reads[t as usize]).collect::<Vec<_>>();
            let topics: Vec<Vec<u128>> = reads.iter().map(topics).collect();
            let members: Vec<Wants<'_>> = topics.iter().map(|t| (&t[..], &[][..])).collect();
            let assignor = if range { Assignor::Range } else { Assignor::Uniform };
            let given = assigned(assignor, &counts, &members);
            for (nth, count) in (0..).zip(&counts) {
                let mut all: Vec<i32> = given.iter().flatten().filter(|(t, _)| *t == nth).map(|(_, p)| *p).collect();
                all.sort_unstable();
                let read = topics.iter().any(|t| t.contains(&nth));
                prop_assert_eq!(all, (0..if read { *count } else { 0 }).collect::<Vec<_>>());
            }
            for (mine, topics) in given.iter().zip(&topics) {
                prop_assert!(mine.iter().all(|(t, _)| topics.contains(t)));
            }
            if !range && reads.iter().all(|r| *r == reads[0]) {
                let loads = || given.iter().map(Vec::len);
                prop_assert!(loads().max() <= loads().min().map(|least| least + 1));
            }
        }
    }
}
