//! `vidbench hop` and `kafka`: the latency of messages that are sent when they are due.

use std::process::ExitCode;

use common::report::Summary;
use common::time::Latency;

use super::args::MessageArgs;
use super::payload::Payload;
use super::report::{CLIENTS, HopCase, HopFigures, HopRatio, HopResult, HopRound, HopSettings, hop_text};
use super::schedule;
use super::topic::{TopicSettings, topic_name};
use super::transfer::{Sending, Transfer, Transferred};
use crate::brokers::{self, StartedBroker};
use crate::control::Control;
use crate::experiment::{CaseRun, Experiment, Rounds};
use crate::spread::merged;

/// The percentiles that are compared, and the largest allowed ratio to the real Kafka and to fewer consumers.
const FIGURES: [(&str, f64, f64); 2] = [("p50", 0.7, 1.5), ("p99", 0.5, 1.5)];

/// `command` is the name under which this was called.
pub fn run(command: &str, args: &MessageArgs, control: Control<'_>) -> anyhow::Result<ExitCode> {
    args.check()?;
    let mut experiment = Experiment::start(control);
    let brokers = args.compare.start(control)?;
    let cases = cases(args, &brokers);
    let labels: Vec<String> = cases.iter().map(HopCase::to_string).collect();
    let rounds = experiment.rounds(args.compare.rounds, &labels, |round, case| {
        let (topic, broker) = (topic_name(command, round, case), &brokers[case % brokers.len()]);
        measure(&cases[case], &topic, broker, args, control)
    });
    let figures = figures(&cases, &rounds, &brokers[brokers::base(&brokers)].name, command == "kafka");
    let report = experiment.report(command, &brokers, settings(args), figures);
    experiment.finish(&report, args.compare.report.as_ref(), &hop_text(&report, &args.times.describe()))
}

/// Every combination once. The brokers of a combination follow each other, so that noise on the machine affects all.
fn cases(args: &MessageArgs, brokers: &[StartedBroker]) -> Vec<HopCase> {
    let mut cases: Vec<HopCase> = Vec::new();
    for &bytes in &args.sizes {
        for &fps in &args.fps {
            for acks in &args.acks {
                for &linger_ms in &args.linger {
                    for &consumers in &args.consumers {
                        let (fps, acks) = (args.rate(bytes, fps), acks.clone());
                        let case = HopCase { broker: String::new(), bytes, acks, linger_ms, consumers, fps };
                        cases.extend((!cases.contains(&case)).then_some(case));
                    }
                }
            }
        }
    }
    let of_brokers = |case: HopCase| brokers.iter().map(move |b| HopCase { broker: b.name.clone(), ..case.clone() });
    cases.into_iter().flat_map(of_brokers).collect()
}

fn measure(
    case: &HopCase,
    topic: &str,
    broker: &StartedBroker,
    args: &MessageArgs,
    control: Control<'_>,
) -> anyhow::Result<Option<Transferred>> {
    let warmup = schedule::count(args.times.warm(), case.fps);
    let count = warmup + schedule::count(args.times.seconds(), case.fps);
    let (payload, settings) = (Payload::new(case.bytes), TopicSettings::new(case.bytes, &case.acks, case.linger_ms));
    let sending = Sending::Paced { fps: case.fps, count };
    let transfer =
        Transfer { broker, topic, settings: &settings, payload: &payload, sending, consumers: case.consumers, warmup };
    transfer.run(control)?.map(Transferred::complete).transpose()
}

fn settings(args: &MessageArgs) -> HopSettings {
    HopSettings {
        common: args.compare.settings(Some(&args.times)),
        clients: CLIENTS.to_owned(),
        bytes: args.sizes.first().copied().filter(|_| args.sizes.len() == 1),
        fps: args.fps.clone(),
        consumers: args.consumers.clone(),
        fps_max: args.fps.iter().copied().fold(0.0, f64::max),
        bytes_per_second_max: args.bytes_per_second.map(|limit| limit.0),
    }
}

/// `unnamed` repeats the latency from the send call in each round without its name, as `vidbench kafka` always did.
fn figures(cases: &[HopCase], rounds: &Rounds<Transferred>, base: &str, unnamed: bool) -> HopFigures {
    let consumers = || cases.iter().map(|case| case.consumers);
    let (fewest, most) = (consumers().min().unwrap_or(0), consumers().max().unwrap_or(0));
    let mut between_brokers = Vec::new();
    for of in cases.iter().filter(|case| case.broker != base) {
        let to = HopCase { broker: base.to_owned(), ..of.clone() };
        between_brokers.extend(FIGURES.iter().filter_map(|(name, goal, _)| ratio(cases, rounds, of, &to, name, *goal)));
    }
    let mut more_consumers = Vec::new();
    for of in cases.iter().filter(|case| case.consumers == most && most > fewest) {
        let to = HopCase { consumers: fewest, ..of.clone() };
        more_consumers.extend(FIGURES.iter().filter_map(|(name, _, goal)| ratio(cases, rounds, of, &to, name, *goal)));
    }
    let results = cases.iter().enumerate().filter_map(|(index, case)| result(case, rounds.of(index), unnamed));
    HopFigures { cases: results.collect(), between_brokers, more_consumers }
}

