//! The cases: every combination of the requested settings.

use super::args::RunArgs;
use crate::brokers::Broker;
use crate::e2e::{Input, Setup};

#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// Index into the started brokers.
    pub broker: usize,
    pub setup: Setup,
}

impl Case {
    pub fn label(&self, brokers: &[Broker]) -> String {
        let Setup { size, fps, acks, message_bytes_max, .. } = &self.setup;
        let limit = message_bytes_max.map_or(String::new(), |bytes| format!(", limit {bytes}"));
        format!("{}, {size} {fps} fps, acks {acks}{limit}", brokers[self.broker].name)
    }
}

/// All cases. The brokers of one case follow each other, so that noise on the machine affects all of them.
pub fn cases(args: &RunArgs, brokers: usize) -> Vec<Case> {
    let limits: Vec<Option<usize>> =
        if args.limit.is_empty() { vec![None] } else { args.limit.iter().map(|bytes| Some(bytes.0)).collect() };
    let input = args.clip.clone().map_or(Input::TestCard, Input::Clip);
    let mut cases: Vec<Case> = Vec::new();
    for size in &args.sizes {
        for &fps in &args.fps {
            for &message_bytes_max in &limits {
                for &acks in &args.acks {
                    let setup = Setup {
                        input: input.clone(),
                        size: size.clone(),
                        fps,
                        acks,
                        message_bytes_max,
                        sources: 1,
                        viewers: 1,
                        warmup: args.times.warm.duration(),
                        seconds: args.times.seconds.duration(),
                        verify_pixels: true,
                    };
                    cases.extend((0..brokers).map(|broker| Case { broker, setup: setup.clone() }));
                }
            }
        }
    }
    // Settings given twice are measured once.
    let mut once: Vec<Case> = Vec::new();
    cases.into_iter().for_each(|case| once.extend((!once.contains(&case)).then_some(case)));
    once
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::acks::Acks;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        run: RunArgs,
    }

    fn cases_of(args: &[&str], brokers: usize) -> Vec<Case> {
        cases(&Typed::try_parse_from([&["run"], args].concat()).expect("it parses").run, brokers)
    }

    #[test]
    fn every_combination_is_a_case() {
        let check = |args: &[&str], brokers: usize, count: usize| {
            assert_eq!(cases_of(args, brokers).len(), count, "{args:?}");
        };
        check(&[], 1, 1);
        check(&[], 3, 3);
        check(&["--sizes", "360p,4k", "--fps", "30,60", "--acks", "all,1,0"], 2, 24);
        check(&["--limit", "1M,50k"], 1, 2);
        check(&["--fps", "30,30"], 2, 2);
    }

    #[test]
    fn brokers_of_one_case_stand_beside_each_other() {
        let cases = cases_of(&["--acks", "all,0"], 2);
        let order: Vec<_> = cases.iter().map(|case| (case.setup.acks, case.broker)).collect();
        assert_eq!(order, [(Acks::All, 0), (Acks::All, 1), (Acks::Zero, 0), (Acks::Zero, 1)]);
    }
}
