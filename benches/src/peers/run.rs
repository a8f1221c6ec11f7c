//! One run of one line: starts its consumer, then its producer, then feeds the frames.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use common::report::Summary;
use common::time::Latency;
use serde::Serialize;
use serde_json::Value;
use tempfile::tempdir;
use testkit::child::{LoggedChild, Pipe};
use testkit::port::free_port;
use testkit::workspace::{built, root};
use testkit::{Program, Xvfb};

use super::args::PeersArgs;
use super::bar::BarPlace;
use super::clip::PlanarClip;
use super::consumer_report::{ConsumerReport, captured_to_decoded};
use super::feeder::{self, FeedTimes};
use super::programs::Peer;
use super::watcher::{ScreenTimes, Watcher};
use crate::brokers::BenchBroker;
use crate::control::Control;
use crate::messages::topic::{BenchTopic, TopicSettings};

/// Time after the last frame was fed, for frames still in flight.
const STRAGGLERS: Duration = Duration::from_secs(3);
/// Time for a consumer to end by itself and write its report.
const REPORTING: Duration = Duration::from_secs(10);

/// The figures of one run of a line, as they are reported.
#[derive(Clone, PartialEq, Default, Debug, Serialize)]
pub struct PeerRound {
    pub round: u32,
    /// Number of frames that count and were shown, and of those that count.
    pub shown: u64,
    pub of: u64,
    /// The latency by which lines are compared: fed → seen on the screen, or captured → decoded.
    pub latency_us: Summary,
    /// p50 of all frames that were seen, including the warm-up, in the way that the consumer's report counts them.
    pub all_frames_p50_us: Option<u64>,
    pub feeder_late_max_us: u64,
    pub consumer_report: Option<Value>,
}

impl fmt::Display for PeerRound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { p50, p99, .. } = self.latency_us;
        let (p50, p99) = (p50 as f64 / 1e3, p99 as f64 / 1e3);
        write!(f, "p50 {p50:.2} p99 {p99:.2} ms, {} of {} shown", self.shown, self.of)
    }
}

/// The settings that all runs share.
#[derive(Clone, Copy, Debug)]
pub struct PeersSetup<'a> {
    pub args: &'a PeersArgs,
    pub place: BarPlace,
    pub clip: &'a PlanarClip,
    pub python: &'a str,
    pub control: Control<'a>,
}

