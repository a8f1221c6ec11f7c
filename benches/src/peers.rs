//! `vidbench peers`: compares our programs with alternatives, measured from outside.
//!
//! ```text
//! clip ─frames, when due─▶ feeder ─y4m─▶ producer … consumer ─pixels─▶ screen ─bar─▶ watcher: which was seen when
//! ```
//!
//! Feeder and watcher know nothing of the programs between them, so any two programs can be compared.

pub mod args;
mod bar;
mod feeder;
mod programs;
pub mod report;
mod run;
mod watcher;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use common::report::Summary;
use common::words::count;
use itertools::{Itertools, iproduct};
use serde_json::{Value, json};

use self::args::PeersArgs;
use self::feeder::PlanarClip;
use self::programs::Peer;
use self::run::{PeerRound, PeersSetup};
use crate::brokers::BrokerChoice;
use crate::control::Control;
use crate::experiment::{Experiment, Rounds, joined};
use crate::options::PictureArgs;

pub fn run(args: &PeersArgs, control: Control<'_>) -> Result<ExitCode> {
    let mut experiment = Experiment::new("peers", &args.experiment, control);
    let place = args.check()?;
    ensure!(args.headless || testkit::needs::on_path("Xvfb"), "there is no Xvfb: scripts/setup bench installs it");
    let python = &programs::find_python();
    let mut peers = args.peers();
    peers.retain(|peer| {
        let missing = peer.missing(python);
        missing.iter().for_each(|missing| tracing::warn!("{peer} is left out: {missing}"));
        missing.is_none()
    });
    let PictureArgs { size, fps } = &args.picture;
    let clip = &PlanarClip::read(&args.clip, size, place)?;
    let choices: Vec<_> = peers.iter().filter_map(|peer| peer.broker).unique().map(BrokerChoice::to_start).collect();
    let brokers = experiment.start_brokers(&choices)?;
    let broker = |peer: &Peer| brokers.iter().find(|broker| Some(broker.name.as_str()) == peer.broker);
    peers.retain(|peer| peer.broker.is_none() || broker(peer).is_some());
    ensure!(!peers.is_empty(), "none of the lines can be run");
    let setup = PeersSetup { args, place, clip, python, control };
    let rounds = experiment.rounds(&peers, |round, index| setup.run(peers[index], broker(peers[index]), round));
    let figures = figures(&peers, &rounds, args.headless);
    let clip = args.clip.file_name().map(|name| name.to_string_lossy().into_owned());
    let settings = json!({
        "headless": args.headless,
        "frames": args.frames,
        "warm": args.warm,
        "size": size.pixels(),
        "fps": fps,
        "quality": args.quality,
        "clip": clip,
    });
    let text = heading(args, &clip.unwrap_or_default(), &experiment) + &report::text(&figures)?;
    experiment.finish(&brokers, joined(json!({ "settings": settings }), figures), &text)?;
    // A round in which another program failed is no failure, but a line that failed in every round is.
    let failed: Vec<&&Peer> = peers.iter().enumerate().filter(|(i, _)| !rounds.has(*i)).map(|(_, peer)| peer).collect();
    if failed.is_empty() || control.interrupted() {
        return Ok(ExitCode::SUCCESS);
    }
    failed.iter().for_each(|peer| tracing::error!("{peer} failed in every round"));
    Ok(ExitCode::FAILURE)
}

fn heading(args: &PeersArgs, clip: &str, experiment: &Experiment<'_>) -> String {
    let (title, from) = if args.headless {
        ("Captured to decoded", "as the programs report it")
    } else {
        ("Glass to glass", "from when a frame's first byte was written until it was on the screen")
    };
    let PeersArgs { picture: PictureArgs { size, fps }, quality, frames, .. } = args;
    let warm = if args.warm > 0 { format!(", the first {} not counted", args.warm) } else { String::new() };
    let (size, frames) = (size.pixels(), count(*frames, "frame"));
    let title = format!("{title}: {clip}, {size}, {fps} fps, quality {quality}, {frames}{warm}");
    experiment.heading(&title, &format!("ms, {from}; each line's middle round"))
}

