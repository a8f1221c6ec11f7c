//! Compares the brokers with each other, and many consumers with one, round by round.

use common::time::Latency;

use super::HopResult;
use super::case::Measured;
use crate::stats::Spread;

/// A percentile to compare, and the goal for the ratio.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Figure {
    pub name: &'static str,
    quantile: f64,
    pub goal: f64,
}

const BETWEEN_BROKERS: [Figure; 2] =
    [Figure { name: "p50", quantile: 0.5, goal: 0.7 }, Figure { name: "p99", quantile: 0.99, goal: 0.5 }];
const MORE_CONSUMERS: [Figure; 2] =
    [Figure { name: "p50", quantile: 0.5, goal: 1.5 }, Figure { name: "p99", quantile: 0.99, goal: 1.5 }];

/// One side of a ratio.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Side {
    pub broker: usize,
    pub fps: f64,
    pub consumers: usize,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Ratio {
    pub of: Side,
    pub to: Side,
    pub figure: Figure,
    pub spread: Spread,
}

impl Ratio {
    pub fn met(&self) -> bool {
        self.spread.median <= self.figure.goal
    }
}

/// Compares each broker with the real Kafka, or with the last broker if the real one was not measured.
pub fn between_brokers(result: &HopResult) -> Vec<Ratio> {
    let names = result.brokers.iter().map(|b| b.name.as_str());
    let base = names.clone().position(|name| name == "real").unwrap_or(names.len().saturating_sub(1));
    let others = sides(&result.measured).into_iter().filter(|of| of.broker != base);
    others
        .flat_map(|of| BETWEEN_BROKERS.map(|figure| ratio(&result.measured, of, Side { broker: base, ..of }, figure)))
        .flatten()
        .collect()
}

/// Compares the largest number of consumers with the smallest.
pub fn more_consumers(result: &HopResult) -> Vec<Ratio> {
    let counts = result.measured.iter().map(|m| m.case.consumers);
    let (Some(fewest), Some(most)) = (counts.clone().min(), counts.max()) else { return Vec::new() };
    let most_of = sides(&result.measured).into_iter().filter(|of| of.consumers == most && most > fewest);
    most_of
        .flat_map(|of| {
            MORE_CONSUMERS.map(|figure| ratio(&result.measured, of, Side { consumers: fewest, ..of }, figure))
        })
        .flatten()
        .collect()
}

/// Returns every case once, in the order of the table: by broker, rate and consumers.
pub fn sides(measured: &[Measured]) -> Vec<Side> {
    let mut sides: Vec<Side> = Vec::new();
    for side in measured.iter().map(Side::of) {
        if !sides.contains(&side) {
            sides.push(side);
        }
    }
    sides.sort_by(|a, b| {
        let rates = a.fps.total_cmp(&b.fps);
        a.broker.cmp(&b.broker).then(rates).then(a.consumers.cmp(&b.consumers))
    });
    sides
}

impl Side {
    pub fn of(measured: &Measured) -> Side {
        let case = measured.case;
        Side { broker: case.broker, fps: case.fps, consumers: case.consumers }
    }
}

/// The ratio over the rounds that have both sides; `None` if there is none.
fn ratio(measured: &[Measured], of: Side, to: Side, figure: Figure) -> Option<Ratio> {
    let find = |side: Side, round: u32| measured.iter().find(|m| m.case.round == round && Side::of(m) == side);
    let at = |latency: &Latency| latency.histogram().value_at_quantile(figure.quantile) as f64;
    let pairs = measured.iter().filter(|m| Side::of(m) == of).filter_map(|m| {
        let other = find(to, m.case.round)?;
        Some((at(&m.from_send), at(&other.from_send)))
    });
    Spread::of_ratios(pairs).map(|spread| Ratio { of, to, figure, spread })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::case::Case;
    use super::*;
    use crate::acks::Acks;
    use crate::failed::Failed;

    fn took(round: u32, broker: usize, consumers: usize, us: u64) -> Measured {
        let mut from_send = Latency::default();
        from_send.record(Duration::from_micros(us));
        let case = Case { round, broker, fps: 30.0, consumers, acks: Acks::All, linger_ms: 0 };
        Measured { case, from_due: from_send.clone(), from_send }
    }

    fn side(broker: usize, consumers: usize) -> Side {
        Side { broker, fps: 30.0, consumers }
    }

    #[test]
    fn a_ratio_is_of_the_same_round() {
        let measured = [
            took(1, 0, 1, 100),
            took(1, 1, 1, 200),
            took(2, 1, 1, 2000),
            took(2, 0, 1, 1500),
            took(3, 0, 1, 100),
            took(3, 1, 1, 400),
            took(4, 0, 1, 100), // broker 1 has no fourth round
        ];
        let ratio = ratio(&measured, side(0, 1), side(1, 1), BETWEEN_BROKERS[0]).expect("three rounds have both");
        assert_eq!(format!("{}", ratio.spread), "0.50 (0.25…0.75)");
        assert!(ratio.met());
    }

    #[test]
    fn without_the_other_side_there_is_no_ratio() {
        assert_eq!(ratio(&[took(1, 0, 1, 100)], side(0, 1), side(1, 1), BETWEEN_BROKERS[0]), None);
    }

    #[test]
    fn more_consumers_are_compared_to_the_fewest() {
        let measured = vec![took(1, 0, 1, 100), took(1, 0, 2, 110), took(1, 0, 3, 160)];
        let result = HopResult { brokers: Vec::new(), measured, failed: Failed::default(), interrupted: false };
        let ratios = more_consumers(&result);
        assert_eq!(ratios.len(), 2);
        assert_eq!((ratios[0].of, ratios[0].to, ratios[0].met()), (side(0, 3), side(0, 1), false));
    }
}