impl PeersSetup<'_> {
    /// Runs one peer, with a topic, a screen and a port of its own.
    pub fn run(&self, peer: &Peer, broker: Option<&BenchBroker>, round: u32) -> anyhow::Result<PeerRound> {
        let (args, clock, settings) = (self.args, self.control.clock, TopicSettings::default());
        let topic = broker.map(|broker| BenchTopic::create(&broker.address, &settings, clock)).transpose()?;
        let folder = tempdir().context("a folder for logs and reports")?;
        let values = self.values(peer, broker, topic.as_ref(), folder.path())?;
        // The screen is as large as the picture.
        let size = (args.picture.size.width as u32, args.picture.size.height as u32);
        let screen = (!args.headless).then(|| Xvfb::with_screen(size, &[])).transpose()?;
        let display = screen.as_ref().map(Xvfb::display);
        let watcher = display.map(|display| Watcher::connect(display, self.place)).transpose()?;
        let consumer = peer.consumer(args.headless, &values);
        let mut consumer = start("the consumer", &consumer, display, Pipe::None, folder.path())?;
        self.control.sleep(args.settle.duration());
        ensure!(!consumer.has_ended(), "the consumer ended before anything was sent; {}", consumer.last_line());
        let producer = peer.producer(&values);
        let mut producer = start("the producer", &producer, display, Pipe::Input, folder.path())?;
        let (fed, seen) = self.feed_and_watch(producer.input()?, watcher.as_ref());
        self.control.check()?;
        let fed = fed.with_context(|| producer.last_line())?;
        let report = peer.reports().then(|| {
            producer.ends_within(REPORTING);
            consumer.ends_within(REPORTING);
            ConsumerReport::read(&report(folder.path())).with_context(|| consumer.last_line())
        });
        let report = report.transpose()?;
        let (latency_us, all_frames_p50_us) = match seen {
            Some(seen) => {
                let seen = seen?;
                (latency(&fed, &seen, args.warm), Some(latency(&fed, &seen, 0).p50))
            }
            None if peer.is_ours() => (captured_to_decoded(&frames(folder.path()), args.warm as u64)?, None),
            None => (report.as_ref().map(|report| report.latency_us.total).unwrap_or_default(), None),
        };
        let shown = latency_us.count;
        ensure!(shown > 0, "no frame was seen; {}; {}", consumer.last_line(), producer.last_line());
        Ok(PeerRound {
            round,
            shown,
            of: (args.frames - args.warm) as u64,
            latency_us,
            all_frames_p50_us,
            feeder_late_max_us: fed.late_max.as_micros() as u64,
            consumer_report: report.as_ref().map(ConsumerReport::figures),
        })
    }

    /// The values in the command lines.
    fn values(
        &self,
        peer: &Peer,
        broker: Option<&BenchBroker>,
        topic: Option<&BenchTopic>,
        folder: &Path,
    ) -> anyhow::Result<Vec<(&'static str, String)>> {
        let (args, port) = (self.args, free_port()?);
        let address = broker.map(|broker| broker.address.clone());
        let path = |path: PathBuf| path.display().to_string();
        Ok(vec![
            ("vidprod", built("vidprod").map(path).unwrap_or_default()),
            ("vidcons", built("vidcons").map(path).unwrap_or_default()),
            ("python", self.python.to_owned()),
            ("script", path(root().join("benches/peers").join(peer.script))),
            ("broker", address.clone().unwrap_or_default()),
            ("address", address.unwrap_or_else(|| format!("127.0.0.1:{port}"))),
            ("port", port.to_string()),
            ("topic", topic.map_or(String::new(), |topic| topic.name.clone())),
            ("report", path(report(folder))),
            ("frames", path(frames(folder))),
            ("size", args.picture.size.pixels()),
            ("warm", args.warm.to_string()),
            ("quality", args.quality.to_string()),
        ])
    }

    /// Feeds the frames and watches the screen; the second result is `None` without a screen.
    fn feed_and_watch(
        &self,
        pipe: ChildStdin,
        watcher: Option<&Watcher>,
    ) -> (anyhow::Result<FeedTimes>, Option<anyhow::Result<ScreenTimes>>) {
        let (args, control) = (self.args, self.control);
        let now = || control.clock.now();
        thread::scope(|threads| {
            let feeding = threads.spawn(|| feeder::feed(pipe, self.clip, (args.frames, args.picture.fps), control));
            let mut ended = None;
            let goes_on = || {
                if feeding.is_finished() {
                    ended.get_or_insert_with(now);
                }
                !control.interrupted() && ended.is_none_or(|ended| now().since(ended) < STRAGGLERS)
            };
            let seen = watcher.map(|watcher| watcher.watch(args.frames, control.clock, goes_on));
            (feeding.join().unwrap_or_else(|_| Err(anyhow!("the feeder panicked"))), seen)
        })
    }
}

/// Starts a program with its output in a file called `name`.
fn start(
    name: &str,
    words: &[String],
    display: Option<&str>,
    pipe: Pipe,
    folder: &Path,
) -> anyhow::Result<LoggedChild> {
    let (program, args) = words.split_first().context("a program's name")?;
    let program = Program::at(program).args(args);
    let program = display.into_iter().fold(program, |program, display| program.env("DISPLAY", display));
    program.start_logged(name, pipe, &folder.join(name))
}

/// The file for the consumer's report.
fn report(folder: &Path) -> PathBuf {
    folder.join("report.json")
}

/// The file to which vidcons writes a line for each frame.
fn frames(folder: &Path) -> PathBuf {
    folder.join("frames.csv")
}

/// The latency of the frames from number `from` on that were seen.
fn latency(fed: &FeedTimes, seen: &ScreenTimes, from: usize) -> Summary {
    let mut latency = Latency::default();
    let both = fed.began.iter().zip(seen).skip(from);
    both.filter_map(|(began, seen)| Some(seen.as_ref()?.since(*began))).for_each(|time| latency.record(time));
    Summary::from(&latency)
}