/// The figures of all lines, as they are reported.
fn figures(peers: &[&Peer], rounds: &Rounds<PeerRound>, headless: bool) -> Value {
    let line = |(index, peer): (usize, &&Peer)| {
        let by_p50: Vec<&PeerRound> = rounds.results(index).sorted_by_key(|round| round.latency_us.p50).collect();
        // The larger of the middle two if their number is even.
        let middle = by_p50.get(by_p50.len() / 2).map(|round| round.round);
        let rounds: Vec<&PeerRound> = rounds.results(index).collect();
        json!({ "line": peer.name, "broker": peer.broker, "middle_round": middle, "rounds": rounds })
    };
    let ratio = |(of, to): (usize, usize)| {
        let spread = |figure: fn(&Summary) -> u64| rounds.ratio(of, to, |round| figure(&round.latency_us) as f64);
        let (p50, p99) = (spread(|summary| summary.p50)?, spread(|summary| summary.p99)?);
        let (of, to) = (peers[of].name, peers[to].name);
        Some(json!({ "of": of, "to": to, "p50": p50, "p99": p99, "goals": goals(of, to, headless) }))
    };
    let (ours, others): (Vec<usize>, Vec<usize>) = (0..peers.len()).partition(|index| peers[*index].is_ours());
    json!({
        "lines": peers.iter().enumerate().map(line).collect::<Vec<_>>(),
        "ratios": iproduct!(ours, others).filter_map(ratio).collect::<Vec<_>>(),
    })
}

/// The largest allowed ratios.
fn goals(of: &str, to: &str, headless: bool) -> Option<Value> {
    let (p50, p99) = match (of, to, headless) {
        ("ours-real", "gstreamer", false) => (0.90, 1.10),
        ("ours-embedded", "gstreamer", false) => (0.85, 1.0),
        ("ours-real", "imagezmq", true) => (0.75, 1.0),
        ("ours-real", "confluent-tuned", true) => (0.65, 0.90),
        _ => return None,
    };
    Some(json!({ "p50": p50, "p99": p99 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::rounds;
    use crate::readme::tests::has_the_fields_of;

    fn figures_of(runs: &[(u32, usize, u64)]) -> Value {
        let peers = ["gstreamer", "ours-real"].map(|name| programs::peer(name).unwrap());
        let took = |round: u32, p50: u64| {
            let latency_us = Summary { p50, p99: 2 * p50, ..Summary::default() };
            PeerRound { round, latency_us, ..PeerRound::default() }
        };
        let runs: Vec<_> = runs.iter().map(|(round, peer, p50)| (*round, *peer, took(*round, *p50))).collect();
        figures(&peers, &rounds(&runs), false)
    }

    #[test]
    fn ours_are_compared_with_the_others_round_by_round() {
        let figures = figures_of(&[(1, 1, 10), (1, 0, 20), (2, 0, 100), (2, 1, 80), (3, 1, 1)]);
        assert_eq!(figures["ratios"].as_array().map(Vec::len), Some(1));
        let ratio = &figures["ratios"][0];
        assert_eq!((&ratio["of"], &ratio["to"]), (&json!("ours-real"), &json!("gstreamer")));
        assert_eq!(ratio["p50"], json!({ "median": 0.65, "min": 0.5, "max": 0.8 }));
        assert_eq!(ratio["goals"], json!({ "p50": 0.90, "p99": 1.10 }));
        has_the_fields_of("peers.json", "/ratios/0", ratio);
        has_the_fields_of("peers.json", "/lines/0", &figures["lines"][0]);
    }

    #[test]
    fn the_middle_round_is_that_with_the_median_p50() {
        let middle = |runs: &[(u32, usize, u64)]| figures_of(runs)["lines"][0]["middle_round"].as_u64();
        assert_eq!(middle(&[(1, 0, 30), (2, 0, 10), (3, 0, 20)]), Some(3));
        assert_eq!(middle(&[(1, 0, 30), (2, 0, 10)]), Some(1));
        assert_eq!(middle(&[(1, 1, 30)]), None);
    }
}
