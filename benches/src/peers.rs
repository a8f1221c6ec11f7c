//! `vidbench peers`: compares our programs with alternatives, measured from outside.
//!
//! ```text
//! clip ─frames, when due─▶ feeder ─y4m─▶ producer … consumer ─pixels─▶ screen ─bar─▶ watcher: which was seen when
//! ```
//!
//! Feeder and watcher know nothing of the programs between them, so any two programs can be compared.

pub mod args;
mod bar;
mod clip;
mod consumer_report;
mod feeder;
mod programs;
pub mod report;
mod run;
mod watcher;

use std::process::ExitCode;

use anyhow::ensure;
use common::report::Summary;

use self::args::PeersArgs;
use self::clip::PlanarClip;
use self::programs::Peer;
use self::report::{PeerGoals, PeerRatio, PeerResult, PeerRound, PeersFigures, PeersSettings};
use self::run::PeersSetup;
use crate::brokers::{self, BrokerChoice, StartedBroker};
use crate::control::Control;
use crate::experiment::{Experiment, Rounds};
use crate::messages::prepare::prepare;
use crate::options::PREPARE_MESSAGES;

pub fn run(args: &PeersArgs, control: Control<'_>) -> anyhow::Result<ExitCode> {
    let mut experiment = Experiment::start(control);
    let place = args.check()?;
    ensure!(args.headless || testkit::needs::on_path("Xvfb"), "there is no Xvfb: scripts/setup bench installs it");
    let python = &programs::find_python();
    let mut peers = args.peers();
    peers.retain(|peer| match peer.missing(python) {
        Some(missing) => {
            tracing::warn!("{peer} is left out: {missing}");
            false
        }
        None => true,
    });
    let clip = &PlanarClip::read(&args.clip(), &args.size, place)?;
    let brokers = start_brokers(&mut peers, control)?;
    ensure!(!peers.is_empty(), "none of the lines can be run");
    let setup = PeersSetup { args, place, clip, python, control };
    let labels: Vec<String> = peers.iter().map(ToString::to_string).collect();
    let rounds = experiment.rounds(args.rounds, &labels, |round, index| {
        let name = peers[index].broker.as_ref().map(BrokerChoice::name);
        setup.run(peers[index], brokers.iter().find(|broker| Some(broker.name.as_str()) == name), round)
    });
    let settings = PeersSettings {
        headless: args.headless,
        rounds: args.rounds,
        frames: args.frames,
        warm: args.warm,
        size: args.size.pixels(),
        fps: args.fps,
        quality: args.quality,
        clip: args.clip().file_name().map(|name| name.to_string_lossy().into_owned()),
    };
    let figures = figures(&peers, &rounds, args.headless);
    let report = experiment.report("peers", &brokers, settings, figures);
    experiment.finish(&report, args.report.as_ref(), &report::text(&report))?;
    // A round in which another program failed is no failure.
    Ok(if control.interrupted() { ExitCode::SUCCESS } else { end_with(&report.figures.lines) })
}

