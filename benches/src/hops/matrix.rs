//! The cells of the table.

use common::words::count;
use std::fmt;

use super::args::KafkaArgs;
use crate::hop::case::Case;

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cell {
    pub bytes: usize,
    pub case: Case,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cell { bytes, case } = self;
        let Case { acks, linger_ms, consumers, .. } = case;
        write!(f, "{bytes} bytes, acks {acks}, linger {linger_ms}, {}", count(*consumers, "consumer"))
    }
}

/// Every combination. The brokers of one combination follow each other, so that noise on the machine affects all of
/// them.
pub fn cells(args: &KafkaArgs, brokers: usize) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    for &bytes in &args.sizes {
        let fps = fps(args, bytes);
        for &acks in &args.acks {
            for &linger_ms in &args.linger {
                for &consumers in &args.consumers {
                    for broker in 0..brokers {
                        let case = Case { round: 0, broker, fps, consumers, acks, linger_ms };
                        let cell = Cell { bytes, case };
                        // Settings given twice are measured once.
                        cells.extend((!cells.contains(&cell)).then_some(cell));
                    }
                }
            }
        }
    }
    cells
}

/// A rate at which a message never waits for the one before.
pub fn fps(args: &KafkaArgs, bytes: usize) -> f64 {
    args.fps.min(args.bytes_per_second.0 as f64 / bytes as f64)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        kafka: KafkaArgs,
    }

    fn typed(args: &[&str]) -> KafkaArgs {
        Typed::try_parse_from([&["kafka"], args].concat()).expect("it parses").kafka
    }

    #[test]
    fn the_table_has_a_cell_for_every_combination() {
        assert_eq!(cells(&typed(&[]), 3).len(), 4 * 3 * 2 * 2 * 3);
        assert_eq!(cells(&typed(&["--sizes", "10k,10k", "--acks", "all", "--linger", "0"]), 1).len(), 2);
    }

    #[test]
    fn large_messages_come_more_seldom() {
        let args = typed(&["--bytes-per-second", "6M"]);
        let check = |bytes: usize, expected: f64| assert_eq!(fps(&args, bytes), expected, "{bytes}");
        check(10_000, 30.0);
        check(100_000, 30.0);
        check(1_000_000, 6.0);
        check(4_000_000, 1.5);
    }

    #[test]
    fn sizes_have_bounds() {
        for bad in ["10", "9M", "large"] {
            assert!(Typed::try_parse_from(["kafka", "--sizes", bad]).is_err(), "{bad}");
        }
    }
}
