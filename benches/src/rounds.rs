//! The order of the runs: every case in every round, one broker right after the other.

/// The order of the brokers in a round: reversed in every other round, so that none is always first.
pub fn turns(brokers: usize, round: u32) -> Vec<usize> {
    let forwards = 0..brokers;
    if round % 2 == 1 { forwards.collect() } else { forwards.rev().collect() }
}

/// Every case of every round.
pub fn all(rounds: u32, cases: usize) -> impl Iterator<Item = (u32, usize)> {
    (1..=rounds).flat_map(move |round| turns(cases, round).into_iter().map(move |case| (round, case)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_always_first() {
        assert_eq!(turns(2, 1), [0, 1]);
        assert_eq!(turns(2, 2), [1, 0]);
        assert_eq!(turns(3, 3), [0, 1, 2]);
        assert_eq!(turns(1, 2), [0]);
    }

    #[test]
    fn rounds_come_one_after_the_other() {
        assert_eq!(all(2, 2).collect::<Vec<_>>(), [(1, 0), (1, 1), (2, 1), (2, 0)]);
    }
}