/// The figures of a case over its rounds; `None` if it was never run.
fn result<'a>(
    case: &HopCase,
    runs: impl Iterator<Item = &'a CaseRun<Transferred>> + Clone,
    unnamed: bool,
) -> Option<HopResult> {
    let merged =
        |latency: fn(&Transferred) -> &Latency| Summary::from(&merged(runs.clone().map(|run| latency(&run.result))));
    let round = |run: &CaseRun<Transferred>| {
        let [from_send, from_due] = [&run.result.from_send, &run.result.from_due].map(Summary::from);
        let (from_send_us, from_due_us) = (Some(from_send), Some(from_due));
        HopRound { unnamed: unnamed.then_some(from_send), round: Some(run.round), from_send_us, from_due_us }
    };
    runs.clone().next()?;
    Some(HopResult {
        case: case.clone(),
        from_send_us: merged(|done| &done.from_send),
        from_due_us: Some(merged(|done| &done.from_due)),
        rounds: runs.map(round).collect(),
    })
}

/// `None` if one of the cases does not exist or they have no round in common.
fn ratio(
    cases: &[HopCase],
    rounds: &Rounds<Transferred>,
    of: &HopCase,
    to: &HopCase,
    figure: &str,
    goal: f64,
) -> Option<HopRatio> {
    let index = |case: &HopCase| cases.iter().position(|other| other == case);
    let ratio = rounds.ratio(index(of)?, index(to)?, |done| done.at(figure))?;
    let (of, to) = (of.clone(), to.clone());
    Some(HopRatio { of, to, figure: figure.to_owned(), ratio, goal, met: ratio.median <= goal })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::rounds;
    use crate::messages::args::tests::typed;
    use crate::messages::transfer::tests::took;

    fn case(broker: &str, consumers: usize) -> HopCase {
        HopCase { broker: broker.to_owned(), consumers, ..HopCase::default() }
    }

    fn brokers(names: &[&str]) -> Vec<StartedBroker> {
        names.iter().map(|name| brokers::running(name, "127.0.0.1:1")).collect()
    }

    #[test]
    fn every_combination_is_a_case_for_all_brokers_in_turn() {
        let cases_of = |args: &[&str], names: &[&str]| cases(&typed(args), &brokers(names));
        let order: Vec<_> = cases_of(&["--fps", "60,30,60", "--consumers", "1"], &["a", "b"])
            .into_iter()
            .map(|case| (case.fps, case.broker))
            .collect();
        let expected = [(60.0, "a"), (60.0, "b"), (30.0, "a"), (30.0, "b")];
        assert_eq!(order, expected.map(|(fps, broker)| (fps, broker.to_owned())));
        let table = ["--sizes", "10k,100k,1M,4M", "--acks", "0,1,all", "--linger", "0,5", "--fps", "30"];
        assert_eq!(cases_of(&table, &["a", "b", "c"]).len(), 4 * 3 * 2 * 2 * 3);
    }

    #[test]
    fn brokers_are_compared_with_kafka_and_more_consumers_with_the_fewest() {
        let cases = [case("embedded", 1), case("real", 1), case("embedded", 3)];
        let runs = rounds(&[(1, 0, took(100)), (1, 1, took(200)), (1, 2, took(160))]);
        let HopFigures { cases: results, between_brokers, more_consumers } = figures(&cases, &runs, "real", false);
        assert_eq!(results.len(), 3);
        let ratio = |ratio: &HopRatio| (ratio.figure.clone(), ratio.ratio.median, ratio.met);
        assert_eq!(
            between_brokers.iter().map(ratio).collect::<Vec<_>>(),
            [("p50".to_owned(), 0.5, true), ("p99".to_owned(), 0.5, true)]
        );
        assert_eq!(
            (&more_consumers[0].of, &more_consumers[0].to, more_consumers[0].met),
            (&case("embedded", 3), &case("embedded", 1), false)
        );
        assert_eq!(more_consumers.len(), 2);
    }

    #[test]
    fn the_rounds_of_kafka_have_their_latency_without_a_name() {
        let fields = |unnamed: bool| {
            let figures = figures(&[case("real", 1)], &rounds(&[(1, 0, took(100))]), "real", unnamed);
            serde_json::to_value(&figures.cases[0].rounds[0]).unwrap()["p50"].as_u64()
        };
        assert_eq!((fields(true), fields(false)), (Some(100), None));
    }
}