/// Starts the brokers that the peers need; removes peers whose broker does not start.
fn start_brokers(peers: &mut Vec<&Peer>, control: Control<'_>) -> anyhow::Result<Vec<StartedBroker>> {
    let mut choices: Vec<&BrokerChoice> = Vec::new();
    for choice in peers.iter().filter_map(|peer| peer.broker.as_ref()) {
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    let mut started = Vec::new();
    for choice in choices {
        match brokers::start(std::slice::from_ref(choice), None, control) {
            Err(error) if !control.interrupted() => {
                tracing::warn!("lines through {} are left out: {error:#}", choice.name());
                peers.retain(|peer| peer.broker.as_ref() != Some(choice));
            }
            brokers => started.extend(brokers?),
        }
    }
    prepare(&started, PREPARE_MESSAGES, control)?;
    Ok(started)
}

fn figures(peers: &[&Peer], rounds: &Rounds<PeerRound>, headless: bool) -> PeersFigures {
    let line = |(index, peer): (usize, &&Peer)| {
        let mut by_p50: Vec<&PeerRound> = rounds.of(index).map(|run| &run.result).collect();
        by_p50.sort_by_key(|round| round.latency_us.p50);
        PeerResult {
            line: peer.to_string(),
            broker: peer.broker.as_ref().map(|choice| choice.name().to_owned()),
            middle_round: by_p50.get(by_p50.len() / 2).map(|round| round.round),
            rounds: rounds.of(index).map(|run| run.result.clone()).collect(),
        }
    };
    let ratio = |of: usize, to: usize| {
        let spread = |figure: fn(&Summary) -> u64| rounds.ratio(of, to, |round| figure(&round.latency_us) as f64);
        let (p50, p99) = (spread(|summary| summary.p50)?, spread(|summary| summary.p99)?);
        let (of, to) = (peers[of].name, peers[to].name);
        Some(PeerRatio { of: of.to_owned(), to: to.to_owned(), p50, p99, goals: goals(of, to, headless) })
    };
    let (ours, others): (Vec<usize>, Vec<usize>) = (0..peers.len()).partition(|index| peers[*index].is_ours());
    let pairs = ours.iter().flat_map(|of| others.iter().map(move |to| (*of, *to)));
    PeersFigures {
        lines: peers.iter().enumerate().map(line).collect(),
        ratios: pairs.filter_map(|(of, to)| ratio(of, to)).collect(),
    }
}

/// The largest allowed ratios.
fn goals(of: &str, to: &str, headless: bool) -> Option<PeerGoals> {
    let (p50, p99) = match (of, to, headless) {
        ("ours-real", "gstreamer", false) => (0.90, 1.10),
        ("ours-embedded", "gstreamer", false) => (0.85, 1.0),
        ("ours-real", "imagezmq", true) => (0.75, 1.0),
        ("ours-real", "confluent-tuned", true) => (0.65, 0.90),
        _ => return None,
    };
    Some(PeerGoals { p50, p99 })
}

/// A line that failed in every round is a failure.
fn end_with(lines: &[PeerResult]) -> ExitCode {
    let failed: Vec<&PeerResult> = lines.iter().filter(|line| line.rounds.is_empty()).collect();
    failed.iter().for_each(|line| tracing::error!("{} failed in every round", line.line));
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::rounds;

    fn took(round: u32, p50: u64) -> PeerRound {
        let latency_us = Summary { p50, p99: 2 * p50, ..Summary::default() };
        let (all_frames_p50_us, consumer_report) = (None, None);
        PeerRound { round, shown: 1, of: 1, latency_us, all_frames_p50_us, feeder_late_max_us: 0, consumer_report }
    }

    fn figures_of(runs: &[(u32, usize, u64)]) -> PeersFigures {
        let peers = ["gstreamer", "ours-real"].map(|name| programs::peer(name).unwrap());
        let runs: Vec<_> = runs.iter().map(|(round, peer, p50)| (*round, *peer, took(*round, *p50))).collect();
        figures(&peers, &rounds(&runs), false)
    }

    #[test]
    fn ours_are_compared_with_the_others_round_by_round() {
        let ratios = figures_of(&[(1, 1, 10), (1, 0, 20), (2, 0, 100), (2, 1, 80), (3, 1, 1)]).ratios;
        assert_eq!(ratios.len(), 1);
        assert_eq!((ratios[0].of.as_str(), ratios[0].to.as_str()), ("ours-real", "gstreamer"));
        assert_eq!(ratios[0].p50.to_string(), "0.65 (0.50…0.80)");
        assert_eq!(ratios[0].goals, Some(PeerGoals { p50: 0.90, p99: 1.10 }));
    }

    #[test]
    fn the_middle_round_is_that_with_the_median_p50() {
        let middle = |runs: &[(u32, usize, u64)]| figures_of(runs).lines[0].middle_round;
        assert_eq!(middle(&[(1, 0, 30), (2, 0, 10), (3, 0, 20)]), Some(3));
        assert_eq!(middle(&[(1, 0, 30), (2, 0, 10)]), Some(1));
        assert_eq!(middle(&[(1, 1, 30)]), None);
    }

    #[test]
    fn a_line_without_a_round_is_a_failure() {
        let both = figures_of(&[(2, 0, 10), (1, 1, 10)]).lines;
        assert_eq!((end_with(&both), end_with(&both[..1])), (ExitCode::SUCCESS, ExitCode::SUCCESS));
        assert_eq!(end_with(&figures_of(&[(1, 0, 10), (2, 0, 10)]).lines), ExitCode::FAILURE);
    }
}
